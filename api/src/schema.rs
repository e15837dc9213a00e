//! The merged roots, and the limits that every operation keeps.

use async_graphql::{MergedObject, MergedSubscription, Schema, connection::Connection};

use crate::{
    account::graphql::{
        Account, AccountMutation, AccountQuery, ApiKeyMutation, GrantMutation, ProviderMutation,
        ProviderQuery, SecondFactorMutation, SignInMutation,
    },
    activity::graphql::{Activity, ActivityMutation, ActivityQuery, SeriesMutation},
    attendance::graphql::{Attendance, AttendanceMutation, Scan, SyncMutation},
    attendee::graphql::{AttendeeMutation, AttendeeQuery, SelfRegistrationMutation},
    audit::graphql::{AuditEvent, AuditMutation, AuditQuery, AuditVerificationQuery},
    capacity::graphql::{Allocation, CapacityMutation, CapacityQuery},
    certificate::graphql::{Certificate, CertificateMutation, CertificateQuery},
    class::graphql::{ClassMutation, ClassQuery, GroupMutation, Series, Trainer, TrainerMutation},
    config::Config,
    credit::graphql::{CreditMutation, CreditQuery},
    device::graphql::{Device, DeviceMutation, DeviceQuery, ManifestEntry, ManifestQuery},
    export::graphql::{
        Export, ExportApprovalMutation, ExportApprovalQuery, ExportMutation, ExportQuery,
        ExportView,
    },
    form::graphql::FormMutation,
    job::graphql::{Job, JobMutation, JobQuery},
    leave::graphql::{Leave, LeaveMutation, LeaveQuery},
    live::graphql::LiveSubscription,
    node::NodeQuery,
    organisation::graphql::{Organisation, OrganisationMutation, OrganisationQuery, Participant},
    outbox::graphql::{Message, OutboxMutation, OutboxQuery, Webhook, WebhookEvent},
    person::graphql::{Person, PersonActivity, PersonMutation, PersonQuery, RevealMutation},
    privacy::graphql::{
        ConsentMutation, ConsentQuery, DataRequest, DataRequestMutation, DataRequestQuery, Purge,
        RetentionMutation, RetentionQuery, Transfer, TransferMutation, TransferQuery,
    },
    programme::graphql::{Programme, ProgrammeMutation, ProgrammeQuery},
    registration::graphql::{
        ApprovalMutation, AtDoorQuery, BulkMutation, BulkQuery, BulkRow, EnrolmentMutation,
        Registration, RegistrationMutation, RegistrationQuery, SeatMutation, WalkInMutation,
        WaysInMutation,
    },
    roster::graphql::{RosterBatch, RosterMutation, RosterQuery, RosterRow},
    self_check_in::graphql::{SelfCheckIn, SelfCheckInMutation, SelfCheckInQuery},
    session::graphql::{SessionMutation, SessionQuery},
    ticket::graphql::TicketMutation,
};

/// What can be read. Every field asks for a grant of its own; without one a thing is NOT_FOUND.
#[derive(MergedObject, Default)]
pub struct Query(
    AccountQuery,
    ProviderQuery,
    ActivityQuery,
    AtDoorQuery,
    AttendeeQuery,
    AuditQuery,
    AuditVerificationQuery,
    BulkQuery,
    CapacityQuery,
    CertificateQuery,
    ClassQuery,
    ConsentQuery,
    CreditQuery,
    DataRequestQuery,
    DeviceQuery,
    ExportApprovalQuery,
    ExportQuery,
    JobQuery,
    LeaveQuery,
    ManifestQuery,
    NodeQuery,
    OrganisationQuery,
    OutboxQuery,
    PersonQuery,
    ProgrammeQuery,
    RegistrationQuery,
    RetentionQuery,
    RosterQuery,
    SelfCheckInQuery,
    SessionQuery,
    TransferQuery,
);

/// What can be done. What a user can mend comes back in `userErrors`, everything else in `errors`.
#[derive(MergedObject, Default)]
pub struct Mutation(
    AccountMutation,
    ActivityMutation,
    ApiKeyMutation,
    ProviderMutation,
    ApprovalMutation,
    AttendanceMutation,
    AttendeeMutation,
    AuditMutation,
    BulkMutation,
    CapacityMutation,
    CertificateMutation,
    ClassMutation,
    ConsentMutation,
    CreditMutation,
    DataRequestMutation,
    DeviceMutation,
    EnrolmentMutation,
    ExportApprovalMutation,
    ExportMutation,
    FormMutation,
    GrantMutation,
    GroupMutation,
    JobMutation,
    LeaveMutation,
    OrganisationMutation,
    OutboxMutation,
    PersonMutation,
    ProgrammeMutation,
    RegistrationMutation,
    RetentionMutation,
    RevealMutation,
    RosterMutation,
    SeatMutation,
    SecondFactorMutation,
    SelfCheckInMutation,
    SelfRegistrationMutation,
    SeriesMutation,
    SessionMutation,
    SignInMutation,
    SyncMutation,
    TicketMutation,
    TrainerMutation,
    TransferMutation,
    WalkInMutation,
    WaysInMutation,
);

