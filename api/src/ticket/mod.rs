//! The ticket of a registration: its code, its token, what it is shown as, and how it is revoked.
//!
//! A registration has one ticket at a time; its tickets are numbered from 1. Whatever revokes one takes its code off the
//! registration, and the code stays on record in `ticket_revocation`.

pub mod calendar;
pub mod graphql;
pub mod hash;
pub mod token;

use std::collections::HashMap;

use async_graphql::dataloader::Loader;
use chrono::{DateTime, Utc};
use entity::{
    id::{ActivityId, RegistrationId},
    registration::{self, Status},
    ticket_revocation::{self, Column},
    ticket_secret,
};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction,
    EntityTrait, QueryFilter, QuerySelect, sea_query::Expr,
};

use self::token::{Claims, Key};
use crate::{
    authn,
    authz::{Action, Permit},
    db::{Db, within},
    error::{Error, Failure, Refusal},
    refusals,
};

refusals! {
    /// Why a ticket was not revoked or made anew.
    TicketErrorCode, TicketUserError {
        /// The reason is missing.
        ReasonMissing = "请填写原因", "say why";
        /// A text is too long.
        TooLong = "不能超过{}个字符", "must not be longer than {} characters";
        /// The registration is not live any more, so there is no ticket to make anew.
        NotLive = "报名已不在有效状态", "the registration is not live any more";
        /// The ticket is revoked already.
        RevokedAlready = "参会码已作废", "the ticket is revoked already";
        /// A registration has at most 1,000 tickets.
        TooMany = "参会码作废次数过多", "too many tickets were revoked";
    }
}

/// What stands before a registration's own id in the place of a code that was revoked and not made anew. No code that is
/// read has a hyphen.
const NONE: char = '-';
const MOST: i32 = 1000;

/// The code of a registration, unless it was revoked.
#[must_use]
pub fn code(row: &registration::Model) -> Option<&str> {
    Some(row.ticket_code.as_str()).filter(|it| is_code(it))
}

/// Whether what a registration has in the place of its code is one, and none that was revoked.
#[must_use]
pub fn is_code(text: &str) -> bool {
    !text.starts_with(NONE)
}

/// What is shown of the ticket of a registration: only of whoever holds a confirmed seat, so that nobody on a waiting
/// list believes to have one, and no door without a network lets them in.
#[must_use]
pub fn shown_code(row: &registration::Model) -> Option<&str> {
    code(row).filter(|_| row.status == Status::Confirmed)
}

/// Asks for the secret; see [`ticket_secret`].
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Secret;

impl Loader<Secret> for Db {
    type Value = Vec<u8>;
    type Error = Failure;

    async fn load(&self, _: &[Secret]) -> Result<HashMap<Secret, Vec<u8>>, Failure> {
        Ok(HashMap::from([(Secret, secret(self.read()).await?)]))
    }
}

/// Asks for the number of a registration's ticket.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SerialOf(pub RegistrationId);

impl Loader<SerialOf> for Db {
    type Value = u16;
    type Error = Failure;

    async fn load(&self, ids: &[SerialOf]) -> Result<HashMap<SerialOf, u16>, Failure> {
        let revoked: HashMap<RegistrationId, i32> =
            revoked(self.read(), ids.iter().map(|it| it.0)).await?;
        ids.iter().map(|id| Ok((*id, next(revoked.get(&id.0).copied())?))).collect()
    }
}

/// The numbers of the tickets of some registrations.
pub async fn serials(
    db: &impl ConnectionTrait,
    rows: &[registration::Model],
) -> Result<HashMap<RegistrationId, u16>, Failure> {
    let revoked = revoked(db, rows.iter().map(|it| it.id)).await?;
    rows.iter().map(|it| Ok((it.id, next(revoked.get(&it.id).copied())?))).collect()
}

/// The key by which the list of an activity's door shows codes.
pub async fn code_key(
    db: &impl ConnectionTrait,
    activity: ActivityId,
) -> Result<hash::CodeKey, Failure> {
    hash::CodeKey::derive(&secret(db).await?, activity)
}

/// The last revoked serial of each of some registrations that have one.
async fn revoked(
    db: &impl ConnectionTrait,
    ids: impl Iterator<Item = RegistrationId>,
) -> Result<HashMap<RegistrationId, i32>, Failure> {
    Ok(ticket_revocation::Entity::find()
        .select_only()
        .column(Column::RegistrationId)
        .column_as(Column::Serial.max(), "serial")
        .filter(within((ticket_revocation::Entity, Column::RegistrationId), ids))
        .group_by(Column::RegistrationId)
        .into_tuple::<(RegistrationId, i32)>()
        .all(db)
        .await?
        .into_iter()
        .collect())
}

fn next(revoked: Option<i32>) -> Result<u16, Failure> {
    u16::try_from(revoked.unwrap_or(0) + 1).map_err(Failure::internal)
}

/// What all keys of the service's own are derived from; see [`ticket_secret`].
pub async fn secret(db: &impl ConnectionTrait) -> Result<Vec<u8>, Failure> {
    let row = ticket_secret::Entity::find_by_id(1).one(db).await?;
    Ok(row.ok_or_else(|| Failure::internal("the database has no ticket secret"))?.secret)
}

async fn serial(db: &impl ConnectionTrait, id: RegistrationId) -> Result<u16, Failure> {
    next(revoked(db, std::iter::once(id)).await?.get(&id).copied())
}

