//! One attempt at a door, kept for ever, whatever came of it.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::id::{AccountId, DeviceId, RegistrationId, ScanId, SessionId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "scan")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ScanId,
    pub session_id: SessionId,
    /// The device's own id of this scan: the same one sent again is the same scan.
    pub client_id: Uuid,
    /// None where the code was unknown, or belongs to another activity.
    pub registration_id: Option<RegistrationId>,
    /// The code as it was read, if one was.
    pub code: Option<String>,
    pub gate: Option<String>,
    pub direction: Direction,
    pub outcome: Outcome,
    /// What a device without a network told the person at the time.
    pub told: Option<Outcome>,
    /// When it was scanned: the device's word where it is believed, else the server's.
    pub scanned_at: DateTimeUtc,
    /// Whose clock `scanned_at` is.
    pub clock: Clock,
    /// What the device's clock said, believed or not.
    pub device_at: Option<DateTimeUtc>,
    /// How far the device's clock was behind the server's when the scan was sent, in milliseconds, where it was measured.
    pub clock_offset_ms: Option<i64>,
    pub received_at: DateTimeUtc,
    /// Whose hand it was; none where a device or the person did it without an account.
    pub account_id: Option<AccountId>,
    pub device_id: Option<DeviceId>,
    /// The scan that this one undoes.
    pub undoes_id: Option<ScanId>,
    /// The scan that let the same person in at another gate, where both did.
    pub conflicts_with_id: Option<ScanId>,
    /// Why it undoes a scan.
    pub reason: Option<String>,
}

/// Which way somebody went.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    EnumIter,
    DeriveActiveEnum,
    Serialize,
    Deserialize,
)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Direction {
    Entry,
    Exit,
    /// Nobody went anywhere: an earlier scan shall not count.
    Undo,
}

/// What the door was told.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    EnumIter,
    DeriveActiveEnum,
    Serialize,
    Deserialize,
)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Outcome {
    /// Came in.
    Admitted,
    /// Had come in before.
    AlreadyIn,
    /// No registration has this code.
    UnknownCode,
    /// The registration is of another activity.
    WrongActivity,
    /// The session does not take scans yet.
    TooEarly,
    /// The session takes no scans any more.
    TooLate,
    /// Registered, without a seat.
    NotConfirmed,
    /// The registration was cancelled.
    Cancelled,
    /// A person has to decide.
    NeedsConfirmation,
    /// Went out.
    Exited,
    /// An earlier scan does not count any more.
    Undone,
}

/// Whose clock a scan goes by.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    EnumIter,
    DeriveActiveEnum,
    Serialize,
    Deserialize,
)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Clock {
    /// The device's.
    Device,
    /// The server's, because the device gave no time or an unbelievable one.
    Server,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
