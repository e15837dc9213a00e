//! Devices at doors: brought into use by a code that is used once, then acting by a token of their own.
//!
//! A device is DOOR_STAFF of the activities it is bound to and nothing else: see [`crate::authz::By`]. Codes and tokens
//! are kept as hashes alone; both are long enough not to be guessed.

pub mod graphql;
pub mod manifest;

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    activity,
    device::{self, Column},
    device_activity,
    id::{ActivityId, DeviceId},
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{Set, Unchanged},
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect,
    sea_query::Query,
};

use crate::{
    authn,
    authz::{
        Doorkeeper, Permit,
        policy::{CreateDevice, RevokeDevice, ViewDevices},
    },
    db::{Db, within},
    error::{Error, Failure, Refusal},
    page::{Page, Slice},
    refusals,
};

refusals! {
    /// Why a device was not made.
    CreateDeviceErrorCode, CreateDeviceUserError {
        /// The name is missing.
        NameMissing = "名称不能为空", "the name is missing";
        /// A text is too long.
        TooLong = "不能超过{}个字符", "must not be longer than {} characters";
        /// No activity is named, or more than 20 are.
        ActivitiesUnfit = "须指定1至20个活动", "name 1 to 20 activities";
        /// Its end is not in the future, or more than 366 days away.
        ExpiresAtUnfit = "有效期须在将来366天之内", "it is good until a time in the next 366 days";
    }
}

refusals! {
    /// Why a device was not brought into use.
    RedeemDeviceErrorCode, RedeemDeviceUserError {
        /// No device waits for this code: it is wrong, was used, is older than 15 minutes, or the device was revoked.
        CodeWrong = "设备码错误或已失效", "the code is wrong, or no longer good";
        /// A text is too long.
        TooLong = "不能超过{}个字符", "must not be longer than {} characters";
    }
}

refusals! {
    /// Why a device was not revoked.
    RevokeDeviceErrorCode, RevokeDeviceUserError {
        /// It is revoked already.
        RevokedAlready = "设备已停用", "the device is revoked already";
    }
}

/// How long a code waits to be used.
const CODE: TimeDelta = TimeDelta::minutes(15);
/// How long a device acts, unless it says otherwise.
pub const USUAL: TimeDelta = TimeDelta::days(30);
/// How long it may act at most.
pub const LONGEST: TimeDelta = TimeDelta::days(366);
/// At how many activities' doors it may stand.
pub const MOST_ACTIVITIES: usize = 20;
/// How exactly it is known when a device was last seen.
const SEEN: TimeDelta = TimeDelta::minutes(1);
/// What a device's token begins with, and no other token does.
const TOKEN: &str = "qinglan-device.";

/// A device to be.
pub struct Draft {
    pub name: String,
    pub gate: Option<String>,
    pub expires_at: DateTime<Utc>,
}

/// Makes a device for the doors of some activities, which `code` brings into use.
pub async fn create(
    tx: &DatabaseTransaction,
    permits: &[Permit<CreateDevice>],
    draft: Draft,
    code: &str,
    now: DateTime<Utc>,
) -> Result<device::Model, Failure> {
    let by = permits.first().map(Permit::actor);
    let row = device::Model {
        id: DeviceId::generate(),
        name: draft.name,
        gate: draft.gate,
        model: None,
        code_hash: Some(code_hash(code)),
        code_expires_at: now + CODE,
        token_hash: None,
        clock_offset_ms: None,
        created_by: by.ok_or_else(|| Failure::internal("a device for no door"))?,
        created_at: now,
        redeemed_at: None,
        expires_at: draft.expires_at,
        revoked_at: None,
        last_seen_at: None,
    };
    device::Entity::insert(device::ActiveModel::from(row.clone()).reset_all())
        .exec_without_returning(tx)
        .await?;
    let links = permits.iter().map(|it| device_activity::ActiveModel {
        device_id: Set(row.id),
        activity_id: Set(it.on().id),
    });
    device_activity::Entity::insert_many(links).exec_without_returning(tx).await?;
    Ok(row)
}

/// A new token of a device.
pub fn new_token() -> Result<String, Failure> {
    Ok(format!("{TOKEN}{}", authn::secret()?))
}

/// What is kept of a code, however it was typed.
fn code_hash(code: &str) -> Vec<u8> {
    authn::fingerprint(&authn::read_ticket_code(code))
}

/// The device that waits for a code, if one does.
pub async fn public_waiting(
    db: &impl ConnectionTrait,
    code: &str,
    now: DateTime<Utc>,
) -> Result<Option<DeviceId>, Failure> {
    let found = device::Entity::find().filter(Column::CodeHash.eq(code_hash(code))).one(db).await?;
    Ok(found.filter(|it| may_be_redeemed(it, now)).map(|it| it.id))
}

fn may_be_redeemed(it: &device::Model, now: DateTime<Utc>) -> bool {
    it.revoked_at.is_none() && now < it.code_expires_at && now < it.expires_at
}

