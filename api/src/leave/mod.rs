//! Leave (请假): asked for in half-days, decided by whom its length says, and excusing from the sessions in it by itself.
//!
//! Whatever changes leave holds the lock of its registration. An approved leave excuses from a session as long as both
//! stand as they are: [`cover`] sees to it when either changes.

pub mod cover;
pub mod graphql;
pub mod ladder;
pub mod list;
pub mod span;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use entity::{
    activity,
    id::{AccountId, LeaveId, RegistrationId},
    leave::{self, Column, Kind, Status},
    message::Occasion,
    programme, registration,
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect,
    sea_query::Expr,
};

use self::span::{HalfDay, Span};
use crate::{
    authz::{
        Mine, Permit,
        policy::{DecideLeave, EndLeave, RequestLeave, WithdrawLeave},
    },
    db::within,
    error::{Error, Failure, Refusal},
    outbox, refusals,
};

refusals! {
    /// Why leave was not taken up or changed.
    LeaveErrorCode, LeaveUserError {
        /// A reason is needed.
        ReasonMissing = "请填写原因", "give a reason";
        /// A text is too long.
        TooLong = "不能超过{}个字符", "must not be longer than {} characters";
        /// The activity is not of an academy's programme.
        NotAClass = "只有学院项目的班级才能请假", "leave is taken from an academy's classes only";
        /// The class was called off.
        ClassCancelled = "班级已取消", "the class was called off";
        /// The registration holds no seat.
        NotATrainee = "此人不是本班学员", "this person is no trainee of the class";
        /// It does not end after it begins, or is longer than a year.
        SpanInvalid = "结束须不早于开始，且不超过一年", "it must not end before it begins, nor be longer than a year";
        /// It begins before today, which only staff may note.
        Past = "不能补请今天以前的假，请联系班主任", "leave of days that are over is noted by the class teacher";
        /// No session of the class is in it.
        NoSession = "请假时间内没有课", "no session of the class is in it";
        /// The trainee has asked for leave for some of it already.
        Overlaps = "与已有的请假时间重叠", "it overlaps with leave that was asked for already";
        /// Its status does not allow it: it was decided or withdrawn already, or in the meantime.
        WrongStatus = "请假当前状态不允许此操作", "the status of the leave does not allow it";
        /// It has begun.
        Begun = "请假已开始，请销假或联系班主任", "it has begun: end it, or ask the class teacher";
        /// The instant is not within the leave.
        NotWithin = "销假时间须在请假时间之内", "the instant must be within the leave";
    }
}

/// What is asked for.
pub struct Draft {
    pub kind: Kind,
    pub from: HalfDay,
    pub until: HalfDay,
    pub reason: String,
}

type Done = Result<leave::Model, Error<LeaveErrorCode>>;

/// Asks for somebody's leave. Staff may note leave of days that are over.
pub async fn ask(
    tx: &DatabaseTransaction,
    permit: &Permit<RequestLeave>,
    draft: Draft,
    now: DateTime<Utc>,
) -> Done {
    let it = crate::registration::locked(tx, permit.on().id).await?;
    // A liaison officer asks as the trainee would.
    let by = (permit.actor(), permit.is_near());
    ask_for(tx, &it, Some(by.0), by.1, draft, now).await
}

/// Asks for one's own leave.
pub async fn ask_mine(
    tx: &DatabaseTransaction,
    mine: &Mine,
    draft: Draft,
    now: DateTime<Utc>,
) -> Done {
    let it = crate::registration::locked(tx, mine.row.id).await?;
    mine.still(&it)?;
    ask_for(tx, &it, None, true, draft, now).await
}