/// What can be watched, by the protocol graphql-transport-ws at `/graphql/ws`; the token of a sign-in goes into the payload
/// of `connection_init`, as `authorization`. One root field at a time.
#[derive(MergedSubscription, Default)]
pub struct Subscription(LiveSubscription);

pub type QinglanSchema = Schema<Query, Mutation, Subscription>;

/// How deep selections may nest. The standard introspection query takes 13.
pub const DEEPEST: usize = 15;
/// How much an operation may cost: a field is 1, a list as many times its page as its page may hold.
pub const DEAREST: usize = 10_000;

/// The schema as this server serves it.
#[must_use]
pub fn build(config: &Config) -> QinglanSchema {
    let schema = builder()
        .limit_depth(DEEPEST)
        .limit_complexity(DEAREST)
        .limit_directives(10)
        .disable_suggestions();
    if config.outside.introspection() {
        schema.finish()
    } else {
        schema.disable_introspection().finish()
    }
}

/// The schema in its own language, as it is committed.
#[must_use]
pub fn sdl() -> String {
    let sdl = builder().finish().sdl();
    let lines: Vec<&str> = sdl.lines().map(str::trim_end).collect();
    lines.join("\n").trim().to_owned() + "\n"
}

fn builder() -> async_graphql::SchemaBuilder<Query, Mutation, Subscription> {
    Schema::build(Query::default(), Mutation::default(), Subscription::default())
        .register_output_type::<Activity>()
        .override_output_type_description::<Connection<String, Account>>(PAGE)
        .override_output_type_description::<Connection<String, Activity>>(PAGE)
        .override_output_type_description::<Connection<String, Allocation>>(PAGE)
        .override_output_type_description::<Connection<String, Attendance>>(PAGE)
        .override_output_type_description::<Connection<String, Certificate>>(PAGE)
        .override_output_type_description::<Connection<String, Export>>(PAGE)
        .override_output_type_description::<Connection<String, ExportView>>(PAGE)
        .override_output_type_description::<Connection<String, DataRequest>>(PAGE)
        .override_output_type_description::<Connection<String, Device>>(PAGE)
        .override_output_type_description::<Connection<String, AuditEvent>>(PAGE)
        .override_output_type_description::<Connection<String, Job>>(PAGE)
        .override_output_type_description::<Connection<String, BulkRow>>(PAGE)
        .override_output_type_description::<Connection<String, Leave>>(PAGE)
        .override_output_type_description::<Connection<String, Device>>(PAGE)
        .override_output_type_description::<Connection<String, ManifestEntry>>(LONG_PAGE)
        .override_output_type_description::<Connection<String, Message>>(PAGE)
        .override_output_type_description::<Connection<String, Organisation>>(PAGE)
        .override_output_type_description::<Connection<String, Participant>>(PAGE)
        .override_output_type_description::<Connection<String, Person>>(PAGE)
        .override_output_type_description::<Connection<String, PersonActivity>>(PAGE)
        .override_output_type_description::<Connection<String, Programme>>(PAGE)
        .override_output_type_description::<Connection<String, Purge>>(PAGE)
        .override_output_type_description::<Connection<String, Registration>>(PAGE)
        .override_output_type_description::<Connection<String, RosterBatch>>(PAGE)
        .override_output_type_description::<Connection<String, RosterRow>>(PAGE)
        .override_output_type_description::<Connection<String, Scan>>(PAGE)
        .override_output_type_description::<Connection<String, SelfCheckIn>>(PAGE)
        .override_output_type_description::<Connection<String, Series>>(PAGE)
        .override_output_type_description::<Connection<String, Trainer>>(PAGE)
        .override_output_type_description::<Connection<String, Transfer>>(PAGE)
        .override_output_type_description::<Connection<String, Webhook>>(PAGE)
        .override_output_type_description::<Connection<String, WebhookEvent>>(PAGE)
}

/// What all connections say of themselves.
const PAGE: &str = "A page of a list, as Relay has it: `first` rows behind the cursor `after`, or the `last` before `before`; \
    1 to 100, and the first 20 if nothing is said.";

/// The same of lists whose rows are small.
const LONG_PAGE: &str = "A page of a list, as Relay has it: `first` rows behind the cursor `after`, or the `last` before `before`; \
    1 to 500, and the first 20 if nothing is said.";

/// What a page costs: its rows are counted before they are there.
#[must_use]
pub fn list_cost(first: Option<i32>, last: Option<i32>, child: usize) -> usize {
    cost_within(crate::page::LARGEST, first.or(last), child)
}

/// The same for a list of which a page holds more.
#[must_use]
pub fn long_list_cost(first: Option<i32>, last: Option<i32>, child: usize) -> usize {
    cost_within(crate::page::LARGEST_LONG, first.or(last), child)
}

fn cost_within(largest: i32, rows: Option<i32>, child: usize) -> usize {
    let rows = rows.unwrap_or(crate::page::USUAL).clamp(1, largest);
    usize::try_from(rows).unwrap_or(1) * child + 1
}
