//! The spans of time at which attendance is taken, and when their doors are open.

pub mod figures;
pub mod graphql;

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    activity, attendance,
    id::{AccountId, ActivityId, SessionId},
    session::{self, Column, WalkIns},
};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction,
    EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect, RelationTrait, sea_query::Expr,
};

use crate::{
    authz::{
        Permit,
        policy::{CreateSession, UpdateSession, ViewAttendance},
    },
    db::within,
    error::{Error, Failure, Refusal},
    page::{Page, Slice},
    refusals,
};

refusals! {
    /// Why a session was not made or changed.
    SessionErrorCode, SessionUserError {
        /// A text that is needed is missing.
        Required = "不能为空", "must not be empty";
        /// A text is too long.
        TooLong = "不能超过{}个字符", "must not be longer than {} characters";
        /// The session does not end after it starts.
        EndsBeforeStart = "结束时间须晚于开始时间", "a session ends after it starts";
        /// The door does not close after it opens.
        ClosesBeforeOpens = "签到截止须晚于签到开始", "a door closes after it opens";
        /// The credit hours are not a number from 0 to 1000 with at most two decimals.
        CreditHoursInvalid = "学时须为0至1000的数，最多两位小数", "credit hours are from 0 to 1000, with at most two decimals";
        /// The session would close itself more than 720 hours after its end, or before it.
        ClosesAfterInvalid = "自动结束考勤须在场次结束后0至720小时", "a session closes itself from 0 to 720 hours after its end";
        /// A code for checking oneself in is shown for 15 to 30 seconds.
        CodeSecondsInvalid = "签到码须显示15至30秒", "a code is shown for 15 to 30 seconds";
    }
}

/// The door opens so long before the start, unless it says otherwise.
pub const OPENS_BEFORE: TimeDelta = TimeDelta::hours(2);
/// Whoever comes so long after the start is late, unless it says otherwise.
pub const LATE_AFTER: TimeDelta = TimeDelta::minutes(10);

/// Whoever leaves so long before the end has left early, unless it says otherwise.
pub const EARLY_BEFORE: TimeDelta = TimeDelta::minutes(10);
/// A session closes itself so long after its end, unless it says otherwise.
pub const CLOSES_AFTER: TimeDelta = TimeDelta::hours(12);
/// A code for checking oneself in is shown for so many seconds, unless it says otherwise.
pub const CODE_SECONDS: i32 = 20;
const CLOSES_AT_MOST: TimeDelta = TimeDelta::hours(720);

/// What a session is made from. What is not given of the door's times follows from the start and the end.
#[derive(Clone, Debug)]
pub struct Draft {
    pub title: String,
    pub venue: Option<String>,
    pub starts_at: DateTime<Utc>,
    pub ends_at: DateTime<Utc>,
    pub opens_at: Option<DateTime<Utc>>,
    pub late_at: Option<DateTime<Utc>>,
    pub closes_at: Option<DateTime<Utc>>,
    pub credit_centihours: i32,
    pub tracks_exit: bool,
    pub walk_ins: WalkIns,
    pub self_check_in: bool,
    pub code_seconds: i32,
    pub early_at: Option<DateTime<Utc>>,
    /// How long after its end it closes itself; never if zero.
    pub closes_after: TimeDelta,
}

impl Draft {
    /// What is wrong with its times, and where: the field at fault.
    #[must_use]
    pub fn faults(&self) -> Vec<(SessionErrorCode, &'static str)> {
        let mut faults = Vec::new();
        if self.ends_at <= self.starts_at {
            faults.push((SessionErrorCode::EndsBeforeStart, "endsAt"));
        } else if self.closes_at() <= self.opens_at() {
            faults.push((SessionErrorCode::ClosesBeforeOpens, "closesAt"));
        }
        if !(TimeDelta::zero()..=CLOSES_AT_MOST).contains(&self.closes_after) {
            faults.push((SessionErrorCode::ClosesAfterInvalid, "closesAfterHours"));
        }
        if !(15..=30).contains(&self.code_seconds) {
            faults.push((SessionErrorCode::CodeSecondsInvalid, "codeSeconds"));
        }
        faults
    }

    fn opens_at(&self) -> DateTime<Utc> {
        self.opens_at.unwrap_or(self.starts_at - OPENS_BEFORE)
    }

    fn closes_at(&self) -> DateTime<Utc> {
        self.closes_at.unwrap_or(self.ends_at)
    }

