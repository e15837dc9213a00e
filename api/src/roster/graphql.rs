//! Uploaded lists as GraphQL shows them.

mod row;

use async_graphql::{
    Context, Enum, InputObject, Object, Result, SimpleObject, connection::Connection,
};
use chrono::{DateTime, NaiveDate, Utc};
use entity::{
    activity,
    id::{ActivityId, AllocationId, RosterBatchId, UploadId},
    roster_batch, roster_row,
};
use serde::Deserialize;

pub use self::row::RosterRow;
use super::{
    CommitRosterErrorCode, CommitRosterUserError, StageRosterErrorCode, StageRosterUserError,
    UndoRosterUserError, commit, stage, undo, upload,
};
use crate::{
    activity::graphql::Activity,
    authz::policy::{CommitRoster, StageRoster, UndoRoster, ViewRoster},
    error::Refusal,
    graphql::{Gid, UserError, Viewer, settle},
    page::Slice,
    text::Check,
    write::Note,
};

/// What kind of list it is.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "roster_batch::Profile")]
pub enum RosterProfile {
    /// The reply list of an event (回执): the first row of a person stays, later ones fill it.
    Event,
    /// The register of a class (学员名册): as EVENT.
    Class,
    /// The answers of an online form: the latest of a person wins whole, and consent is asked.
    Form,
}

/// How far an import is.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "roster_batch::Status")]
pub enum RosterStatus {
    /// Read and under review; nobody is registered by it.
    Staged,
    /// Its rows are registrations.
    Committed,
    /// Undone but for those who have checked in since.
    PartlyUndone,
    /// All that it alone brought is gone again.
    Undone,
}

/// What a row does.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "roster_row::Outcome")]
pub enum RosterOutcome {
    /// Registers a person.
    New,
    /// Changes a registration that is there.
    Updates,
    /// Says what is known.
    Unchanged,
    /// Says the same person again, and was merged into another row.
    Merged,
    /// Cannot be taken; its codes say why.
    Rejected,
}

/// How many rows became what. `dataRows` is accepted and rejected ones, `persons` is accepted less merged ones.
#[derive(SimpleObject, Deserialize, Default)]
#[serde(default)]
#[graphql(name = "RosterCounts")]
pub struct Counts {
    /// Rows that say something of a person.
    #[serde(alias = "data_rows")]
    data_rows: i32,
    /// Rows that are taken.
    #[serde(alias = "accepted_rows")]
    accepted_rows: i32,
    /// Rows that are not; their codes say why.
    #[serde(alias = "rejected_rows")]
    rejected_rows: i32,
    /// Accepted rows that say a person again.
    #[serde(alias = "merged_rows")]
    merged_rows: i32,
    /// Different people.
    persons: i32,
}

pub struct RosterBatch(pub roster_batch::Model);

impl RosterBatch {
    fn part<T: serde::de::DeserializeOwned + Default>(&self, name: &str) -> T {
        self.0
            .report
            .get(name)
            .cloned()
            .and_then(|it| serde_json::from_value(it).ok())
            .unwrap_or_default()
    }
}

/// An uploaded list under review (导入批次): a decision for every row, and one undo.
#[Object]
impl RosterBatch {
    /// Opaque; unique among all things.
    pub async fn id(&self) -> Gid<RosterBatchId> {
        Gid(self.0.id)
    }

    /// How far it is.
    async fn status(&self) -> RosterStatus {
        self.0.status.into()
    }

    /// What kind of list it is.
    async fn profile(&self) -> RosterProfile {
        self.0.profile.into()
    }

    /// As it was uploaded.
    async fn file_name(&self) -> &str {
        &self.0.file_name
    }

    /// The sheet that was read; null for a CSV.
    async fn sheet(&self) -> Option<&str> {
        self.0.sheet.as_deref()
    }

    /// The labels of columns that are not known, whose data are not stored.
    async fn unmapped_columns(&self) -> Vec<String> {
        self.part("unmappedColumns")
    }

    /// How many rows became what.
    async fn counts(&self) -> Counts {
        self.part("counts")
    }

    /// New registrations that hold a seat; 0 until it is committed, as the four below.
    async fn registered(&self) -> i32 {
        self.0.registered
    }

    /// New registrations on the waiting list.
    async fn waitlisted(&self) -> i32 {
        self.0.waitlisted
    }

    /// New registrations of people who said that they are not coming: on record, without a seat.
    async fn declined(&self) -> i32 {
        self.0.declined
    }

