//! What people agreed to, by which way, and what they took back.
//!
//! A consent is given with a registration, to a version of the notice, for a purpose. It is taken back for a person as a
//! whole: what stands against a purpose stands on all activities, whether or not anybody had ever agreed.

use std::collections::{HashMap, HashSet};

use aws_lc_rs::digest::{SHA256, digest};
use chrono::{DateTime, Utc};
use entity::{
    activity,
    consent::{self, Channel, Column, Purpose},
    id::{AccountId, ConsentId, NoticeId, PersonId, RegistrationId, WithdrawalId},
    notice, notice_sent, registration, withdrawal,
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, OnConflict, Query, SelectStatement},
};

use crate::{
    attendee::notice::{current, of_line},
    authz::Mine,
    db::within,
    error::{Error, Failure, Refusal},
    outbox, refusals,
};

refusals! {
    /// Why a consent was not put on record.
    GiveConsentErrorCode, GiveConsentUserError {
        /// No purpose is named.
        PurposeMissing = "请选择用途", "name a purpose";
        /// This is not the notice that holds for the activity: show the current one, and ask again.
        NoticeUnknown = "不是该活动现行的告知书", "not the notice that holds for the activity";
        /// This way is the person's own.
        ChannelForbidden = "只有本人可以这样同意", "only the person agrees in this way";
    }
}

refusals! {
    /// Why a consent was not taken back.
    WithdrawConsentErrorCode, WithdrawConsentUserError {
        /// Who takes it back for somebody else says why.
        ReasonMissing = "请填写原因", "say why";
        /// The reason is too long.
        TooLong = "不能超过{}个字符", "must not be longer than {} characters";
        /// To be on no list any more is to cancel the registrations, which also frees the seats.
        CancelInstead = "请取消报名", "cancel the registration instead";
    }
}

/// By which way somebody agrees, or takes it back.
pub enum Way {
    Myself { phone: String, address: Option<String> },
    Paper(AccountId),
    Chamber(AccountId),
}

impl Way {
    fn channel(&self) -> Channel {
        match self {
            Self::Myself { .. } => Channel::Myself,
            Self::Paper(_) => Channel::Paper,
            Self::Chamber(_) => Channel::Chamber,
        }
    }

    fn account(&self) -> Option<AccountId> {
        match self {
            Self::Myself { .. } => None,
            Self::Paper(id) | Self::Chamber(id) => Some(*id),
        }
    }
}

/// Puts on record that somebody agreed, and lifts what stood against it. The same once more changes nothing.
pub async fn agree(
    tx: &DatabaseTransaction,
    row: &registration::Model,
    to: &notice::Model,
    purposes: &[Purpose],
    way: &Way,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let (phone, address) = match way {
        Way::Myself { phone, address } => (Some(phone.clone()), address.clone()),
        Way::Paper(_) | Way::Chamber(_) => (None, None),
    };
    for purpose in purposes {
        let row = consent::Model {
            id: ConsentId::generate(),
            person_id: row.person_id,
            registration_id: Some(row.id),
            notice_id: to.id,
            notice_hash: Some(hash(to)),
            purpose: *purpose,
            channel: way.channel(),
            phone: phone.clone(),
            address: address.clone(),
            account_id: way.account(),
            given_at: now,
            withdrawn_at: None,
        };
        consent::Entity::insert(row.into_active_model().reset_all())
            .on_conflict(OnConflict::new().do_nothing().to_owned())
            .exec_without_returning(tx)
            .await?;
    }
    withdrawal::Entity::update_many()
        .col_expr(withdrawal::Column::LiftedAt, Expr::value(now))
        .filter(withdrawal::Column::PersonId.eq(row.person_id))
        .filter(withdrawal::Column::Purpose.is_in(purposes.iter().copied()))
        .filter(withdrawal::Column::LiftedAt.is_null())
        .exec(tx)
        .await?;
    Ok(())
}