    /// The row of this session on an activity.
    #[must_use]
    pub fn row(self, activity: ActivityId) -> session::Model {
        session::Model {
            id: SessionId::generate(),
            activity_id: activity,
            starts_at: self.starts_at,
            ends_at: self.ends_at,
            opens_at: self.opens_at(),
            late_at: self.late_at.unwrap_or(self.starts_at + LATE_AFTER),
            closes_at: self.closes_at(),
            credit_centihours: self.credit_centihours,
            tracks_exit: self.tracks_exit,
            walk_ins: self.walk_ins,
            self_check_in: self.self_check_in,
            code_seconds: self.code_seconds,
            early_at: self
                .tracks_exit
                .then(|| self.early_at.unwrap_or(self.ends_at - EARLY_BEFORE)),
            closes_itself_at: (!self.closes_after.is_zero())
                .then(|| self.ends_at + self.closes_after),
            closed_at: None,
            closed_by: None,
            expected_count: None,
            title: self.title,
            venue: self.venue,
        }
    }
}

/// Hundredths of an hour from a decimal such as `4`, `0.5` or `1.25`.
#[must_use]
pub fn read_hours(text: &str) -> Option<i32> {
    let (whole, part) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let digits = |it: &str| it.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || whole.len() > 4 || part.len() > 2 || !digits(whole) || !digits(part) {
        return None;
    }
    let hundredths =
        whole.parse::<i32>().ok()? * 100 + format!("{part:0<2}").parse::<i32>().ok()?;
    (hundredths <= 100_000).then_some(hundredths)
}

