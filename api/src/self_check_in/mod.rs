//! Checking oneself in: a display at the session shows a code that rotates, a phone exchanges it for a claim, and whoever
//! signs in with the claim comes in at the moment of scanning.
//!
//! It is the door's own machinery that lets them in; here is only what stands before it, and who came by which device.

pub mod code;
pub mod flags;
pub mod graphql;
pub mod guesses;

use chrono::{DateTime, Utc};
use entity::{
    activity,
    id::{RegistrationId, SessionId},
    registration::{self, Status},
    scan::Outcome,
    self_scan, session,
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder,
};
use uuid::Uuid;

use self::{
    code::{Key, Read},
    guesses::Counted,
};
use crate::{
    attendance::scan::{self, Answer, Attempt},
    attendee,
    authn::Claim,
    authz::{Me, Mine, Permit, policy::ShowSelfCheckInCode},
    error::{Error, Failure, Refusal},
    refusals, ticket,
};

refusals! {
    /// Why a code was not exchanged for a claim.
    ClaimCheckInErrorCode, ClaimCheckInUserError {
        /// The device does not say what it is.
        DeviceMissing = "缺少设备编号", "the id of the device is missing";
        /// A text is too long.
        TooLong = "不能超过{}个字符", "must not be longer than {} characters";
        /// People do not check themselves in at this session, or there is none.
        NotOffered = "该场次不支持自助签到", "people do not check themselves in at this session";
        /// The door is not open yet, or not any more, or the session was closed.
        NotOpen = "不在签到时间内", "the door is not open at this time";
        /// The code was shown a while ago. It does not count as wrong.
        CodeOld = "签到码已过期，请扫描屏幕上的最新二维码", "this code is no longer shown; scan the one on the display";
        /// No such code was shown.
        CodeWrong = "签到码错误", "the code is wrong";
        /// The device, or the phone or the address behind it, was wrong too often. The message says for how many seconds to
        /// wait. Whoever proves a phone first is not counted by the address.
        TooOften = "错误次数过多，请在{}秒后再试，或先登录再扫码", "too many wrong codes; try again in {} seconds, or sign in before you scan";
    }
}

refusals! {
    /// Why somebody did not get to the door by themselves: nothing of it is on record.
    CheckMyselfInErrorCode, CheckMyselfInUserError {
        /// The claim is none of this service, or over 10 minutes old.
        ClaimInvalid = "签到凭证无效或已过期，请重新扫码", "the claim is not valid or too old; scan the code again";
        /// People do not check themselves in at this session any more.
        NotOffered = "该场次不支持自助签到", "people do not check themselves in at this session";
        /// Nobody with this phone is registered for the session's activity, or the registration named is for another one.
        NotRegistered = "未找到本手机号在该活动的报名", "nobody with this phone is registered for this activity";
        /// Several people with this phone are registered: say who comes.
        Unclear = "本手机号下有多人报名，请选择签到人", "several people with this phone are registered; say who comes";
        /// The scan id is on record for somebody else, so it cannot be this scan.
        ScanIdReused = "此扫码编号已用于另一报名", "this scan id was used for another registration";
    }
}

/// What a display shows.
pub struct Shown {
    pub code: String,
    /// When the next code takes its place.
    pub until: DateTime<Utc>,
}

/// The code of this moment. None where people do not check themselves in, and when the door has closed.
pub async fn shown(
    db: &impl ConnectionTrait,
    permit: &Permit<ShowSelfCheckInCode>,
    now: DateTime<Utc>,
) -> Result<Option<Shown>, Failure> {
    let session = permit.on();
    if is_over(session, now) || !is_offered(db, session).await? {
        return Ok(None);
    }
    let key = Key::derive(&ticket::secret(db).await?, session.id)?;
    let code = key.code(code::step(now, session.code_seconds));
    Ok(Some(Shown { code, until: code::next(now, session.code_seconds) }))
}

/// Whether the door has closed, or the session was.
fn is_over(session: &session::Model, now: DateTime<Utc>) -> bool {
    session.closes_at <= now || session.closed_at.is_some()
}

/// Whether people check themselves in at a session: it says so, and its activity takes place.
async fn is_offered(db: &impl ConnectionTrait, session: &session::Model) -> Result<bool, Failure> {
    if !session.self_check_in {
        return Ok(false);
    }
    let activity = activity::Entity::find_by_id(session.activity_id).one(db).await?;
    let takes_place = [activity::Status::Published, activity::Status::Closed];
    Ok(activity.is_some_and(|it| takes_place.contains(&it.status)))
}

