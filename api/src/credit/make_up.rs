//! Make-up (补课): a session that was missed counts as if it had been attended, because another one was.

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use entity::{
    id::{MakeUpId, RegistrationId, SessionId},
    make_up::{self, Column},
    registration, session,
};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction,
    EntityTrait, QueryFilter, QueryOrder,
};

use super::{
    class::{self, Class, came},
    ledger,
};
use crate::{
    attendance::book::Held,
    authz::{
        Permit,
        policy::{RecordMakeUp, UndoMakeUp, ViewAttendance},
    },
    db::{is_duplicate, within},
    error::{Error, Failure, Refusal},
    refusals,
};

refusals! {
    /// Why a session was not made up for, or a make-up not undone.
    MakeUpErrorCode, MakeUpUserError {
        /// A reason is needed.
        ReasonMissing = "请填写原因", "give a reason";
        /// A text is too long.
        TooLong = "不能超过{}个字符", "must not be longer than {} characters";
        /// Neither or both of `attendedSessionId` and `online` are given.
        SourceUnclear = "attendedSessionId 与 online 须且只能给出一个", "give either attendedSessionId or online";
        /// The online unit has no name.
        UnitMissing = "请填写线上课程名称", "name the online unit";
        /// The hours are not a number above 0 and up to 1000 with at most two decimals.
        HoursInvalid = "学时须为大于0且不超过1000的数，最多两位小数", "hours are above 0 and up to 1000, with at most two decimals";
        /// The missed session is not one of the registration's class.
        SessionElsewhere = "该课次不属于此报名所在的班", "the session is not one of this class";
        /// The session earns no hours.
        NoHours = "该课次没有学时", "the session earns no hours";
        /// A session is not closed yet, so that it is not known who came.
        NotClosed = "该课次尚未结束考勤", "the session is not closed yet";
        /// The session was attended at home.
        AttendedAtHome = "本人已参加该课次，无须补课", "the session was attended; there is nothing to make up";
        /// The session is made up for already.
        MadeUpAlready = "该课次已补课", "the session is made up for already";
        /// The other session is one of the same class.
        SameClass = "补课课次须属于其他班", "the other session must be one of another class";
        /// The person did not attend the other session.
        NotAttended = "本人未参加补课的课次", "the person did not attend the other session";
        /// The other session makes up for something already.
        UsedAlready = "该补课课次已用于其他补课", "the other session makes up for something already";
        /// The other session or the online unit is in another year than the missed session.
        NotSameYear = "补课须在同一年度内", "what makes up must be in the same year";
        /// The registration holds no seat.
        NotConfirmed = "报名未确认", "the registration is not confirmed";
        /// It was undone already.
        UndoneAlready = "补课已撤销", "the make-up was undone already";
    }
}

/// What makes up for a missed session.
pub enum Source {
    /// The viewer may see who attended it.
    Session(Box<Permit<ViewAttendance>>),
    Online {
        unit: String,
        centihours: i32,
        on: NaiveDate,
    },
}

/// Records that a missed session was made up for.
pub async fn record(
    tx: &DatabaseTransaction,
    permit: &Permit<RecordMakeUp>,
    missed: SessionId,
    source: Source,
    reason: String,
    now: DateTime<Utc>,
) -> Result<make_up::Model, Error<MakeUpErrorCode>> {
    use MakeUpErrorCode as Code;
    let home = permit.on();
    let other = match &source {
        Source::Session(there) => elsewhere(tx, home, there.on()).await?,
        Source::Online { .. } => None,
    };
    // Both ends, in the order of their ids.
    let mut ids = vec![home.id];
    ids.extend(other.as_ref().map(|it| it.id));
    ids.sort_unstable();
    for id in ids {
        crate::registration::locked(tx, id).await?;
    }
    let home = &crate::registration::by_id(tx, home.id).await?;
    let class = Class::of(tx, home.activity_id).await?;
    let held = missed_session(&class, missed)?;
    let ends = [Some(home.id), other.as_ref().map(|it| it.id)].into_iter().flatten();
    let seen = class::seen(tx, ends).await?;
    if home.status != registration::Status::Confirmed {
        return Err(Code::NotConfirmed.at(["registrationId"]).into());
    }
    if came(seen.get(&(home.id, missed))) {
        return Err(Code::AttendedAtHome.at(["missedSessionId"]).into());
    }
    let mut row = make_up::Model {
        id: MakeUpId::generate(),
        registration_id: home.id,
        session_id: missed,
        source_registration_id: None,
        source_session_id: None,
        online_centihours: None,
        online_unit: None,
        made_up_on: held.day,
        reason,
        account_id: permit.actor(),
        made_at: now,
        undone_at: None,
        undone_by: None,
        undo_reason: None,
    };
    let place = match source {
        Source::Online { unit, centihours, on } => {
            row.online_unit = Some(unit);
            row.online_centihours = Some(centihours);
            row.made_up_on = on;
            "online"
        }
        Source::Session(there) => {
            let attended = there.on();
            if attended.activity_id == home.activity_id {
                return Err(Code::SameClass.at(["attendedSessionId"]).into());
            }
            if !class::is_closed(attended) {
                return Err(Code::NotClosed.at(["attendedSessionId"]).into());
            }
            let other = other.filter(|it| came(seen.get(&(it.id, attended.id))));
            let Some(other) = other else {
                return Err(Code::NotAttended.at(["attendedSessionId"]).into());
            };
            row.source_registration_id = Some(other.id);
            row.source_session_id = Some(attended.id);
            row.made_up_on = Class::of(tx, attended.activity_id).await?.day_of(attended.starts_at);
            "attendedSessionId"
        }
    };
    if row.made_up_on.year() != held.day.year() {
        return Err(Code::NotSameYear.at([place]).into());
    }
    if is_made_up(tx, home.id, missed).await? {
        return Err(Code::MadeUpAlready.at(["missedSessionId"]).into());
    }
    let kept = make_up::Entity::insert(make_up::ActiveModel::from(row.clone()).reset_all())
        .exec_without_returning(tx)
        .await;
    if let Err(error) = kept {
        // The missed session is under the registration's lock, so only the other one can be taken.
        return Err(if is_duplicate(&error) {
            Code::UsedAlready.at(["attendedSessionId"]).into()
        } else {
            error.into()
        });
    }
    ledger::derive(tx, home.activity_id, &[home.id], now).await?;
    Ok(row)
}

