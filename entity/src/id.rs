//! One id type per table, so that ids of different things cannot be swapped.

use sea_orm::{DbErr, DeriveValueType, TryFromU64};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What an id names; the prefix is part of its public form, as in `session_0198…`.
pub trait Id: Copy + Eq + Ord + std::hash::Hash + Send + Sync + 'static {
    const PREFIX: &'static str;
    fn from_uuid(uuid: Uuid) -> Self;
    fn uuid(self) -> Uuid;
}

macro_rules! ids {
    ($($name:ident = $prefix:literal;)*) => {
        $(
            #[doc = concat!("Names one row; public as `", $prefix, "_…`.")]
            #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, DeriveValueType, Serialize, Deserialize)]
            pub struct $name(pub Uuid);

            impl $name {
                /// A new id. Ids are UUIDs of version 7, so they sort by the time they were made.
                #[must_use]
                pub fn generate() -> Self {
                    Self(Uuid::now_v7())
                }
            }

            impl TryFromU64 for $name {
                fn try_from_u64(n: u64) -> Result<Self, DbErr> {
                    Uuid::try_from_u64(n).map(Self)
                }
            }

            impl Id for $name {
                const PREFIX: &'static str = $prefix;
                fn from_uuid(uuid: Uuid) -> Self {
                    Self(uuid)
                }
                fn uuid(self) -> Uuid {
                    self.0
                }
            }
        )*

        /// The registry of prefixes: no two kinds of thing share one.
        pub const PREFIXES: &[&str] = &[$($prefix),*];
    };
}

ids! {
    AccountId = "account";
    ActivityId = "activity";
    AllocationId = "allocation";
    ApiKeyId = "apiKey";
    AttendanceId = "attendance";
    AuditEventId = "auditEvent";
    BulkActId = "bulkAct";
    CategoryId = "category";
    CertificateId = "certificate";
    CertificatePatternId = "certificatePattern";
    CodeId = "code";
    ConsentId = "consent";
    CorrectionId = "correction";
    CreditEntryId = "creditEntry";
    DataRequestId = "dataRequest";
    DecisionId = "decision";
    DeviceId = "device";
    ExportId = "export";
    ExportViewId = "exportView";
    GrantId = "grant";
    GroupId = "group";
    HookEventId = "hookEvent";
    JobId = "job";
    LeaveId = "leave";
    LinkedIdentityId = "linkedIdentity";
    MakeUpId = "makeUp";
    MessageId = "message";
    MessageTemplateId = "messageTemplate";
    NoticeId = "notice";
    OrganisationId = "organisation";
    PastPasswordId = "pastPassword";
    PersonId = "person";
    PositionId = "position";
    ProgrammeId = "programme";
    PurgeId = "purge";
    QuestionId = "question";
    RefreshTokenId = "refreshToken";
    RegistrationId = "registration";
    RosterBatchId = "rosterBatch";
    ScanId = "scan";
    SeriesId = "series";
    SessionId = "session";
    SignInId = "signIn";
    TransferId = "transfer";
    UploadId = "upload";
    WebhookId = "webhook";
    WithdrawalId = "withdrawal";
}