/// The shortest decimal of some hundredths of an hour.
#[must_use]
pub fn show_hours(hundredths: i32) -> String {
    let text = format!("{}.{:02}", hundredths / 100, hundredths % 100);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Adds a session to an activity, whose span grows to hold it. Whoever is on leave then is excused from it.
pub async fn create(
    tx: &DatabaseTransaction,
    permit: &Permit<CreateSession>,
    draft: Draft,
    now: DateTime<Utc>,
) -> Result<session::Model, Error<SessionErrorCode>> {
    refuse_faults(&draft)?;
    crate::activity::locked(tx, permit.on().id).await?;
    let row = insert(tx, draft.row(permit.on().id)).await?;
    stretch(tx, row.activity_id).await?;
    crate::leave::cover::session_changed(tx, &row, now).await?;
    Ok(row)
}

/// Gives a session other times, another place, another title, another rule. Attendance is derived again by them; that of
/// a session that is closed stays closed, and what changes is an amendment, by which the hours earned change too.
pub async fn update(
    tx: &DatabaseTransaction,
    permit: &Permit<UpdateSession>,
    draft: Draft,
    now: DateTime<Utc>,
) -> Result<session::Model, Error<SessionErrorCode>> {
    refuse_faults(&draft)?;
    let old = permit.on();
    crate::activity::locked(tx, old.activity_id).await?;
    let row = draft.row(old.activity_id);
    let row = session::ActiveModel {
        id: sea_orm::ActiveValue::Unchanged(old.id),
        closed_at: sea_orm::ActiveValue::NotSet,
        closed_by: sea_orm::ActiveValue::NotSet,
        expected_count: sea_orm::ActiveValue::NotSet,
        ..session::ActiveModel::from(row).reset_all()
    };
    let row = row.update(tx).await?;
    stretch(tx, row.activity_id).await?;
    let times =
        |it: &session::Model| (it.starts_at, it.ends_at, it.late_at, it.early_at, it.tracks_exit);
    if times(&row) != times(old) {
        crate::attendance::judge_again(tx, row.id, now).await?;
        crate::leave::cover::session_changed(tx, &row, now).await?;
    }
    crate::credit::session_changed(tx, &row, now).await?;
    Ok(row)
}

fn refuse_faults(draft: &Draft) -> Result<(), Error<SessionErrorCode>> {
    crate::error::refuse_if_any(
        draft.faults().into_iter().map(|(code, field)| code.at(["session", field])).collect(),
    )
}

/// Keeps the row of a session.
pub async fn insert(
    tx: &impl ConnectionTrait,
    row: session::Model,
) -> Result<session::Model, Failure> {
    let active: session::ActiveModel = row.clone().into();
    session::Entity::insert(active.reset_all()).exec_without_returning(tx).await?;
    Ok(row)
}

/// Sets an activity's start and end by its sessions.
pub async fn stretch(tx: &impl ConnectionTrait, activity: ActivityId) -> Result<(), Failure> {
    let rows = session::Entity::find().filter(Column::ActivityId.eq(activity)).all(tx).await?;
    let row = activity::ActiveModel {
        id: sea_orm::ActiveValue::Unchanged(activity),
        starts_at: Set(rows.iter().map(|it| it.starts_at).min()),
        ends_at: Set(rows.iter().map(|it| it.ends_at).max()),
        ..Default::default()
    };
    activity::Entity::update(row).exec(tx).await?;
    Ok(())
}

/// The sessions of an activity, in the order in which they take place.
pub async fn schedule(
    db: &impl ConnectionTrait,
    activity: ActivityId,
) -> Result<Vec<session::Model>, Failure> {
    Ok(session::Entity::find()
        .filter(Column::ActivityId.eq(activity))
        .order_by_asc(Column::StartsAt)
        .order_by_asc(Column::Id)
        .all(db)
        .await?)
}

/// The sessions of some activities, in the order in which they take place.
pub async fn schedules(
    db: &impl ConnectionTrait,
    activities: impl IntoIterator<Item = ActivityId>,
) -> Result<Vec<session::Model>, Failure> {
    Ok(session::Entity::find()
        .filter(within((session::Entity, Column::ActivityId), activities))
        .order_by_asc(Column::StartsAt)
        .order_by_asc(Column::Id)
        .all(db)
        .await?)
}

/// All sessions, in the order in which they were made.
pub async fn all(db: &impl ConnectionTrait) -> Result<Vec<SessionId>, Failure> {
    let all = session::Entity::find().select_only().column(Column::Id).order_by_asc(Column::Id);
    Ok(all.into_tuple().all(db).await?)
}

/// The sessions that are due to close by themselves. One that was called off, and one that is there to be copied, stays
/// as it is.
pub async fn to_close(
    db: &impl ConnectionTrait,
    now: DateTime<Utc>,
) -> Result<Vec<SessionId>, Failure> {
    Ok(session::Entity::find()
        .select_only()
        .column(Column::Id)
        .join(JoinType::InnerJoin, session::Relation::Activity.def())
        .filter(Column::ClosedAt.is_null())
        .filter(Column::ClosesItselfAt.lte(now))
        .filter(activity::Column::Status.ne(activity::Status::Cancelled))
        .filter(activity::Column::IsTemplate.eq(false))
        .order_by_asc(Column::ClosesItselfAt)
        .into_tuple()
        .all(db)
        .await?)
}

/// Puts on record that a session is closed; false where it was before.
pub async fn mark_closed(
    tx: &DatabaseTransaction,
    id: SessionId,
    by: Option<AccountId>,
    now: DateTime<Utc>,
) -> Result<bool, Failure> {
    let done = session::Entity::update_many()
        .col_expr(Column::ClosedAt, Expr::value(now))
        .col_expr(Column::ClosedBy, Expr::value(by))
        .filter(Column::Id.eq(id))
        .filter(Column::ClosedAt.is_null())
        .exec(tx)
        .await?;
    Ok(done.rows_affected == 1)
}

/// Keeps how many were expected at a session when it was closed.
pub async fn keep_expected(
    tx: &DatabaseTransaction,
    id: SessionId,
    count: i32,
) -> Result<session::Model, Failure> {
    let row = session::ActiveModel {
        id: sea_orm::ActiveValue::Unchanged(id),
        expected_count: Set(Some(count)),
        ..Default::default()
    };
    Ok(row.update(tx).await?)
}

/// The attendances of a session, in the order in which people first came.
pub async fn attendances(
    db: &impl ConnectionTrait,
    permit: &Permit<ViewAttendance>,
    slice: Slice<entity::id::AttendanceId>,
) -> Result<Page<attendance::Model>, Failure> {
    use attendance::Column;
    let rows = attendance::Entity::find();
    slice.below(rows, (Column::SessionId, permit.on().id), Column::Id, db).await
}

/// The scans of a session, newest first: all, or the conflicts alone.
pub async fn scans(
    db: &impl ConnectionTrait,
    permit: &Permit<ViewAttendance>,
    conflicts: bool,
    slice: Slice<entity::id::ScanId>,
) -> Result<Page<entity::scan::Model>, Failure> {
    use entity::scan::Column;
    let mut rows = entity::scan::Entity::find();
    if conflicts {
        rows = rows.filter(crate::attendance::sync::in_conflict());
    }
    slice.below_newest(rows, (Column::SessionId, permit.on().id), Column::Id, db).await
}
