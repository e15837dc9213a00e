//! Any thing by its id, whatever it is.

use async_graphql::{Context, ID, Interface, Object, Result};
use entity::id::{
    AccountId, ActivityId, AllocationId, AttendanceId, AuditEventId, BulkActId, CategoryId,
    CertificateId, DataRequestId, DeviceId, ExportId, ExportViewId, GrantId, GroupId, HookEventId,
    JobId, LeaveId, MakeUpId, MessageId, MessageTemplateId, OrganisationId, PersonId, PositionId,
    ProgrammeId, QuestionId, RegistrationId, RosterBatchId, ScanId, SeriesId, SessionId,
    TransferId, WebhookId,
};

use crate::{
    account::graphql::{Account, Grant},
    activity::graphql::{AcademyClass, Activity, Category, FestivalActivity, RelayEvent},
    attendance::{
        self,
        graphql::{Attendance, Scan},
    },
    audit::graphql::AuditEvent,
    authz::policy::{
        CancelRegistration, EndPosition, RevokeGrant, ViewAccount, ViewActivity, ViewAllocation,
        ViewAttendance, ViewAuditEvent, ViewBulkAct, ViewCategory, ViewCertificate,
        ViewDataRequest, ViewDevice, ViewExport, ViewExportView, ViewGroup, ViewJob, ViewLeave,
        ViewMakeUp, ViewMessage, ViewOrganisation, ViewPerson, ViewPhone, ViewProgramme,
        ViewRegistration, ViewRoster, ViewSeries, ViewSession, ViewTemplate, ViewTransfer,
        ViewWebhook,
    },
    capacity::graphql::Allocation,
    certificate::graphql::Certificate,
    class::graphql::{ClassGroup, Series},
    credit::graphql::MakeUp,
    device::graphql::Device,
    error::Failure,
    export::graphql::{Export, ExportView},
    form::{self, graphql::Question},
    graphql::{Gid, Viewer},
    job::graphql::Job,
    leave::graphql::Leave,
    organisation::graphql::Organisation,
    outbox::{
        self,
        graphql::{Message, MessageTemplate, Webhook, WebhookEvent},
    },
    person::graphql::{Person, Position},
    privacy::graphql::{DataRequest, Transfer},
    programme::graphql::Programme,
    registration::graphql::{BulkAct, Registration},
    roster::graphql::RosterBatch,
    session::graphql::Session,
};

/// A thing with an id.
#[derive(Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "Opaque; unique among all things."))]
pub enum Node {
    Account(Account),
    Grant(Grant),
    Organisation(Organisation),
    Person(Person),
    Position(Position),
    Programme(Programme),
    Festival(FestivalActivity),
    Relay(RelayEvent),
    Academy(AcademyClass),
    Session(Session),
    Series(Series),
    Group(ClassGroup),
    Leave(Leave),
    BulkAct(BulkAct),
    Category(Category),
    Certificate(Certificate),
    Question(Question),
    Allocation(Allocation),
    Registration(Registration),
    Attendance(Attendance),
    Scan(Scan),
    RosterBatch(RosterBatch),
    DataRequest(DataRequest),
    Device(Device),
    Export(Export),
    ExportView(ExportView),
    AuditEvent(AuditEvent),
    Job(Job),
    MakeUp(MakeUp),
    Message(Message),
    MessageTemplate(MessageTemplate),
    Transfer(Transfer),
    Webhook(Webhook),
    WebhookEvent(WebhookEvent),
}