/// The token of a registration's ticket, if it has one to show.
pub async fn token_of(
    db: &impl ConnectionTrait,
    row: &registration::Model,
) -> Result<Option<String>, Failure> {
    if shown_code(row).is_none() {
        return Ok(None);
    }
    sign(&secret(db).await?, row, serial(db, row.id).await?).map(Some)
}

fn sign(secret: &[u8], row: &registration::Model, serial: u16) -> Result<String, Failure> {
    let claims = Claims { activity: row.activity_id, registration: row.id, serial };
    Ok(Key::derive(secret, row.activity_id)?.sign(&claims))
}

/// The public key of an activity.
pub fn public_key(secret: &[u8], activity: ActivityId) -> Result<String, Failure> {
    Ok(Key::derive(secret, activity)?.public())
}

/// The public key of an activity, from the database.
pub async fn public_key_of(
    db: &impl ConnectionTrait,
    activity: ActivityId,
) -> Result<String, Failure> {
    public_key(&secret(db).await?, activity)
}

/// The registrations whose tickets were shown, in their order: a code as it was read or typed, or a token. None where
/// there is no such ticket, or not any more. Whoever locks a registration afterwards compares its code with the one found
/// here: whatever revokes a ticket changes it.
pub async fn presented(
    db: &impl ConnectionTrait,
    shown: &[&str],
) -> Result<Vec<Option<registration::Model>>, Failure> {
    let mut by_code = HashMap::new();
    let codes: Vec<String> = shown
        .iter()
        .filter(|it| token::read(it).is_none())
        .map(|it| authn::read_ticket_code(it))
        .collect();
    if !codes.is_empty() {
        let of = (registration::Entity, registration::Column::TicketCode);
        let rows = registration::Entity::find().filter(within(of, codes)).all(db).await?;
        by_code.extend(rows.into_iter().map(|it| (it.ticket_code.clone(), it)));
    }
    let mut found = Vec::with_capacity(shown.len());
    for it in shown {
        found.push(match token::read(it) {
            None => by_code.get(&authn::read_ticket_code(it)).cloned(),
            Some(read) => by_token(db, &read).await?,
        });
    }
    Ok(found)
}

async fn by_token(
    db: &impl ConnectionTrait,
    read: &token::Read,
) -> Result<Option<registration::Model>, Failure> {
    if !Key::derive(&secret(db).await?, read.claims.activity)?.signed(read) {
        return Ok(None);
    }
    let found = registration::Entity::find_by_id(read.claims.registration).one(db).await?;
    // One that went to another activity has another token there.
    let is_this = |it: &registration::Model| it.activity_id == read.claims.activity;
    let Some(row) = found.filter(|it| is_this(it) && code(it).is_some()) else { return Ok(None) };
    Ok((serial(db, row.id).await? == read.claims.serial).then_some(row))
}

/// Revokes the ticket of a live registration, if it has one, and makes a new one.
pub async fn reissue<A: Action<On = registration::Model>>(
    tx: &DatabaseTransaction,
    permit: &Permit<A>,
    reason: String,
    now: DateTime<Utc>,
) -> Result<registration::Model, Error<TicketErrorCode>> {
    let row = crate::registration::locked(tx, permit.on().id).await?;
    if !row.status.is_live() {
        return Err(TicketErrorCode::NotLive.at(["registrationId"]).into());
    }
    if code(&row).is_some() {
        put_on_record(tx, &row, reason, now).await?;
    }
    Ok(with_code(tx, row, authn::ticket_code()?).await?)
}

/// Revokes the ticket of a registration without a new one.
pub async fn revoke<A: Action<On = registration::Model>>(
    tx: &DatabaseTransaction,
    permit: &Permit<A>,
    reason: String,
    now: DateTime<Utc>,
) -> Result<registration::Model, Error<TicketErrorCode>> {
    let row = crate::registration::locked(tx, permit.on().id).await?;
    if code(&row).is_none() {
        return Err(TicketErrorCode::RevokedAlready.at(["registrationId"]).into());
    }
    put_on_record(tx, &row, reason, now).await?;
    let none = format!("{NONE}{}", row.id.0.simple());
    Ok(with_code(tx, row, none).await?)
}

async fn put_on_record(
    tx: &DatabaseTransaction,
    row: &registration::Model,
    reason: String,
    now: DateTime<Utc>,
) -> Result<(), Error<TicketErrorCode>> {
    let serial = i32::from(serial(tx, row.id).await?);
    if serial >= MOST {
        return Err(TicketErrorCode::TooMany.at(["registrationId"]).into());
    }
    let revoked = ticket_revocation::ActiveModel {
        registration_id: Set(row.id),
        serial: Set(serial),
        activity_id: Set(row.activity_id),
        code: Set(row.ticket_code.clone()),
        reason: Set(reason),
        revoked_at: Set(now),
    };
    ticket_revocation::Entity::insert(revoked).exec_without_returning(tx).await?;
    Ok(())
}

async fn with_code(
    tx: &DatabaseTransaction,
    row: registration::Model,
    code: String,
) -> Result<registration::Model, Failure> {
    let mut row: registration::ActiveModel = row.into();
    row.ticket_code = Set(code);
    Ok(row.update(tx).await?)
}

/// Drops why the tickets of some registrations were revoked.
pub async fn forget(tx: &DatabaseTransaction, of: &[RegistrationId]) -> Result<(), Failure> {
    ticket_revocation::Entity::update_many()
        .col_expr(Column::Reason, Expr::value(""))
        .filter(within((ticket_revocation::Entity, Column::RegistrationId), of.iter().copied()))
        .exec(tx)
        .await?;
    Ok(())
}
