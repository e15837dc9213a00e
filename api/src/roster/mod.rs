//! An uploaded list: read, reviewed row by row, committed whole or not at all, undone.
//!
//! What a row is and says is decided by the `roster` crate; here it meets the people and registrations on record.

pub mod commit;
pub mod forget;
pub mod graphql;
pub mod listed;
pub mod sealed;
pub mod stage;
pub mod undo;
pub mod upload;

pub use self::forget::is_known;

use entity::{
    activity,
    id::RosterBatchId,
    roster_batch::{self, Column},
    roster_row,
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect,
};

use crate::{
    authz::{
        Permit,
        policy::{StageRoster, ViewRoster},
    },
    error::Failure,
    page::{Page, Slice},
    refusals,
};

refusals! {
    /// Why a list was not read.
    StageRosterErrorCode, StageRosterUserError {
        /// The file as a whole cannot be taken; the message says why and what to do.
        Unreadable = "{}", "{}";
        /// The day of the event is neither given nor known from the activity's sessions.
        EventDateMissing = "请填写活动日期", "give the day of the event";
    }
}

refusals! {
    /// Why a list was not committed.
    CommitRosterErrorCode, CommitRosterUserError {
        /// It was committed or undone already.
        WrongStatus = "该名单已导入或已撤销", "the list was committed or undone already";
        /// The activity is closed or cancelled, or a template.
        ActivityNotOpen = "活动已结束或取消，或为模板", "the activity is closed or cancelled, or a template";
        /// The activity has no such allocation for this category, or its time is over.
        AllocationUnknown = "没有可用的名额分配", "there is no such allocation, or its time is over";
        /// The activity has no category of this name.
        CategoryUnknown = "没有名为“{}”的类别", "there is no category “{}”";
        /// A text is too long.
        TooLong = "不能超过{}个字符", "must not be longer than {} characters";
    }
}

refusals! {
    /// What of a list was not undone, and why.
    UndoRosterErrorCode, UndoRosterUserError {
        /// The list is not committed.
        WrongStatus = "该名单尚未导入或已撤销", "the list is not committed";
        /// The person has checked in since, so the registration stays.
        CheckedIn = "{}已签到，报名保留", "{} has checked in; the registration stays";
    }
}

/// A batch as it is now, locked against rivals that commit or undo it.
async fn locked(
    tx: &DatabaseTransaction,
    id: RosterBatchId,
) -> Result<roster_batch::Model, Failure> {
    roster_batch::Entity::find_by_id(id).lock_exclusive().one(tx).await?.ok_or(Failure::NotFound)
}

/// The lists that were uploaded for an activity, newest first.
pub async fn list(
    db: &impl ConnectionTrait,
    permit: &Permit<StageRoster>,
    slice: Slice<RosterBatchId>,
) -> Result<Page<roster_batch::Model>, Failure> {
    let activity: &activity::Model = permit.on();
    let mut cursor = roster_batch::Entity::find()
        .filter(Column::ActivityId.eq(activity.id))
        .cursor_by(Column::Id);
    cursor.desc();
    slice.of(cursor, db).await
}

/// The rows of a list, in the order of the file.
pub async fn rows(
    db: &impl ConnectionTrait,
    permit: &Permit<ViewRoster>,
    outcome: Option<roster_row::Outcome>,
    slice: Slice<i32>,
) -> Result<Page<roster_row::Model>, Failure> {
    let mut query =
        roster_row::Entity::find().filter(roster_row::Column::BatchId.eq(permit.on().id));
    if let Some(outcome) = outcome {
        query = query.filter(roster_row::Column::Outcome.eq(outcome));
    }
    slice.of(query.cursor_by(roster_row::Column::Row), db).await
}