/// Asks for the leave of a registration that is locked; `ahead` where it must not begin before today.
pub async fn ask_for(
    tx: &DatabaseTransaction,
    it: &registration::Model,
    by: Option<AccountId>,
    ahead: bool,
    draft: Draft,
    now: DateTime<Utc>,
) -> Done {
    use LeaveErrorCode as Code;
    let class = crate::activity::find(tx, it.activity_id).await?;
    if class.kind != programme::Kind::Academy {
        return Err(Code::NotAClass.at(["registrationId"]).into());
    }
    if class.status == activity::Status::Cancelled {
        return Err(Code::ClassCancelled.at(["registrationId"]).into());
    }
    if it.status != registration::Status::Confirmed {
        return Err(Code::NotATrainee.at(["registrationId"]).into());
    }
    let zone = zone_of(&class)?;
    let Some(span) = Span::between(draft.from, draft.until, zone) else {
        return Err(Code::SpanInvalid.at(["until"]).into());
    };
    if ahead && draft.from.on < HalfDay::of(now, zone).on {
        return Err(Code::Past.at(["from"]).into());
    }
    if cover::sessions_in(tx, class.id, span.starts_at, span.ends_at).await?.is_empty() {
        return Err(Code::NoSession.at(["from"]).into());
    }
    let others = leave::Entity::find()
        .filter(Column::RegistrationId.eq(it.id))
        .filter(Column::Status.is_in(Status::STANDING))
        .filter(Column::StartsAt.lt(span.ends_at))
        .filter(Column::EndsAt.gt(span.starts_at))
        .all(tx)
        .await?;
    if others.iter().any(|it| it.lasts_until() > span.starts_at) {
        return Err(Code::Overlaps.at(["from"]).into());
    }
    let row = leave::Model {
        id: LeaveId::generate(),
        registration_id: it.id,
        activity_id: class.id,
        kind: draft.kind,
        reason: Some(draft.reason),
        starts_at: span.starts_at,
        ends_at: span.ends_at,
        half_days: span.half_days,
        rung: crate::class::ladder_of(tx, class.id).await?.rung(span.half_days),
        status: Status::Asked,
        asked_at: now,
        asked_by: by,
        decided_at: None,
        decided_by: None,
        decision_reason: None,
        returned_at: None,
    };
    let active = leave::ActiveModel::from(row.clone()).reset_all();
    leave::Entity::insert(active).exec_without_returning(tx).await?;
    Ok(row)
}

/// What can be said of leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Approve,
    Decline,
}

/// Says yes or no to leave, and has the trainee told. Yes excuses from the sessions in it. Of two who decide at once the second is told that it
/// was decided.
pub async fn decide(
    tx: &DatabaseTransaction,
    permit: &Permit<DecideLeave>,
    verdict: Verdict,
    reason: Option<String>,
    now: DateTime<Utc>,
) -> Done {
    let (it, row) = locked(tx, permit.on()).await?;
    decide_on(tx, &it, row, Some(permit.actor()), verdict, reason, now).await
}

/// The same of leave that is locked with its registration.
pub async fn decide_on(
    tx: &DatabaseTransaction,
    of: &registration::Model,
    mut row: leave::Model,
    by: Option<AccountId>,
    verdict: Verdict,
    reason: Option<String>,
    now: DateTime<Utc>,
) -> Done {
    use LeaveErrorCode as Code;
    if row.status != Status::Asked {
        return Err(Code::WrongStatus.at(["leaveId"]).into());
    }
    match verdict {
        Verdict::Approve if of.status != registration::Status::Confirmed => {
            return Err(Code::NotATrainee.at(["leaveId"]).into());
        }
        Verdict::Decline if reason.is_none() => {
            return Err(Code::ReasonMissing.at(["reason"]).into());
        }
        Verdict::Approve => row.status = Status::Approved,
        Verdict::Decline => row.status = Status::Declined,
    }
    (row.decided_at, row.decided_by, row.decision_reason) = (Some(now), by, reason);
    let row = save(tx, row, now).await?;
    let occasion = match verdict {
        Verdict::Approve => Occasion::LeaveApproved,
        Verdict::Decline => Occasion::LeaveDeclined,
    };
    // The reason that is told is that of the decision.
    let told = registration::Model { status_reason: row.decision_reason.clone(), ..of.clone() };
    outbox::tell(tx, occasion, &[told], now).await?;
    Ok(row)
}