/// Exchanges a code for the token: of several who send the same code at once, one gets it.
pub async fn public_redeem(
    tx: &DatabaseTransaction,
    id: DeviceId,
    code: &str,
    token: &str,
    model: Option<String>,
    now: DateTime<Utc>,
) -> Result<device::Model, Error<RedeemDeviceErrorCode>> {
    let row = locked(tx, id).await?;
    if row.code_hash != Some(code_hash(code)) || !may_be_redeemed(&row, now) {
        return Err(RedeemDeviceErrorCode::CodeWrong.at(["code"]).into());
    }
    let row = device::ActiveModel {
        id: Unchanged(id),
        model: Set(model),
        code_hash: Set(None),
        token_hash: Set(Some(authn::fingerprint(token))),
        redeemed_at: Set(Some(now)),
        last_seen_at: Set(Some(now)),
        ..Default::default()
    };
    Ok(row.update(tx).await?)
}

/// Takes a device out of use: from now on its token and its code are nobody's.
pub async fn revoke(
    tx: &DatabaseTransaction,
    permit: &Permit<RevokeDevice>,
    now: DateTime<Utc>,
) -> Result<device::Model, Error<RevokeDeviceErrorCode>> {
    let row = locked(tx, permit.on().id).await?;
    if row.revoked_at.is_some() {
        return Err(RevokeDeviceErrorCode::RevokedAlready.at(["deviceId"]).into());
    }
    let row = device::ActiveModel {
        id: Unchanged(row.id),
        code_hash: Set(None),
        revoked_at: Set(Some(now)),
        ..Default::default()
    };
    Ok(row.update(tx).await?)
}

async fn locked(tx: &DatabaseTransaction, id: DeviceId) -> Result<device::Model, Failure> {
    device::Entity::find_by_id(id).lock_exclusive().one(tx).await?.ok_or(Failure::NotFound)
}

/// The device whose token a request's `Authorization` header holds, unless it was revoked or its time is over.
pub async fn authenticate(
    db: &Db,
    header: Option<&str>,
    now: DateTime<Utc>,
) -> Result<Option<Doorkeeper>, Failure> {
    let token = header.and_then(authn::bearer).filter(|it| it.starts_with(TOKEN));
    let Some(token) = token else { return Ok(None) };
    let found = device::Entity::find()
        .filter(Column::TokenHash.eq(authn::fingerprint(token)))
        .filter(Column::RevokedAt.is_null())
        .filter(Column::ExpiresAt.gt(now))
        .find_with_related(device_activity::Entity)
        .all(db.read())
        .await?;
    let Some((row, links)) = found.into_iter().next() else { return Ok(None) };
    if row.last_seen_at.is_none_or(|at| at + SEEN <= now) {
        let seen = device::ActiveModel {
            id: Unchanged(row.id),
            last_seen_at: Set(Some(now)),
            ..Default::default()
        };
        db.transaction(async |tx| device::Entity::update(seen).exec_without_returning(tx).await)
            .await?;
    }
    Ok(Some(Doorkeeper::new(row, links.into_iter().map(|it| it.activity_id))))
}

/// Notes how far a device's clock is behind the server's, where that has changed by a second or more.
pub async fn note_clock(
    db: &Db,
    doorkeeper: &Doorkeeper,
    offset: TimeDelta,
) -> Result<(), Failure> {
    let offset = offset.num_milliseconds();
    let known = doorkeeper.row.clock_offset_ms;
    if known.is_some_and(|it| it.abs_diff(offset) < 1000) {
        return Ok(());
    }
    let measured = device::ActiveModel {
        id: Unchanged(doorkeeper.row.id),
        clock_offset_ms: Set(Some(offset)),
        ..Default::default()
    };
    db.transaction(async |tx| device::Entity::update(measured).exec_without_returning(tx).await)
        .await?;
    Ok(())
}

/// The devices at the doors of the permit's activity, newest first.
pub async fn list(
    db: &impl ConnectionTrait,
    permit: &Permit<ViewDevices>,
    slice: Slice<DeviceId>,
) -> Result<Page<device::Model>, Failure> {
    let here = Query::select()
        .column(device_activity::Column::DeviceId)
        .from(device_activity::Entity)
        .and_where(device_activity::Column::ActivityId.eq(permit.on().id))
        .to_owned();
    let mut cursor =
        device::Entity::find().filter(Column::Id.in_subquery(here)).cursor_by(Column::Id);
    cursor.desc();
    slice.of(cursor, db).await
}

/// At the doors of which activities some devices stand.
pub async fn doors(
    db: &impl ConnectionTrait,
    ids: impl IntoIterator<Item = DeviceId>,
) -> Result<Vec<(DeviceId, ActivityId)>, Failure> {
    let of = within((device_activity::Entity, device_activity::Column::DeviceId), ids);
    Ok(device_activity::Entity::find()
        .select_only()
        .columns([device_activity::Column::DeviceId, device_activity::Column::ActivityId])
        .filter(of)
        .into_tuple()
        .all(db)
        .await?)
}

/// How far a device is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum State {
    Waiting,
    Lapsed,
    InUse,
    Expired,
    Revoked,
}

/// How far a device is at an instant.
#[must_use]
pub fn state(it: &device::Model, now: DateTime<Utc>) -> State {
    if it.revoked_at.is_some() {
        State::Revoked
    } else if it.expires_at <= now {
        State::Expired
    } else if it.redeemed_at.is_some() {
        State::InUse
    } else if it.code_expires_at <= now {
        State::Lapsed
    } else {
        State::Waiting
    }
}

/// The activities of devices that somebody may see, each with the device it is of.
pub type Doors = Vec<(DeviceId, activity::Model)>;