/// SHA-256 of what a notice says.
#[must_use]
pub fn hash(it: &notice::Model) -> Vec<u8> {
    digest(&SHA256, it.text.as_bytes()).as_ref().to_vec()
}

/// Somebody agrees with a phone that was proven, to the notice that holds now.
pub async fn agree_myself(
    tx: &DatabaseTransaction,
    mine: &Mine,
    purposes: &[Purpose],
    version: NoticeId,
    address: Option<String>,
    now: DateTime<Utc>,
) -> Result<registration::Model, Error<GiveConsentErrorCode>> {
    use GiveConsentErrorCode as Code;
    some(purposes)?;
    let found = current(tx, &mine.activity).await?.filter(|it| it.id == version);
    let notice = found.ok_or_else(|| Code::NoticeUnknown.at(["noticeVersion"]))?;
    let way = Way::Myself { phone: mine.me().phone().to_owned(), address };
    agree(tx, &mine.row, &notice, purposes, &way, now).await?;
    Ok(mine.row.clone())
}

/// An organiser or a chamber says that somebody agreed. What was on paper may be an older version.
pub async fn record(
    tx: &DatabaseTransaction,
    row: &registration::Model,
    purposes: &[Purpose],
    version: NoticeId,
    channel: Channel,
    account: AccountId,
    now: DateTime<Utc>,
) -> Result<registration::Model, Error<GiveConsentErrorCode>> {
    use GiveConsentErrorCode as Code;
    some(purposes)?;
    let way = match channel {
        Channel::Paper => Way::Paper(account),
        Channel::Chamber => Way::Chamber(account),
        Channel::Myself => return Err(Code::ChannelForbidden.at(["channel"]).into()),
    };
    let activity = activity::Entity::find_by_id(row.activity_id).one(tx).await?;
    let activity = activity.ok_or(Failure::NotFound)?;
    let notice = of_line(tx, &activity, version).await?;
    let notice = notice.ok_or_else(|| Code::NoticeUnknown.at(["noticeVersion"]))?;
    agree(tx, row, &notice, purposes, &way, now).await?;
    Ok(row.clone())
}

fn some(purposes: &[Purpose]) -> Result<(), Error<GiveConsentErrorCode>> {
    if purposes.is_empty() {
        return Err(GiveConsentErrorCode::PurposeMissing.at(["purposes"]).into());
    }
    Ok(())
}

/// Takes back what a person agreed to for a purpose, on all activities, or says that they never will. Messages that wait
/// are stopped in the same transaction. Who came where stays.
pub async fn withdraw(
    tx: &DatabaseTransaction,
    row: &registration::Model,
    purpose: Purpose,
    way: &Way,
    reason: Option<String>,
    now: DateTime<Utc>,
) -> Result<registration::Model, Error<WithdrawConsentErrorCode>> {
    if purpose == Purpose::Registration {
        return Err(WithdrawConsentErrorCode::CancelInstead.at(["purpose"]).into());
    }
    let person = row.person_id;
    consent::Entity::update_many()
        .col_expr(Column::WithdrawnAt, Expr::value(now))
        .filter(Column::PersonId.eq(person))
        .filter(Column::Purpose.eq(purpose))
        .filter(Column::WithdrawnAt.is_null())
        .exec(tx)
        .await?;
    let standing = withdrawal::Model {
        id: WithdrawalId::generate(),
        person_id: person,
        purpose,
        channel: way.channel(),
        account_id: way.account(),
        reason,
        withdrawn_at: now,
        lifted_at: None,
    };
    withdrawal::Entity::insert(standing.into_active_model().reset_all())
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .exec_without_returning(tx)
        .await?;
    if purpose == Purpose::Messages {
        outbox::stop(tx, person).await?;
    }
    Ok(row.clone())
}

