//! Lists of more than a few people with their data whole: somebody else approves before the file is made (双人审批).

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    export::{self, Column, State},
    id::{AccountId, ActivityId, OrganisationId},
    job,
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait,
    IntoActiveModel, QueryFilter, QuerySelect,
};

use super::{background, brief::Brief, kind};
use crate::{
    authz::{
        Action, Gate, Permit,
        policy::{CreateExport, ExportCredits, ExportUnmasked, ExportUnmaskedCredits},
    },
    error::{Error, Failure, Refusal},
    job::enqueue,
    page::{Page, Slice},
    refusals,
};

refusals! {
    /// Why an export was not approved or refused.
    DecideExportErrorCode, DecideExportUserError {
        /// It does not wait for anybody's approval, or not any more.
        NotWaiting = "该导出不在等待审批", "the export does not wait for approval";
        /// Whoever asked for it has no say in it.
        OwnExport = "不能审批自己申请的导出", "nobody approves an export of their own";
        /// It was asked for too long ago.
        Expired = "申请已过期，请重新申请", "it was asked for too long ago";
        /// The reason is missing.
        ReasonMissing = "请填写原因", "say why";
        /// A text is too long.
        TooLong = "不能超过{}个字符", "must not be longer than {} characters";
    }
}

/// How long an export waits for somebody's approval.
pub const WAITS: TimeDelta = TimeDelta::hours(72);

/// What somebody says of an export.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Say {
    Approve,
    Refuse,
}

/// Says yes or no to an export that waits. The same said again by the same account changes nothing.
pub async fn decide<A: Action<On = export::Model, By = AccountId>>(
    tx: &DatabaseTransaction,
    permit: &Permit<A>,
    say: Say,
    reason: Option<String>,
    now: DateTime<Utc>,
) -> Result<export::Model, Error<DecideExportErrorCode>> {
    use DecideExportErrorCode::{Expired, NotWaiting, OwnExport};
    let id = permit.on().id;
    let row = export::Entity::find_by_id(id).lock_exclusive().one(tx).await?;
    let mut row = row.ok_or(Failure::NotFound)?;
    if row.account_id == permit.actor() {
        return Err(OwnExport.at(["exportId"]).into());
    }
    if row.state != State::WaitingApproval {
        let said = if row.state == State::Refused { Say::Refuse } else { Say::Approve };
        let is_again = row.decided_by == Some(permit.actor()) && said == say;
        return if is_again { Ok(row) } else { Err(NotWaiting.at(["exportId"]).into()) };
    }
    if row.expires_at <= now {
        return Err(Expired.at(["exportId"]).into());
    }
    (row.decided_by, row.decided_at) = (Some(permit.actor()), Some(now));
    row.decision_reason = reason;
    match say {
        Say::Approve => {
            (row.state, row.expires_at) = (State::Waiting, now + background::KEPT);
            let about = serde_json::json!({ "export": row.id });
            enqueue(tx, job::Kind::Export, about, Some(row.id.0.to_string()), now, now).await?;
        }
        Say::Refuse => (row.state, row.finished_at) = (State::Refused, Some(now)),
    }
    Ok(row.into_active_model().reset_all().update(tx).await?)
}

/// Whether the gate lets somebody take out what is in an export, as it is taken out there.
pub async fn may_take(gate: &Gate, export: &export::Model) -> Result<(), Failure> {
    match (export.activity_id, export.organisation_id, export.is_unmasked) {
        (Some(id), _, false) => gate.permit::<CreateExport>(id).await.map(drop),
        (Some(id), _, true) => gate.permit::<ExportUnmasked>(id).await.map(drop),
        (None, Some(id), false) => gate.permit::<ExportCredits>(id).await.map(drop),
        (None, Some(id), true) => gate.permit::<ExportUnmaskedCredits>(id).await.map(drop),
        (None, None, _) => Err(Failure::internal("an export of nothing")),
    }
}

/// Whether more is taken out unmasked than one may by oneself, and nobody has approved it. A list may have grown since it
/// was asked for.
pub async fn is_wanting(
    db: &impl ConnectionTrait,
    brief: &Brief,
    most: u64,
) -> Result<bool, Failure> {
    let alone = brief.export.is_unmasked && brief.export.decided_by.is_none();
    Ok(alone && kind::count(db, brief).await? > most)
}

/// Of what an export is.
#[derive(Clone, Copy)]
pub enum Of {
    Activity(ActivityId),
    Organisation(OrganisationId),
}

/// The exports of a permit's row that wait for approval, in the order in which they were asked for.
pub async fn waiting(
    db: &impl ConnectionTrait,
    of: Of,
    slice: Slice<entity::id::ExportId>,
    now: DateTime<Utc>,
) -> Result<Page<export::Model>, Failure> {
    let of = match of {
        Of::Activity(id) => Column::ActivityId.eq(id),
        Of::Organisation(id) => Column::OrganisationId.eq(id),
    };
    let query = export::Entity::find()
        .filter(of)
        .filter(Column::State.eq(State::WaitingApproval))
        .filter(Column::ExpiresAt.gt(now));
    slice.of(query.cursor_by(Column::Id), db).await
}
