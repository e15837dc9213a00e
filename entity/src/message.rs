//! One message to one person, and what came of it.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::id::{ActivityId, MessageId, RegistrationId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "message")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: MessageId,
    pub activity_id: ActivityId,
    /// It may be gone again.
    pub registration_id: RegistrationId,
    pub occasion: Occasion,
    pub channel: Channel,
    /// A phone or a mail address, as it was when the message was written; none where there was none.
    pub recipient: Option<String>,
    pub subject: String,
    pub text: String,
    pub state: State,
    /// When something is to be done about it next: to send it, to ask what became of it. None when it is settled.
    pub due_at: Option<DateTimeUtc>,
    pub attempts: i32,
    /// How often its receipt was asked for since it was sent.
    pub asked: i32,
    /// A code, without anything of the person.
    pub last_error: Option<String>,
    pub created_at: DateTimeUtc,
    /// When it was taken over by the gateway or the mail server.
    pub sent_at: Option<DateTimeUtc>,
}

/// What people are told of.
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
pub enum Occasion {
    /// A seat is held.
    Confirmed,
    /// Waits for a seat.
    Waitlisted,
    /// A seat is held until the answer.
    Offered,
    /// Asked to come.
    Invited,
    /// The answer to an invitation or an offer is nearly due.
    Reminder,
    /// Was not approved, or will not come.
    Declined,
    /// Was returned by a step of approval, with a reason.
    Returned,
    /// An offer lapsed.
    Expired,
    /// Was taken back.
    Cancelled,
    /// Somebody else comes instead.
    Replaced,
    /// Leave was approved.
    LeaveApproved,
    /// Leave was declined, with a reason.
    LeaveDeclined,
}

/// By what people are told.
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
pub enum Channel {
    /// 短信
    Sms,
    /// 邮件
    Mail,
}

/// How far a message is.
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
pub enum State {
    /// To be sent when it is due.
    Queued,
    /// About to be handed over; set before, in a transaction of its own.
    Sending,
    /// Taken over by the gateway or the mail server.
    Sent,
    /// It arrived, as the gateway says.
    Delivered,
    /// Not sent, or it did not arrive.
    Failed,
    /// Nobody can say whether it was taken over.
    Unknown,
    /// Not sent, because what it says was no longer so.
    Cancelled,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