/// The thing that an id names, by the same permit as its own root field.
#[expect(clippy::too_many_lines, reason = "an arm for each kind")]
async fn find(viewer: &Viewer, id: &str) -> Result<Node, Failure> {
    let gate = &viewer.gate;
    let prefix = id.split_once('_').map_or(id, |it| it.0);
    macro_rules! named {
        ($kind:ty) => {
            Gid::<$kind>::decode(id).ok_or(Failure::NotFound)?.0
        };
    }
    gate.signed_in()?;
    Ok(match prefix {
        "account" => {
            Node::Account(gate.permit::<ViewAccount>(named!(AccountId)).await?.into_row().into())
        }
        "activity" => {
            match Activity::from(gate.permit::<ViewActivity>(named!(ActivityId)).await?.into_row())
            {
                Activity::Festival(it) => Node::Festival(it),
                Activity::Relay(it) => Node::Relay(it),
                Activity::Academy(it) => Node::Academy(it),
            }
        }
        "allocation" => Node::Allocation(Allocation(
            gate.permit::<ViewAllocation>(named!(AllocationId)).await?.into_row(),
        )),
        "attendance" => {
            let row = attendance::find(viewer.db.read(), named!(AttendanceId)).await?;
            let session = gate.permit::<ViewAttendance>(row.session_id).await?.into_row();
            Node::Attendance(Attendance { session: Some(session), ..Attendance::from(row) })
        }
        "bulkAct" => {
            Node::BulkAct(BulkAct(gate.permit::<ViewBulkAct>(named!(BulkActId)).await?.into_row()))
        }
        "category" => {
            let row = gate.permit::<ViewCategory>(named!(CategoryId)).await?.into_row();
            Node::Category(Category { row, pools: None })
        }
        "certificate" => {
            let row = gate.permit::<ViewCertificate>(named!(CertificateId)).await?.into_row();
            Node::Certificate(Certificate::one(viewer, row).await?)
        }
        "dataRequest" => Node::DataRequest(DataRequest(
            gate.permit::<ViewDataRequest>(named!(DataRequestId)).await?.into_row(),
        )),
        "device" => {
            Node::Device(gate.permit::<ViewDevice>(named!(DeviceId)).await?.into_row().into())
        }
        "export" => {
            Node::Export(Export(gate.permit::<ViewExport>(named!(ExportId)).await?.into_row()))
        }
        "exportView" => Node::ExportView(ExportView(
            gate.permit::<ViewExportView>(named!(ExportViewId)).await?.into_row(),
        )),
        "grant" => {
            Node::Grant(gate.permit::<RevokeGrant>(named!(GrantId)).await?.into_row().into())
        }
        "group" => Node::Group(gate.permit::<ViewGroup>(named!(GroupId)).await?.into_row().into()),
        "leave" => Node::Leave(gate.permit::<ViewLeave>(named!(LeaveId)).await?.into_row().into()),
        "auditEvent" => Node::AuditEvent(
            gate.permit::<ViewAuditEvent>(named!(AuditEventId)).await?.into_row().into(),
        ),
        "job" => Node::Job(Job(gate.permit::<ViewJob>(named!(JobId)).await?.into_row())),
        "makeUp" => {
            Node::MakeUp(MakeUp(gate.permit::<ViewMakeUp>(named!(MakeUpId)).await?.into_row()))
        }
        "message" => {
            Node::Message(Message(gate.permit::<ViewMessage>(named!(MessageId)).await?.into_row()))
        }
        "messageTemplate" => Node::MessageTemplate(MessageTemplate(
            gate.permit::<ViewTemplate>(named!(MessageTemplateId)).await?.into_row(),
        )),
        "transfer" => Node::Transfer(Transfer(
            gate.permit::<ViewTransfer>(named!(TransferId)).await?.into_row(),
        )),
        "webhook" => {
            Node::Webhook(Webhook(gate.permit::<ViewWebhook>(named!(WebhookId)).await?.into_row()))
        }
        "hookEvent" => {
            let row = outbox::webhook::event(viewer.db.read(), named!(HookEventId)).await?;
            gate.permit::<ViewWebhook>(row.webhook_id).await?;
            Node::WebhookEvent(WebhookEvent(row))
        }
        "organisation" => Node::Organisation(
            gate.permit::<ViewOrganisation>(named!(OrganisationId)).await?.into_row().into(),
        ),
        "person" => {
            let permit = gate.permit::<ViewPerson>(named!(PersonId)).await?;
            let is_open = permit.also::<ViewPhone>();
            Node::Person(Person::new(permit.into_row(), is_open))
        }
        "position" => {
            let row = gate.permit::<EndPosition>(named!(PositionId)).await?.into_row();
            let organisation = viewer.row(row.organisation_id).await?;
            Node::Position(Position { row, organisation })
        }
        "programme" => Node::Programme(
            gate.permit::<ViewProgramme>(named!(ProgrammeId)).await?.into_row().into(),
        ),
        "question" => {
            let row = form::find(viewer.db.read(), named!(QuestionId)).await?;
            gate.permit::<ViewActivity>(row.activity_id).await?;
            Node::Question(Question(row))
        }
        "registration" => {
            let permit = gate.permit::<ViewRegistration>(named!(RegistrationId)).await?;
            let is_open = permit.also::<CancelRegistration>();
            Node::Registration(Registration::new(permit.into_row(), is_open))
        }
        "rosterBatch" => Node::RosterBatch(RosterBatch(
            gate.permit::<ViewRoster>(named!(RosterBatchId)).await?.into_row(),
        )),
        "scan" => {
            let row = attendance::scan::find(viewer.db.read(), named!(ScanId)).await?;
            gate.permit::<ViewAttendance>(row.session_id).await?;
            Node::Scan(Scan(row))
        }
        "series" => {
            Node::Series(Series(gate.permit::<ViewSeries>(named!(SeriesId)).await?.into_row()))
        }
        "session" => {
            Node::Session(Session(gate.permit::<ViewSession>(named!(SessionId)).await?.into_row()))
        }
        _ => return Err(Failure::NotFound),
    })
}

#[derive(Default)]
pub struct NodeQuery;

#[Object]
impl NodeQuery {
    /// The thing that an id names, if the viewer may see it.
    async fn node(&self, ctx: &Context<'_>, id: ID) -> Result<Option<Node>> {
        Ok(Some(find(Viewer::of(ctx), &id).await?))
    }

    /// The things that some ids name, in their order; null for each that is not there or not to be seen. At most 100.
    #[graphql(complexity = "ids.len().min(100) * child_complexity + 1")]
    async fn nodes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most 100, of any kinds.")] ids: Vec<ID>,
    ) -> Result<Vec<Option<Node>>> {
        let viewer = Viewer::of(ctx);
        viewer.gate.signed_in()?;
        if ids.len() > 100 {
            return Err(Failure::BadInput("一次最多100个", "at most 100 at once").into());
        }
        let mut nodes = Vec::with_capacity(ids.len());
        for id in &ids {
            nodes.push(match find(viewer, id).await {
                Ok(node) => Some(node),
                Err(Failure::NotFound | Failure::Forbidden) => None,
                Err(failure) => return Err(failure.into()),
            });
        }
        Ok(nodes)
    }
}
