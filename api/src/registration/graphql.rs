//! Registrations as GraphQL shows them.

mod approval;
mod at_door;
mod bulk;
mod change;
mod enrolment;
mod seat;
mod walk_in;
mod ways;

use std::{collections::HashMap, sync::Arc};

use async_graphql::{
    Context, Enum, InputObject, Lookahead, Object, Result, connection::Connection,
};
use chrono::{DateTime, NaiveDate, Utc};
use entity::{
    activity, decision,
    id::{ActivityId, GroupId, OrganisationId, RegistrationId},
    registration,
};

pub use self::{
    approval::*, at_door::*, bulk::*, change::*, enrolment::*, seat::*, walk_in::*, ways::*,
};
use super::{Beside, Filter, Wanted, approval::decisions};
use crate::{
    activity::graphql::{Activity, Category},
    attendance::graphql::Attendance,
    authn::TicketOpener,
    authz::policy::{
        CancelRegistration, FindRegistrations, ListRecommended, ListRegistrations, ViewApprovals,
        ViewRegistration, ViewTicket,
    },
    can::RegistrationCan,
    capacity::graphql::Allocation,
    certificate::graphql::Certificate,
    class::graphql::{self as class, ClassMember},
    credit::graphql::{self as credit, Completion, CreditEntry, MakeUp},
    error::Failure,
    form::{
        self,
        graphql::{Answer, FormStage},
    },
    graphql::{Gid, Viewer},
    leave::graphql::{self as leave, Leave},
    organisation::graphql::Organisation,
    page::{Page, Slice},
    person::graphql::Person,
    privacy::graphql::Privacy,
    ticket::{self, graphql::Ticket},
};

/// The life of a registration. CONFIRMED and OFFERED hold a seat; the others do not count as registered.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "registration::Status")]
pub enum RegistrationStatus {
    /// Asked to come, no answer yet.
    Invited,
    /// Waits for approval.
    Pending,
    /// Holds a seat.
    Confirmed,
    /// Waits for a seat.
    Waitlisted,
    /// A seat is held for it until it answers.
    Offered,
    /// Will not come, or was not approved.
    Declined,
    /// An offer lapsed.
    Expired,
    /// Taken back.
    Cancelled,
}

/// How somebody came to be registered.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "registration::Way")]
pub enum RegistrationWay {
    /// An organiser typed it in.
    Organiser,
    /// An uploaded list.
    Roster,
    /// A liaison officer, for the own organisation.
    Liaison,
    /// An invitation with a reply (回执).
    Invitation,
    /// The person, by the public page.
    Public,
    /// At the door.
    WalkIn,
    /// In place of somebody else (替会).
    Replacement,
}

/// A step of approval, and who has the say at it. A step whose organisation is the one that recommends is left out,
/// as is one that no organisation stands for.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "activity::Step")]
pub enum ApprovalStep {
    /// The chamber that the recommending organisation is, or is below.
    Chamber,
    /// The district's federation that the recommending organisation is, or is below.
    District,
    /// The federation at the root.
    City,
}

/// What can be said at a step of approval.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "decision::Verdict")]
pub enum Verdict {
    /// On to the next step, or to a seat.
    Approve,
    /// Back to who recommended it, for a reason.
    Return,
    /// No, for a reason.
    Decline,
}

pub struct Decision(decision::Model);

/// What was said of a registration at a step of its approval.
#[Object]
impl Decision {
    /// At which step.
    async fn step(&self) -> ApprovalStep {
        self.0.step.into()
    }

    /// The organisation that had the say.
    async fn organisation(&self, ctx: &Context<'_>) -> Result<Option<Organisation>> {
        let Some(id) = self.0.organisation_id else { return Ok(None) };
        Ok(Some(Organisation::from(Viewer::of(ctx).row(id).await?)))
    }

    /// What was said.
    async fn verdict(&self) -> Verdict {
        self.0.verdict.into()
    }

    /// Why, if a reason was given.
    async fn reason(&self) -> Option<&str> {
        self.0.reason.as_deref()
    }

    /// When.
    async fn at(&self) -> DateTime<Utc> {
        self.0.at
    }
}

#[derive(Clone)]
pub struct Registration {
    row: registration::Model,
    /// Whether the viewer may see the ticket code and the phone whole.
    is_open: bool,
    beside: Option<Arc<Beside>>,
}