async fn offered(
    db: &impl ConnectionTrait,
    id: SessionId,
) -> Result<Option<session::Model>, Failure> {
    let Some(session) = session::Entity::find_by_id(id).one(db).await? else { return Ok(None) };
    Ok(is_offered(db, &session).await?.then_some(session))
}

/// What a phone read off a display.
pub struct Scanned {
    pub session: SessionId,
    pub code: String,
    pub device: String,
}

/// Exchanges a code for a claim to have been there now. None where the code is wrong, which the caller counts.
pub async fn public_exchange(
    db: &impl ConnectionTrait,
    counted: &Counted,
    scanned: Scanned,
    now: DateTime<Utc>,
) -> Result<Option<(session::Model, Claim)>, Error<ClaimCheckInErrorCode>> {
    use ClaimCheckInErrorCode as Code;
    let session = offered(db, scanned.session).await?;
    let session = session.ok_or_else(|| Code::NotOffered.at(["sessionId"]))?;
    counted.look(db, now).await?;
    let key = Key::derive(&ticket::secret(db).await?, session.id)?;
    match key.read(&scanned.code, code::step(now, session.code_seconds)) {
        Read::Wrong => Ok(None),
        Read::Old => Err(Code::CodeOld.at(["code"]).into()),
        Read::Good(_) if now < session.opens_at || is_over(&session, now) => {
            Err(Code::NotOpen.at(["sessionId"]).into())
        }
        Read::Good(step) => {
            let id = Uuid::now_v7();
            let claim = Claim { id, session: session.id, step, at: now, device: scanned.device };
            Ok(Some((session, claim)))
        }
    }
}

/// The session that a claim is for, and the registration with which its holder comes: the one named, or the one that has
/// a seat, or else one that is live, or else the last.
pub async fn own(
    db: &impl ConnectionTrait,
    me: &Me,
    claim: &Claim,
    named: Option<RegistrationId>,
) -> Result<(session::Model, RegistrationId), Error<CheckMyselfInErrorCode>> {
    use CheckMyselfInErrorCode as Code;
    let session = offered(db, claim.session).await?;
    let session = session.ok_or_else(|| Code::NotOffered.at(["claim"]))?;
    let mut rows = registration::Entity::find()
        .filter(attendee::of(me))
        .filter(registration::Column::ActivityId.eq(session.activity_id))
        .order_by_desc(registration::Column::Id)
        .all(db)
        .await?;
    if let Some(named) = named {
        let found = rows.iter().any(|it| it.id == named);
        let found = found.then_some((session, named));
        return found.ok_or_else(|| Code::NotRegistered.at(["registrationId"]).into());
    }
    let rank = |it: &registration::Model| match it.status {
        Status::Confirmed => 0,
        status if status.is_live() => 1,
        _ => 2,
    };
    rows.sort_by_key(rank);
    let first = rows.first().ok_or_else(|| Code::NotRegistered.at(["claim"]))?;
    let mut alike = rows.iter().take_while(|it| rank(it) == rank(first));
    if alike.any(|it| it.person_id != first.person_id) {
        return Err(Code::Unclear.at(["registrationId"]).into());
    }
    Ok((session, first.id))
}

/// Lets somebody in by a claim, at the moment of scanning.
pub async fn check_in(
    tx: &DatabaseTransaction,
    mine: &Mine,
    session: &session::Model,
    claim: &Claim,
    scan_id: Uuid,
    now: DateTime<Utc>,
) -> Result<Answer, Error<CheckMyselfInErrorCode>> {
    use CheckMyselfInErrorCode as Code;
    let attempt = Attempt::mine(mine, session, scan_id, claim.at);
    let first = scan::take(tx, &[attempt], now).await?.into_iter().next();
    let answer = first.ok_or_else(|| Failure::internal("a scan without an answer"))?;
    let answer = answer.map_err(|_| Code::ScanIdReused.at(["scanId"]))?;
    // It may have gone to another activity or person before it was locked.
    let row = answer.registration.as_ref().ok_or(Failure::NotFound)?;
    mine.still(row)?;
    if !answer.replayed && matches!(answer.scan.outcome, Outcome::Admitted | Outcome::AlreadyIn) {
        let row = self_scan::Model {
            scan_id: answer.scan.id,
            session_id: session.id,
            registration_id: row.id,
            claim_id: claim.id,
            device: claim.device.clone(),
        };
        flags::keep(tx, row).await?;
    }
    Ok(answer)
}