fn missed_session(class: &Class, id: SessionId) -> Result<&Held, Error<MakeUpErrorCode>> {
    use MakeUpErrorCode as Code;
    let refused = match class.sessions.iter().find(|it| it.session.id == id) {
        None => Code::SessionElsewhere,
        Some(it) if it.session.credit_centihours == 0 => Code::NoHours,
        Some(it) if !class::is_closed(&it.session) => Code::NotClosed,
        Some(it) => return Ok(it),
    };
    Err(refused.at(["missedSessionId"]).into())
}

/// The registration of the same person for the activity of another session; the one that is confirmed, if any is.
async fn elsewhere(
    db: &impl ConnectionTrait,
    home: &registration::Model,
    session: &session::Model,
) -> Result<Option<registration::Model>, Failure> {
    Ok(registration::Entity::find()
        .filter(registration::Column::PersonId.eq(home.person_id))
        .filter(registration::Column::ActivityId.eq(session.activity_id))
        .filter(registration::Column::Status.eq(registration::Status::Confirmed))
        .one(db)
        .await?)
}

async fn is_made_up(
    db: &impl ConnectionTrait,
    registration: RegistrationId,
    session: SessionId,
) -> Result<bool, Failure> {
    let found = make_up::Entity::find()
        .filter(Column::RegistrationId.eq(registration))
        .filter(Column::SessionId.eq(session))
        .filter(Column::UndoneAt.is_null());
    Ok(found.one(db).await?.is_some())
}

/// Undoes a make-up: the session is missed again, and what made up for it earns what it would have.
pub async fn undo(
    tx: &DatabaseTransaction,
    permit: &Permit<UndoMakeUp>,
    reason: String,
    now: DateTime<Utc>,
) -> Result<make_up::Model, Error<MakeUpErrorCode>> {
    let found = permit.on();
    let mut ids: Vec<RegistrationId> =
        [Some(found.registration_id), found.source_registration_id].into_iter().flatten().collect();
    ids.sort_unstable();
    for id in &ids {
        crate::registration::locked(tx, *id).await?;
    }
    let row = find(tx, found.id).await?;
    if row.undone_at.is_some() {
        return Err(MakeUpErrorCode::UndoneAlready.at(["makeUpId"]).into());
    }
    let mut undone: make_up::ActiveModel = row.into();
    undone.undone_at = Set(Some(now));
    undone.undone_by = Set(Some(permit.actor()));
    undone.undo_reason = Set(Some(reason));
    let row = undone.update(tx).await?;
    // It links the two no more, so each is derived for itself.
    for id in ids {
        let end = crate::registration::by_id(tx, id).await?;
        ledger::derive(tx, end.activity_id, &[id], now).await?;
    }
    Ok(row)
}

/// One make-up by its id.
pub async fn find(db: &impl ConnectionTrait, id: MakeUpId) -> Result<make_up::Model, Failure> {
    make_up::Entity::find_by_id(id).one(db).await?.ok_or(Failure::NotFound)
}

/// The make-ups of a registration, undone ones too, in the order in which they were recorded.
pub async fn of(
    db: &impl ConnectionTrait,
    registration: RegistrationId,
) -> Result<Vec<make_up::Model>, Failure> {
    Ok(make_up::Entity::find()
        .filter(within((make_up::Entity, Column::RegistrationId), [registration]))
        .order_by_asc(Column::Id)
        .all(db)
        .await?)
}