/// Takes leave back. Who may decide on it takes it back at any time; all others, before it begins.
pub async fn withdraw(
    tx: &DatabaseTransaction,
    permit: &Permit<WithdrawLeave>,
    now: DateTime<Utc>,
) -> Done {
    let (_, row) = locked(tx, permit.on()).await?;
    withdraw_on(tx, row, permit.is_near(), now).await
}

/// Takes one's own leave back, before it begins.
pub async fn withdraw_mine(
    tx: &DatabaseTransaction,
    mine: &Mine,
    of: &leave::Model,
    now: DateTime<Utc>,
) -> Done {
    let (it, row) = locked(tx, of).await?;
    mine.still(&it)?;
    withdraw_on(tx, row, true, now).await
}

async fn withdraw_on(
    tx: &DatabaseTransaction,
    mut row: leave::Model,
    ahead: bool,
    now: DateTime<Utc>,
) -> Done {
    use LeaveErrorCode as Code;
    if !Status::STANDING.contains(&row.status) {
        return Err(Code::WrongStatus.at(["leaveId"]).into());
    }
    if ahead && row.status == Status::Approved && row.starts_at <= now {
        return Err(Code::Begun.at(["leaveId"]).into());
    }
    (row.status, row.returned_at) = (Status::Withdrawn, None);
    save(tx, row, now).await
}

/// Says that somebody is back before the leave is over (销假), or will be: from that instant on they are expected again.
pub async fn end(
    tx: &DatabaseTransaction,
    permit: &Permit<EndLeave>,
    at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Done {
    let (_, row) = locked(tx, permit.on()).await?;
    end_on(tx, row, at, now).await
}

/// The same of leave that is locked with its registration.
pub async fn end_on(
    tx: &DatabaseTransaction,
    mut row: leave::Model,
    at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Done {
    use LeaveErrorCode as Code;
    if row.status != Status::Approved {
        return Err(Code::WrongStatus.at(["leaveId"]).into());
    }
    if row.returned_at == Some(at) {
        return Ok(row);
    }
    if at <= row.starts_at || row.lasts_until() <= at {
        return Err(Code::NotWithin.at(["at"]).into());
    }
    row.returned_at = Some(at);
    save(tx, row, now).await
}

/// A leave as it is now, with its registration, both locked; and its class kept as it is, so that no session is moved
/// meanwhile.
async fn locked(
    tx: &DatabaseTransaction,
    of: &leave::Model,
) -> Result<(registration::Model, leave::Model), Failure> {
    activity::Entity::find_by_id(of.activity_id).lock_shared().one(tx).await?;
    let it = crate::registration::locked(tx, of.registration_id).await?;
    let row = leave::Entity::find_by_id(of.id).lock_exclusive().one(tx).await?;
    Ok((it, row.ok_or(Failure::NotFound)?))
}

async fn save(tx: &DatabaseTransaction, row: leave::Model, now: DateTime<Utc>) -> Done {
    let active = leave::ActiveModel {
        id: sea_orm::ActiveValue::Unchanged(row.id),
        ..leave::ActiveModel::from(row.clone()).reset_all()
    };
    leave::Entity::update(active).exec_without_returning(tx).await?;
    cover::settle(tx, &row, now).await?;
    Ok(row)
}

/// The zone by which the days of a class go.
pub fn zone_of(class: &activity::Model) -> Result<Tz, Failure> {
    class.time_zone.parse().map_err(Failure::internal)
}

/// Drops why some registrations asked for leave, and why it was decided so.
pub async fn forget(tx: &DatabaseTransaction, of: &[RegistrationId]) -> Result<(), Failure> {
    leave::Entity::update_many()
        .col_expr(Column::Reason, Expr::value(None::<String>))
        .col_expr(Column::DecisionReason, Expr::value(None::<String>))
        .filter(within((leave::Entity, Column::RegistrationId), of.iter().copied()))
        .exec(tx)
        .await?;
    Ok(())
}