    /// Registrations that were there and were changed.
    async fn updated(&self) -> i32 {
        self.0.updated
    }

    /// Registrations that were there and say the same.
    async fn unchanged(&self) -> i32 {
        self.0.unchanged
    }

    /// When it was read.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When its people were registered, if they were.
    async fn committed_at(&self) -> Option<DateTime<Utc>> {
        self.0.committed_at
    }

    /// Whose people it lists.
    async fn activity(&self, ctx: &Context<'_>) -> Result<Activity> {
        Ok(Activity::from(Viewer::of(ctx).row(self.0.activity_id).await?))
    }

    /// The rows in the order of the file; blank rows, totals and the like are none.
    #[graphql(complexity = "crate::schema::list_cost(first, last, child_complexity)")]
    async fn rows(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        #[graphql(desc = "Those that do this.")] outcome: Option<RosterOutcome>,
    ) -> Result<Connection<String, RosterRow>> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit_on::<ViewRoster>(self.0.clone()).await?;
        let slice = Slice::parse(first, after.as_deref(), last, before.as_deref())?;
        let page = super::rows(viewer.db.read(), &permit, outcome.map(Into::into), slice).await?;
        // Who brought the list compares it with the file.
        let is_mine = viewer.gate.who()?.account.id == self.0.account_id;
        let is_open = is_mine && self.0.status == roster_batch::Status::Staged;
        Ok(page.connection(|it| it.row, |row| RosterRow { row, is_open }))
    }
}

/// A page of the lists that were uploaded for an activity.
pub async fn connection(
    ctx: &Context<'_>,
    activity: &activity::Model,
    slice: Slice<RosterBatchId>,
) -> Result<Connection<String, RosterBatch>> {
    let viewer = Viewer::of(ctx);
    let permit = viewer.gate.permit_on::<StageRoster>(activity.clone()).await?;
    Ok(super::list(viewer.db.read(), &permit, slice).await?.connection(|it| it.id, RosterBatch))
}

/// What `stageRoster` takes.
#[derive(InputObject)]
pub struct StageRosterInput {
    /// For which activity.
    activity_id: Gid<ActivityId>,
    /// What `POST /uploads` gave; one's own, of the last 24 hours.
    upload_id: Gid<UploadId>,
    /// What kind of list it is.
    profile: RosterProfile,
    /// The day that dates without a year are near to; the first session's if not given.
    event_date: Option<NaiveDate>,
    /// The same key with the same input gives the first answer.
    idempotency_key: Option<String>,
}

/// What `stageRoster` gives.
#[derive(SimpleObject)]
pub struct StageRosterPayload {
    /// What was made or changed; null where it was refused.
    batch: Option<RosterBatch>,
    /// Why it was refused, all reasons at once; empty where it was done.
    user_errors: Vec<StageRosterUserError>,
}

/// What `commitRoster` takes.
#[derive(InputObject)]
pub struct CommitRosterInput {
    /// Which one; STAGED.
    batch_id: Gid<RosterBatchId>,
    /// The name of a category of the activity, for those who are registered anew.
    category: Option<String>,
    /// The allocation out of which they get their seats.
    allocation_id: Option<Gid<AllocationId>>,
    /// The same key with the same input gives the first answer.
    idempotency_key: Option<String>,
}

/// What `commitRoster` gives.
#[derive(SimpleObject)]
pub struct CommitRosterPayload {
    /// What was made or changed; null where it was refused.
    batch: Option<RosterBatch>,
    /// Why it was refused, all reasons at once; empty where it was done.
    user_errors: Vec<CommitRosterUserError>,
}

/// What `undoRoster` takes.
#[derive(InputObject)]
pub struct UndoRosterInput {
    /// Which one; committed.
    batch_id: Gid<RosterBatchId>,
}

/// What `undoRoster` gives.
#[derive(SimpleObject)]
pub struct UndoRosterPayload {
    /// The batch after the undo; null where nothing was undone.
    batch: Option<RosterBatch>,
    /// What stays, and why: one for each person who has checked in since.
    user_errors: Vec<UndoRosterUserError>,
}

#[derive(Default)]
pub struct RosterQuery;

#[Object]
impl RosterQuery {
    /// One uploaded list. For ORG_ADMIN and ORGANISER.
    async fn roster_batch(
        &self,
        ctx: &Context<'_>,
        id: Gid<RosterBatchId>,
    ) -> Result<Option<RosterBatch>> {
        Ok(Some(RosterBatch(Viewer::of(ctx).gate.permit::<ViewRoster>(id.0).await?.into_row())))
    }
}