impl Registration {
    /// Whether the person came without being registered.
    #[must_use]
    pub fn is_walk_in(&self) -> bool {
        self.row.way == registration::Way::WalkIn
    }

    /// A single registration: what is beside it is fetched when it is asked for.
    #[must_use]
    pub fn new(row: registration::Model, is_open: bool) -> Self {
        Self { row, is_open, beside: None }
    }

    /// A registration with what was fetched beside it.
    #[must_use]
    pub fn with(row: registration::Model, is_open: bool, beside: Option<Arc<Beside>>) -> Self {
        Self { row, is_open, beside }
    }

    async fn organisation(
        &self,
        ctx: &Context<'_>,
        id: Option<OrganisationId>,
    ) -> Result<Option<Organisation>> {
        let Some(id) = id else { return Ok(None) };
        let row = match self.beside.as_ref().and_then(|it| it.organisations.get(&id)) {
            Some(row) => row.clone(),
            None => Viewer::of(ctx).row(id).await?,
        };
        Ok(Some(Organisation::from(row)))
    }
}

/// A person on an activity (报名).
#[Object]
impl Registration {
    /// Opaque; unique among all things.
    pub async fn id(&self) -> Gid<RegistrationId> {
        Gid(self.row.id)
    }

    /// What the viewer may do with it, for what a front-end shows buttons for.
    async fn viewer_can(&self, ctx: &Context<'_>) -> Result<RegistrationCan> {
        Ok(RegistrationCan::of(Viewer::of(ctx), &self.row).await?)
    }

    /// How it stands.
    async fn status(&self) -> RegistrationStatus {
        self.row.status.into()
    }

    /// The secret of the registration (参会码), shown as a QR code. Null for those who may only check in, and where it
    /// was revoked.
    async fn ticket_code(&self) -> Option<&str> {
        ticket::code(&self.row).filter(|_| self.is_open)
    }

    /// The code as a QR code, signed, and for a calendar. Null for those who may only check in.
    async fn ticket(&self, ctx: &Context<'_>) -> Result<Option<Ticket>> {
        if !self.is_open {
            return Ok(None);
        }
        let opener = TicketOpener::Account(Viewer::of(ctx).gate.who()?.account.id);
        Ok(Some(Ticket { row: self.row.clone(), opener }))
    }

    /// The organisation as it was given for this activity.
    async fn organisation_name(&self) -> Option<&str> {
        self.row.organisation_name.as_deref()
    }

    /// Where the person sits (座位, 桌号), if that was said.
    async fn seat(&self) -> Option<&str> {
        super::seat::of(&self.row)
    }

    /// The title as it was given for this activity.
    async fn title(&self) -> Option<&str> {
        self.row.title.as_deref()
    }

    /// When it was made.
    async fn registered_at(&self) -> DateTime<Utc> {
        self.row.registered_at
    }

    /// Since when the status is what it is.
    async fn status_at(&self) -> DateTime<Utc> {
        self.row.status_at
    }

    /// Why the status is what it is, where somebody said so.
    async fn status_reason(&self) -> Option<&str> {
        self.row.status_reason.as_deref()
    }

    /// How it came about.
    async fn way(&self) -> RegistrationWay {
        self.row.way.into()
    }

    /// By when an INVITED or OFFERED one is to answer.
    async fn reply_by(&self) -> Option<DateTime<Utc>> {
        self.row.reply_by
    }

    /// On the waiting list the higher goes first, and of the same who came first. 0 unless it was set.
    async fn priority(&self) -> i32 {
        self.row.priority
    }

    /// Since when it has its place on the waiting list; kept while a seat is offered to it.
    async fn queued_at(&self) -> Option<DateTime<Utc>> {
        self.row.queued_at
    }

    /// The allocation out of which its seat is, or would be.
    async fn allocation(&self, ctx: &Context<'_>) -> Result<Option<Allocation>> {
        let Some(id) = self.row.allocation_id else { return Ok(None) };
        let row = match self.beside.as_ref().and_then(|it| it.allocations.get(&id)) {
            Some(row) => row.clone(),
            None => Viewer::of(ctx).row(id).await?,
        };
        Ok(Some(Allocation(row)))
    }

