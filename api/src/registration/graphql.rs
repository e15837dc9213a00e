//! Registrations as GraphQL shows them.

use std::{collections::HashMap, sync::Arc};

use async_graphql::{
    Context, Enum, InputObject, Lookahead, Object, Result, SimpleObject, connection::Connection,
};
use chrono::{DateTime, Utc};
use entity::{
    activity,
    id::{ActivityId, PersonId, RegistrationId},
    registration,
};

use super::{
    Beside, CancelRegistrationErrorCode, CancelRegistrationUserError, Filter,
    RegisterAttendeeErrorCode, RegisterAttendeeUserError, Wanted, Whom,
};
use crate::{
    activity::graphql::{Activity, Category},
    attendance::graphql::Attendance,
    authn::TicketOpener,
    authz::policy::{
        CancelRegistration, FindRegistrations, ListRegistrations, RegisterAttendee, ViewPerson,
        ViewRegistration, ViewTicket,
    },
    error::{Failure, Refusal},
    graphql::{Gid, Viewer, settle},
    page::Slice,
    person::graphql::{CleanCodes, Person, PersonInput, clean},
    text::Check,
    ticket::{self, graphql::Ticket},
    write::Note,
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

#[derive(Clone)]
pub struct Registration {
    row: registration::Model,
    /// Whether the viewer may see the ticket code and the phone whole.
    is_open: bool,
    beside: Option<Arc<Beside>>,
}

impl Registration {
    /// A single registration: what is beside it is fetched when it is asked for.
    #[must_use]
    pub fn new(row: registration::Model, is_open: bool) -> Self {
        Self { row, is_open, beside: None }
    }
}

/// A person on an activity (报名).
#[Object]
impl Registration {
    /// Opaque; unique among all things.
    pub async fn id(&self) -> Gid<RegistrationId> {
        Gid(self.row.id)
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

    /// Why it was cancelled, if it was and a reason was given.
    async fn cancel_reason(&self) -> Option<&str> {
        self.row.cancel_reason.as_deref()
    }

    /// Who.
    async fn person(&self, ctx: &Context<'_>) -> Result<Person> {
        let row = match self.beside.as_ref().and_then(|it| it.people.get(&self.row.person_id)) {
            Some(row) => row.clone(),
            None => Viewer::of(ctx).row(self.row.person_id).await?,
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
    let filter = Filter {
        statuses: filter.status.map(|all| all.into_iter().map(Into::into).collect()),
        category: filter.category,
        search: filter.search,
    };
    let (mut page, is_open) =
        match viewer.gate.permit_on::<ListRegistrations>(activity.clone()).await {
            Ok(permit) => {
                (super::list(db, &permit, filter, slice).await?, permit.also::<ViewTicket>())
            }
            Err(Failure::Forbidden) => {
                let permit = viewer.gate.permit_on::<FindRegistrations>(activity.clone()).await?;
                if !searches {
                    return Err(Failure::BadInput(
                        "请输入至少3个字符",
                        "search by three or more characters",
                    )
                    .into());
                }
                (super::list(db, &permit, filter, slice).await?, permit.also::<ViewTicket>())
            }
            Err(failure) => return Err(failure.into()),
        };
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
    }
}

/// What `registerAttendee` takes.
#[derive(InputObject)]
pub struct RegisterAttendeeInput {
    /// For which activity.
    activity_id: Gid<ActivityId>,
    /// The person as typed. Whoever has the same name and phone on record is the same person.
    person: Option<PersonInput>,
    /// Somebody on record, instead of `person`.
    person_id: Option<Gid<PersonId>>,
    /// The name of a category of the activity.
    category: Option<String>,
    /// The same key with the same input gives the first answer.
    idempotency_key: Option<String>,
}

/// What `registerAttendee` gives.
#[derive(SimpleObject)]
pub struct RegisterAttendeePayload {
    /// What was made or changed; null where it was refused.
    registration: Option<Registration>,
    /// Why it was refused, all reasons at once; empty where it was done.
    user_errors: Vec<RegisterAttendeeUserError>,
}

/// What `cancelRegistration` takes.
#[derive(InputObject)]
pub struct CancelRegistrationInput {
    /// Which one.
    registration_id: Gid<RegistrationId>,
    /// Why; at most 500 characters.
    reason: Option<String>,
}

/// What `cancelRegistration` gives.
#[derive(SimpleObject)]
pub struct CancelRegistrationPayload {
    /// What was made or changed; null where it was refused.
    registration: Option<Registration>,
    /// Why it was refused, all reasons at once; empty where it was done.
    user_errors: Vec<CancelRegistrationUserError>,
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
}

#[derive(Default)]
pub struct RegistrationMutation;

#[Object]
impl RegistrationMutation {
    /// Registers one person for an activity that is a draft or published. A full activity or category means
    /// WAITLISTED. For ORG_ADMIN and ORGANISER.
    async fn register_attendee(
        &self,
        ctx: &Context<'_>,
        input: RegisterAttendeeInput,
    ) -> Result<RegisterAttendeePayload> {
        use RegisterAttendeeErrorCode as Code;
        const CODES: CleanCodes<Code> = CleanCodes {
            name_missing: Code::NameMissing,
            name_is_test: Code::NameIsTest,
            phone_missing: Code::PhoneMissing,
            phone_invalid: Code::PhoneInvalid,
            too_long: Code::TooLong,
        };
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<RegisterAttendee>(input.activity_id.0).await?;
        let note = Note::keyed(input.idempotency_key.clone(), &input);
        let mut check = Check::new(Code::TooLong);
        let (mut organisation_name, mut title) = (None, None);
        let whom = match (input.person, input.person_id) {
            (Some(person), None) => {
                let mut entry =
                    clean(&mut check, &["person"], &person.name, person.phone.as_deref(), &CODES);
                entry.gender = person.gender.map(Into::into).or(entry.gender);
                organisation_name = check.optional(
                    person.organisation.as_deref(),
                    200,
                    &["person", "organisation"],
                );
                title = check.optional(person.title.as_deref(), 100, &["person", "title"]);
                Some(Whom::Entry(entry))
            }
            (None, Some(id)) => {
                Some(Whom::Person(viewer.gate.permit::<ViewPerson>(id.0).await?.into_row()))
            }
            _ => {
                check.refuse(Code::PersonUnclear.at(["person"]));
                None
            }
        };
        let category = match check.optional(input.category.as_deref(), 50, &["category"]) {
            None => None,
            Some(name) => {
                let found =
                    crate::activity::category_named(viewer.db.read(), permit.on().id, &name)
                        .await?;
                if found.is_none() {
                    check.refuse(Code::CategoryUnknown.at(["category"]).about(&name));
                }
                found
            }
        };
        let done = viewer
            .write(&permit, note, async |tx| {
                check.done()?;
                let whom = whom.ok_or_else(|| Failure::internal("nobody to register"))?;
                super::register(
                    tx,
                    &permit,
                    &viewer.app.namer,
                    whom,
                    organisation_name,
                    title,
                    category,
                    viewer.now,
                )
                .await
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        let registration = row.map(|row| Registration::new(row, permit.also::<ViewTicket>()));
        Ok(RegisterAttendeePayload { registration, user_errors })
    }

    /// Cancels a live registration and frees its seat. Refused once the person has checked in.
    /// For ORG_ADMIN and ORGANISER.
    async fn cancel_registration(
        &self,
        ctx: &Context<'_>,
        input: CancelRegistrationInput,
    ) -> Result<CancelRegistrationPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<CancelRegistration>(input.registration_id.0).await?;
        let mut check = Check::new(CancelRegistrationErrorCode::TooLong);
        let reason = check.optional(input.reason.as_deref(), 500, &["reason"]);
        let note = Note::default().because(reason.as_deref());
        let done = viewer
            .write(&permit, note, async |tx| {
                check.done()?;
                super::cancel(tx, &permit, reason, viewer.now).await
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        Ok(CancelRegistrationPayload {
            registration: row.map(|row| Registration::new(row, true)),
            user_errors,
        })
    }
}