#[derive(Default)]
pub struct RosterMutation;

#[Object]
impl RosterMutation {
    /// Reads an uploaded list without registering anyone: XLSX, or CSV in UTF-8 or GB18030. At most 20 MB, 50,000
    /// rows, 200 columns. For ORG_ADMIN and ORGANISER.
    async fn stage_roster(
        &self,
        ctx: &Context<'_>,
        input: StageRosterInput,
    ) -> Result<StageRosterPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<StageRoster>(input.activity_id.0).await?;
        let note = Note::keyed(input.idempotency_key.clone(), &input);
        let vault = &viewer.app.vault;
        let upload =
            upload::own(viewer.db.read(), vault, permit.actor(), input.upload_id.0, viewer.now)
                .await?;
        let profile = input.profile.into();
        let done = match input.event_date.or_else(|| first_day(permit.on())) {
            None => Err(StageRosterErrorCode::EventDateMissing.at(["eventDate"]).into()),
            Some(day) => match stage::read(&viewer.app, upload, profile, day, viewer.lang).await {
                Err(error) => Err(error),
                Ok(report) => {
                    viewer
                        .write(&permit, note, async |tx| {
                            stage::stage(tx, &permit, vault, &report, profile, viewer.now).await
                        })
                        .await
                }
            },
        };
        let (batch, user_errors) = settle(done, viewer.lang)?;
        Ok(StageRosterPayload { batch: batch.map(RosterBatch), user_errors })
    }

    /// Registers the people of a list, all in one transaction. Whoever finds no seat is WAITLISTED, whoever said that
    /// they are not coming is DECLINED. For ORG_ADMIN and ORGANISER.
    async fn commit_roster(
        &self,
        ctx: &Context<'_>,
        input: CommitRosterInput,
    ) -> Result<CommitRosterPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<CommitRoster>(input.batch_id.0).await?;
        let note = Note::keyed(input.idempotency_key.clone(), &input);
        let activity: activity::Model = viewer.row(permit.on().activity_id).await?;
        let mut check = Check::new(CommitRosterErrorCode::TooLong);
        let category = match check.optional(input.category.as_deref(), 50, &["category"]) {
            None => None,
            Some(name) => {
                let found =
                    crate::activity::category_named(viewer.db.read(), activity.id, &name).await?;
                if found.is_none() {
                    check.refuse(
                        CommitRosterErrorCode::CategoryUnknown.at(["category"]).about(&name),
                    );
                }
                found
            }
        };
        let done = viewer
            .write(&permit, note, async |tx| {
                check.done()?;
                commit::commit(
                    tx,
                    &permit,
                    &viewer.app.namer,
                    &viewer.app.vault,
                    activity.host_id,
                    category,
                    input.allocation_id.map(|it| it.0),
                    viewer.now,
                )
                .await
            })
            .await;
        let (batch, user_errors) = settle(done, viewer.lang)?;
        Ok(CommitRosterPayload { batch: batch.map(RosterBatch), user_errors })
    }

    /// Takes back what a committed list alone brought: its new registrations, the people it made who are on nothing
    /// else, and its changes where nobody changed them since. Whoever has checked in since stays and is named in
    /// `userErrors`. For ORG_ADMIN and ORGANISER.
    async fn undo_roster(
        &self,
        ctx: &Context<'_>,
        input: UndoRosterInput,
    ) -> Result<UndoRosterPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<UndoRoster>(input.batch_id.0).await?;
        let mut kept = Vec::new();
        let done = viewer
            .write(&permit, Note::default(), async |tx| {
                let (batch, stays) = undo::undo(tx, &permit, viewer.now).await?;
                kept = stays;
                Ok(batch)
            })
            .await;
        let (batch, mut user_errors) = settle::<_, UndoRosterUserError>(done, viewer.lang)?;
        user_errors.extend(kept.into_iter().map(|it| UndoRosterUserError::show(it, viewer.lang)));
        Ok(UndoRosterPayload { batch: batch.map(RosterBatch), user_errors })
    }
}

/// The day on which an activity begins, where it takes place.
fn first_day(activity: &activity::Model) -> Option<NaiveDate> {
    let zone: chrono_tz::Tz = activity.time_zone.parse().ok()?;
    Some(activity.starts_at?.with_timezone(&zone).date_naive())
}