    /// The organisation that recommends the person (推荐单位).
    async fn recommender(&self, ctx: &Context<'_>) -> Result<Option<Organisation>> {
        self.organisation(ctx, self.row.recommender_id).await
    }

    /// The step of approval that a PENDING one waits at; null while it is back with who recommended it.
    async fn step(&self) -> Option<ApprovalStep> {
        self.row.step.map(Into::into)
    }

    /// The organisation whose say a PENDING one waits for.
    async fn waits_for(&self, ctx: &Context<'_>) -> Result<Option<Organisation>> {
        self.organisation(ctx, self.row.waits_for_id).await
    }

    /// What was said of it step by step, in the order in which it was.
    async fn decisions(&self, ctx: &Context<'_>) -> Result<Vec<Decision>> {
        let rows = match &self.beside {
            Some(beside) if beside.decisions_were_wanted => {
                beside.decisions.get(&self.row.id).cloned().unwrap_or_default()
            }
            _ => {
                let mut found = decisions(Viewer::of(ctx).db.read(), [self.row.id]).await?;
                found.remove(&self.row.id).unwrap_or_default()
            }
        };
        Ok(rows.into_iter().map(Decision).collect())
    }

    /// The registration in whose place this one is (替会, or moved from another activity).
    async fn replaces(&self, ctx: &Context<'_>) -> Result<Option<Self>> {
        let Some(id) = self.row.replaces_id else { return Ok(None) };
        Ok(Some(Self::new(Viewer::of(ctx).row(id).await?, self.is_open)))
    }

    /// What was agreed to, and what the person took back. Null for those who may only check in.
    async fn privacy(&self, ctx: &Context<'_>) -> Result<Option<Privacy>> {
        if !self.is_open {
            return Ok(None);
        }
        Ok(Some(Privacy::of(ctx, self.row.id, self.row.person_id).await?))
    }

    /// Who.
    async fn person(&self, ctx: &Context<'_>) -> Result<Person> {
        let row = match self.beside.as_ref().and_then(|it| it.people.get(&self.row.person_id)) {
            Some(row) => row.clone(),
            None => Viewer::of(ctx).row(self.row.person_id).await?.into(),
        };
        Ok(Person::new(row, self.is_open))
    }

    /// As what they come, if it was said.
    async fn category(&self, ctx: &Context<'_>) -> Result<Option<Category>> {
        let Some(id) = self.row.category_id else { return Ok(None) };
        let row = match self.beside.as_ref().and_then(|it| it.categories.get(&id)) {
            Some(row) => row.clone(),
            None => Viewer::of(ctx).row(id).await?,
        };
        Ok(Some(Category { row, pools: None }))
    }

    /// What is known of the person at each session, in the order in which it was taken.
    async fn attendances(&self, ctx: &Context<'_>) -> Result<Vec<Attendance>> {
        match &self.beside {
            Some(beside) if beside.attendances_were_wanted => {
                let rows =
                    beside.attendances.get(&self.row.id).map(Vec::as_slice).unwrap_or_default();
                let with_session = |row: &entity::attendance::Model| Attendance {
                    session: beside.sessions.get(&row.session_id).cloned(),
                    ..Attendance::from(row.clone())
                };
                Ok(rows.iter().map(with_session).collect())
            }
            _ => {
                let rows = super::attendances(Viewer::of(ctx).db.read(), self.row.id).await?;
                Ok(rows.into_iter().map(Attendance::from).collect())
            }
        }
    }

    /// What was answered to the form, in its order. Empty for those who may only check in.
    async fn answers(&self, ctx: &Context<'_>) -> Result<Vec<Answer>> {
        if !self.is_open {
            return Ok(Vec::new());
        }
        let ahead = self.beside.as_ref().and_then(|it| it.form.as_ref());
        Ok(form::graphql::answers(Viewer::of(ctx), &self.row, ahead).await?)
    }

    /// The credit hours (学时) earned here. Null for those who may only check in.
    async fn credit_hours(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        let ahead = self.beside.as_ref().and_then(|it| it.credits.as_ref());
        credit::hours(ctx, &self.row, self.is_open, ahead).await
    }