/// What stands against a purpose for the person of a registration: a row where something does. For the condition of
/// another statement, so that it is asked in the same instant.
#[must_use]
pub fn against(registration: RegistrationId, purpose: Purpose) -> SelectStatement {
    Query::select()
        .column((withdrawal::Entity, withdrawal::Column::Id))
        .from(withdrawal::Entity)
        .inner_join(
            registration::Entity,
            Expr::col((registration::Entity, registration::Column::PersonId))
                .equals((withdrawal::Entity, withdrawal::Column::PersonId)),
        )
        .and_where(Expr::col((registration::Entity, registration::Column::Id)).eq(registration))
        .and_where(Expr::col((withdrawal::Entity, withdrawal::Column::Purpose)).eq(purpose))
        .and_where(Expr::col((withdrawal::Entity, withdrawal::Column::LiftedAt)).is_null())
        .to_owned()
}

/// Those of some people who do not want a purpose.
pub async fn refusers(
    db: &impl ConnectionTrait,
    people: impl IntoIterator<Item = PersonId>,
    purpose: Purpose,
) -> Result<HashSet<PersonId>, Failure> {
    let found: Vec<PersonId> = withdrawal::Entity::find()
        .select_only()
        .column(withdrawal::Column::PersonId)
        .filter(within((withdrawal::Entity, withdrawal::Column::PersonId), people))
        .filter(withdrawal::Column::Purpose.eq(purpose))
        .filter(withdrawal::Column::LiftedAt.is_null())
        .into_tuple()
        .all(db)
        .await?;
    Ok(found.into_iter().collect())
}

/// Puts on record that a message told where the notice is; the first one counts.
pub async fn told(
    tx: &DatabaseTransaction,
    registration: RegistrationId,
    notice: NoticeId,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let row = notice_sent::ActiveModel {
        registration_id: Set(registration),
        notice_id: Set(notice),
        sent_at: Set(now),
    };
    notice_sent::Entity::insert(row)
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

/// Asks for what was agreed to with a registration; see [`Standing`].
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct StandingOf(pub RegistrationId, pub PersonId);

/// What was agreed to with a registration, what its person took back, and when it was told of the notice.
#[derive(Clone, Default)]
pub struct Standing {
    /// With the notices agreed to, in the order in which they were given.
    pub consents: Vec<(consent::Model, notice::Model)>,
    /// In the order in which they were taken back.
    pub withdrawals: Vec<withdrawal::Model>,
    pub notice_sent: Option<notice_sent::Model>,
}

/// How it stands with some registrations.
pub async fn standing(
    db: &impl ConnectionTrait,
    of: &[StandingOf],
) -> Result<HashMap<StandingOf, Standing>, Failure> {
    let registrations = || of.iter().map(|it| it.0);
    let consents = consent::Entity::find()
        .filter(within((consent::Entity, Column::RegistrationId), registrations()))
        .order_by_asc(Column::Id)
        .all(db)
        .await?;
    let notices: HashMap<NoticeId, notice::Model> = notice::Entity::find()
        .filter(within(
            (notice::Entity, notice::Column::Id),
            consents.iter().map(|it| it.notice_id),
        ))
        .all(db)
        .await?
        .into_iter()
        .map(|it| (it.id, it))
        .collect();
    let withdrawals = withdrawal::Entity::find()
        .filter(within(
            (withdrawal::Entity, withdrawal::Column::PersonId),
            of.iter().map(|it| it.1),
        ))
        .order_by_asc(withdrawal::Column::Id)
        .all(db)
        .await?;
    let sent = notice_sent::Entity::find()
        .filter(within((notice_sent::Entity, notice_sent::Column::RegistrationId), registrations()))
        .all(db)
        .await?;
    let one = |it: &StandingOf| Standing {
        consents: consents
            .iter()
            .filter(|row| row.registration_id == Some(it.0))
            .filter_map(|row| Some((row.clone(), notices.get(&row.notice_id)?.clone())))
            .collect(),
        withdrawals: withdrawals.iter().filter(|row| row.person_id == it.1).cloned().collect(),
        notice_sent: sent.iter().find(|row| row.registration_id == it.0).cloned(),
    };
    Ok(of.iter().map(|it| (*it, one(it))).collect())
}
