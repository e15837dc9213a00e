//! A list that was taken out, and why.

use sea_orm::{FromJsonQueryResult, entity::prelude::*};
use serde::{Deserialize, Serialize};

use crate::id::{AccountId, ActivityId, ExportId, OrganisationId, SessionId};

/// Of an activity, of one of its sessions, or of a year of an organisation.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "export")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ExportId,
    pub kind: Kind,
    pub activity_id: Option<ActivityId>,
    pub session_id: Option<SessionId>,
    pub organisation_id: Option<OrganisationId>,
    pub year: Option<i32>,
    pub account_id: AccountId,
    pub format: Format,
    pub sort: Sort,
    /// The keys of the columns in their order; none for the usual ones of the kind.
    #[sea_orm(column_type = "JsonBinary")]
    pub columns: Keys,
    /// What it is narrowed to.
    #[sea_orm(column_type = "JsonBinary")]
    pub filter: Json,
    pub purpose: String,
    pub state: State,
    /// Names the run that makes the file; another run has another one.
    pub run: Option<Uuid>,
    pub rows_done: i64,
    pub rows_total: i64,
    /// Bytes.
    pub size: Option<i64>,
    pub sha256: Option<Vec<u8>>,
    pub created_at: DateTimeUtc,
    pub finished_at: Option<DateTimeUtc>,
    /// From then on nobody gets it any more.
    pub expires_at: DateTimeUtc,
    /// How it is laid out on paper.
    #[sea_orm(column_type = "JsonBinary")]
    pub layout: Layout,
    /// The texts that its file could not show whole.
    #[sea_orm(column_type = "JsonBinary")]
    pub unshown: Unshown,
    /// Whether personal data are in it whole.
    #[serde(default)]
    pub is_unmasked: bool,
    /// Who else had the say, where that was needed.
    #[serde(default)]
    pub decided_by: Option<AccountId>,
    #[serde(default)]
    pub decided_at: Option<DateTimeUtc>,
    #[serde(default)]
    pub decision_reason: Option<String>,
}

/// How a list is laid out on paper. What a kind has no use for is passed over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
#[serde(rename_all = "camelCase", default)]
pub struct Layout {
    pub sheets: Sheets,
    pub groups: SheetGroups,
    pub has_phones: bool,
    pub blank_lines: u32,
    pub badges: BadgeSize,
}

impl Default for Layout {
    fn default() -> Self {
        Self {
            sheets: Sheets::default(),
            groups: SheetGroups::default(),
            has_phones: false,
            blank_lines: 10,
            badges: BadgeSize::default(),
        }
    }
}

/// What a sign-in sheet is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Sheets {
    /// A sheet for each session.
    #[default]
    Session,
    /// A sheet for each day, with a column for each of its sessions.
    Day,
}

/// By what the people on a sign-in sheet are grouped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SheetGroups {
    #[default]
    None,
    Category,
    District,
    Group,
}

/// How large badges are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum BadgeSize {
    #[default]
    Card,
    Lanyard,
}

/// Texts with characters that no font has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Unshown(pub Vec<UnshownText>);

/// A text, and the characters that could not be shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnshownText {
    pub text: String,
    pub characters: Vec<String>,
}

/// Keys of columns, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Keys(pub Vec<String>);

/// What is listed.
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
pub enum Kind {
    /// Who holds a seat and who came, session by session.
    AttendanceList,
    /// Who holds a seat, with a column per session.
    AttendanceMatrix,
    /// Every scan at the doors.
    ScanLog,
    /// Everybody who was registered, however it stands.
    Registrations,
    /// To be signed on at the door.
    SignInSheet,
    /// To be worn.
    Badges,
    /// To be put before those who sit at a table.
    TableCards,
    /// Those that are valid.
    Certificates,
    /// Of a year, person by person, of an organisation and all below it.
    CreditHours,
}

/// How far its file is.
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
    /// Made anew at each fetch.
    OnFetch,
    /// To be made once somebody else has approved it.
    WaitingApproval,
    /// Somebody else said no.
    Refused,
    /// To be made in the background.
    Waiting,
    /// A server is at it, or was when it died.
    Making,
    /// Made, and kept in chunks.
    Ready,
    /// Called off before it was made.
    Cancelled,
    /// Could not be made.
    Failed,
}

/// What kind of file.
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
pub enum Format {
    /// A workbook.
    Xlsx,
    /// UTF-8 with a byte order mark, for spreadsheet programs.
    Csv,
    /// To be printed.
    Pdf,
}

/// In what order the people stand.
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
pub enum Sort {
    /// As the list had them.
    List,
    /// By pinyin.
    Pinyin,
    /// By stroke count of the name (按姓氏笔画).
    Strokes,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