    /// The ledger behind them, in the order in which its entries were first posted. Empty for those who may only check in.
    async fn credit_entries(&self, ctx: &Context<'_>) -> Result<Vec<CreditEntry>> {
        credit::entries(ctx, &self.row, self.is_open).await
    }

    /// The sessions that were made up for, undone ones too. Empty for those who may only check in.
    async fn make_ups(&self, ctx: &Context<'_>) -> Result<Vec<MakeUp>> {
        credit::make_ups(ctx, &self.row, self.is_open).await
    }

    /// Whether the person completes the class. Null for those who may only check in, unless it is CONFIRMED or they
    /// withdrew, and where no session earns hours.
    async fn completion(&self, ctx: &Context<'_>) -> Result<Option<Completion>> {
        let ahead = self.beside.as_ref().and_then(|it| it.completions.as_ref());
        credit::completion_of(ctx, &self.row, self.is_open, ahead).await
    }

    /// The certificate, the last one where earlier ones were revoked. Null for those who may only check in.
    async fn certificate(&self, ctx: &Context<'_>) -> Result<Option<Certificate>> {
        Certificate::of_registration(ctx, &self.row, self.is_open).await
    }

    /// What the person is in the class: group (小组), student number (学号), post (班委). Of an academy's class.
    async fn class_member(&self, ctx: &Context<'_>) -> Result<ClassMember> {
        class::member_of(ctx, &self.row).await
    }

    /// The day from which on the person belongs to the class; null from its beginning.
    async fn enrolled_on(&self) -> Option<NaiveDate> {
        self.row.enrolled_on
    }

    /// The first day on which the person does not belong to the class any more. While it has not come, the registration
    /// stays CONFIRMED.
    async fn withdrawn_on(&self) -> Option<NaiveDate> {
        self.row.withdrawn_on
    }

    /// The leave that was asked for (请假), in the order in which it begins. Empty for those who may only check in.
    async fn leaves(&self, ctx: &Context<'_>) -> Result<Vec<Leave>> {
        leave::shown_of(ctx, &self.row, self.is_open).await
    }

    /// For what.
    async fn activity(&self, ctx: &Context<'_>) -> Result<Activity> {
        Ok(Activity::from(Viewer::of(ctx).row(self.row.activity_id).await?))
    }
}

/// Narrows a list of registrations. What is not given does not narrow.
#[derive(InputObject, Default)]
pub struct RegistrationFilter {
    /// Those with one of these.
    status: Option<Vec<RegistrationStatus>>,
    /// The name of a category.
    category: Option<String>,
    /// The beginning of a name, of its pinyin or of its initials, or a whole phone number.
    search: Option<String>,
    /// Those in this group of the class.
    group_id: Option<Gid<GroupId>>,
    /// Those that wait for this organisation's say.
    waits_for_id: Option<Gid<OrganisationId>>,
    /// Those INVITED or OFFERED whose answer is due before this instant.
    reply_by_before: Option<DateTime<Utc>>,
    /// Those that hold a seat and have still to answer this part of the form, or what is required of it. None where
    /// it asks nothing.
    form_due: Option<FormStage>,
}

impl From<RegistrationFilter> for Filter {
    fn from(it: RegistrationFilter) -> Self {
        Self {
            statuses: it.status.map(|all| all.into_iter().map(Into::into).collect()),
            category: it.category,
            search: it.search,
            form_due: it.form_due.map(Into::into),
            waits_for: it.waits_for_id.map(|it| it.0),
            group: it.group_id.map(|it| it.0),
            reply_by_before: it.reply_by_before,
            recommended_below: Vec::new(),
        }
    }
}

/// A page of an activity's registrations, with all that is selected below fetched once for the page.
pub async fn connection(
    ctx: &Context<'_>,
    activity: &activity::Model,
    slice: Slice<RegistrationId>,
    filter: Option<RegistrationFilter>,
) -> Result<Connection<String, Registration>> {
    let viewer = Viewer::of(ctx);
    let db = viewer.db.read();
    let filter = filter.unwrap_or_default();
    let searches = crate::person::find::is_narrow(filter.search.as_deref());
    let filter = Filter::from(filter);
    let gate = &viewer.gate;
    let (page, is_open) = match gate.permit_on::<ListRegistrations>(activity.clone()).await {
        Ok(permit) => (super::list(db, &permit, filter, slice).await?, permit.also::<ViewTicket>()),
        Err(Failure::Forbidden) => {
            match gate.permit_on::<FindRegistrations>(activity.clone()).await {
                Ok(permit) if searches => {
                    (super::list(db, &permit, filter, slice).await?, permit.also::<ViewTicket>())
                }
                Ok(_) => {
                    return Err(Failure::BadInput(
                        "请输入至少3个字符",
                        "search by three or more characters",
                    )
                    .into());
                }
                Err(_) => {
                    let permit = gate.permit_on::<ListRecommended>(activity.clone()).await?;
                    let filter = Filter {
                        recommended_below: gate.reach::<ListRecommended>()?.paths(),
                        ..filter
                    };
                    (super::list(db, &permit, filter, slice).await?, true)
                }
            }
        }
        Err(failure) => return Err(failure.into()),
    };
    shown(ctx, page, is_open).await
}

/// A page of registrations, with all that is selected below fetched once for the page.
pub async fn shown(
    ctx: &Context<'_>,
    mut page: Page<registration::Model>,
    is_open: bool,
) -> Result<Connection<String, Registration>> {
    let db = Viewer::of(ctx).db.read();
    let ahead = [ctx.look_ahead().field("edges").field("node"), ctx.look_ahead().field("nodes")];
    let rows = std::mem::take(&mut page.rows);
    let beside = Some(Arc::new(super::beside(db, &rows, wanted(&ahead)).await?));
    let node =
        |row: registration::Model| (row.id, Registration { row, is_open, beside: beside.clone() });
    Ok(page.with(rows.into_iter().map(node)))
}

/// The registrations of some attendances, closed, with all that is selected below them.
pub async fn of_attendances(
    viewer: &Viewer,
    ids: Vec<RegistrationId>,
    ahead: &[Lookahead<'_>],
) -> Result<HashMap<RegistrationId, Registration>, Failure> {
    let found: HashMap<RegistrationId, registration::Model> = viewer.load.load_many(ids).await?;
    let rows: Vec<registration::Model> = found.into_values().collect();
    let beside = Arc::new(super::beside(viewer.db.read(), &rows, wanted(ahead)).await?);
    let node = |row: registration::Model| {
        (row.id, Registration { row, is_open: false, beside: Some(beside.clone()) })
    };
    Ok(rows.into_iter().map(node).collect())
}

fn wanted(ahead: &[Lookahead<'_>]) -> Wanted {
    let wants = |field: &str| ahead.iter().any(|it| it.field(field).exists());
    Wanted {
        people: wants("person"),
        categories: wants("category"),
        attendances: wants("attendances"),
        sessions: ahead.iter().any(|it| it.field("attendances").field("session").exists()),
        organisations: wants("recommender") || wants("waitsFor"),
        allocations: wants("allocation"),
        decisions: wants("decisions"),
        answers: wants("answers"),
        credits: wants("creditHours"),
        completions: wants("completion"),
    }
}

#[derive(Default)]
pub struct RegistrationQuery;

#[Object]
impl RegistrationQuery {
    /// One registration in the viewer's scope.
    async fn registration(
        &self,
        ctx: &Context<'_>,
        id: Gid<RegistrationId>,
    ) -> Result<Option<Registration>> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<ViewRegistration>(id.0).await?;
        let is_open = permit.also::<CancelRegistration>();
        Ok(Some(Registration::new(permit.into_row(), is_open)))
    }

    /// The registrations that wait for the say of an organisation in the viewer's scope, in the order in which they
    /// were made. For ORG_ADMIN and LIAISON.
    #[graphql(complexity = "crate::schema::list_cost(first, last, child_complexity)")]
    async fn pending_approvals(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        #[graphql(desc = "Those for one activity.")] activity_id: Option<Gid<ActivityId>>,
    ) -> Result<Connection<String, Registration>> {
        let viewer = Viewer::of(ctx);
        let reach = viewer.gate.reach::<ViewApprovals>()?;
        let slice = Slice::parse(first, after.as_deref(), last, before.as_deref())?;
        let activity = activity_id.map(|it| it.0);
        let page = super::waiting_for(viewer.db.read(), &reach, activity, slice).await?;
        shown(ctx, page, true).await
    }
}
