//! What people ask for of their own data, and what becomes of it.

use async_graphql::{
    Context, Enum, InputObject, Object, Result, SimpleObject, connection::Connection,
};
use chrono::{DateTime, NaiveDate, Utc};
use entity::{
    data_request::{self, Changes},
    id::{DataRequestId, Id, PersonId, RegistrationId},
};

use crate::{
    authz::policy::{DecideDataRequest, ViewDataRequest},
    error::{Error, Refusal},
    graphql::{Gid, Viewer, settle},
    page::Slice,
    payloads,
    person::graphql::Person,
    privacy::request::{
        Asked, DataRequestErrorCode, DataRequestUserError, ask, decide, list, take_back,
    },
    text::Check,
    write::Note,
};

/// What somebody asks for of their own data.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "data_request::Kind")]
pub enum DataRequestKind {
    /// A name, or what was given with a registration, is to be otherwise.
    Correction,
    /// Nothing is to say any more who it was. Whoever has a certificate that is not revoked stays with name and
    /// certificate, for storage only; that somebody came stays as a figure.
    Erasure,
}

/// How far a request is: OPEN → ACCEPTED, REFUSED or WITHDRAWN.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "data_request::State")]
pub enum DataRequestState {
    /// Waits for a decision.
    Open,
    /// Was done.
    Accepted,
    /// Was not done, for a reason.
    Refused,
    /// Taken back by the person.
    Withdrawn,
}

/// What is to be as it says; null for what stays.
#[derive(SimpleObject)]
pub struct DataCorrection {
    /// The name of the person.
    name: Option<String>,
    /// The organisation, as given for the registration.
    organisation: Option<String>,
    /// The title, as given for the registration.
    title: Option<String>,
}

impl From<Changes> for DataCorrection {
    fn from(Changes { name, organisation, title }: Changes) -> Self {
        Self { name, organisation, title }
    }
}

pub struct DataRequest(pub data_request::Model);

/// That somebody asks for their own data to be corrected or erased, for who decides it.
#[Object]
impl DataRequest {
    /// Opaque; unique among all things.
    pub async fn id(&self) -> Gid<DataRequestId> {
        Gid(self.0.id)
    }

    /// What is asked for.
    async fn kind(&self) -> DataRequestKind {
        self.0.kind.into()
    }

    /// How far it is.
    async fn state(&self) -> DataRequestState {
        self.0.state.into()
    }

    /// Whose data.
    async fn person(&self, ctx: &Context<'_>) -> Result<Person> {
        Ok(Person::new(Viewer::of(ctx).row(self.0.person_id).await?, true))
    }

    /// What is to be corrected. Empty once the person was erased.
    async fn correction(&self) -> DataCorrection {
        self.0.changes.clone().into()
    }

    /// The registration whose organisation and title are to be corrected.
    async fn registration_id(&self) -> Option<Gid<RegistrationId>> {
        self.0.registration_id.map(Gid)
    }

    /// What they say of it.
    async fn remark(&self) -> Option<&str> {
        self.0.remark.as_deref()
    }

    /// The day by which it is to be decided: 15 working days after it was asked, Mondays to Fridays.
    async fn due_on(&self) -> NaiveDate {
        self.0.due_on
    }

    /// When it was asked.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When it was decided, or taken back.
    async fn decided_at(&self) -> Option<DateTime<Utc>> {
        self.0.decided_at
    }

    /// Why it was decided so; for an erasure also what stays, and why.
    async fn reason(&self) -> Option<&str> {
        self.0.reason.as_deref()
    }
}

/// The same for who asked.
#[derive(SimpleObject)]
pub struct MyDataRequest {
    /// Opaque; unique among all things.
    id: Gid<DataRequestId>,
    /// What is asked for.
    kind: DataRequestKind,
    /// How far it is.
    state: DataRequestState,
    /// What is to be corrected.
    correction: DataCorrection,
    /// What was said of it.
    remark: Option<String>,
    /// The day by which it is to be decided.
    due_on: NaiveDate,
    /// When it was asked.
    created_at: DateTime<Utc>,
    /// When it was decided, or taken back.
    decided_at: Option<DateTime<Utc>>,
    /// Why it was decided so; for an erasure also what stays, and why.
    reason: Option<String>,
}

impl From<data_request::Model> for MyDataRequest {
    fn from(it: data_request::Model) -> Self {
        Self {
            id: Gid(it.id),
            kind: it.kind.into(),
            state: it.state.into(),
            correction: it.changes.into(),
            remark: it.remark,
            due_on: it.due_on,
            created_at: it.created_at,
            decided_at: it.decided_at,
            reason: it.reason,
        }
    }
}

/// What `requestCorrection` takes.
#[derive(InputObject)]
pub struct RequestCorrectionInput {
    /// Who; somebody with the phone that was proven.
    person_id: Gid<PersonId>,
    /// The right name; at most 100 characters.
    name: Option<String>,
    /// Whose organisation and title are wrong; one of the person's.
    registration_id: Option<Gid<RegistrationId>>,
    /// At most 200 characters.
    organisation: Option<String>,
    /// At most 100 characters.
    title: Option<String>,
    /// At most 500 characters.
    remark: Option<String>,
}

/// What `requestErasure` takes.
#[derive(InputObject)]
pub struct RequestErasureInput {
    /// Who; somebody with the phone that was proven.
    person_id: Gid<PersonId>,
    /// At most 500 characters.
    remark: Option<String>,
}

/// What `withdrawDataRequest` takes.
#[derive(InputObject)]
pub struct WithdrawDataRequestInput {
    /// Which one; asked for with the phone that was proven.
    request_id: Gid<DataRequestId>,
}

/// What is said of a request.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub enum DataRequestVerdict {
    /// It is done at once.
    Accept,
    /// It is not done; the reason is shown to the person.
    Refuse,
}

/// What `decideDataRequest` takes.
#[derive(InputObject)]
pub struct DecideDataRequestInput {
    /// Which one; OPEN.
    request_id: Gid<DataRequestId>,
    /// Yes or no.
    verdict: DataRequestVerdict,
    /// Why; needed for REFUSE. At most 500 characters.
    reason: Option<String>,
}

payloads! {
    /// What `requestCorrection` gives.
    RequestCorrectionPayload { request: MyDataRequest, DataRequestUserError }
    /// What `requestErasure` gives.
    RequestErasurePayload { request: MyDataRequest, DataRequestUserError }
    /// What `withdrawDataRequest` gives.
    WithdrawDataRequestPayload { request: MyDataRequest, DataRequestUserError }
    /// What `decideDataRequest` gives.
    DecideDataRequestPayload { request: DataRequest, DataRequestUserError }
}

#[derive(Default)]
pub struct DataRequestQuery;

#[Object]
impl DataRequestQuery {
    /// What people ask for of their own data whose records are kept in the viewer's scope, the newest first. For
    /// ORG_ADMIN.
    #[graphql(complexity = "crate::schema::list_cost(first, last, child_complexity)")]
    async fn data_requests(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        #[graphql(desc = "Those in this state.")] state: Option<DataRequestState>,
    ) -> Result<Connection<String, DataRequest>> {
        let viewer = Viewer::of(ctx);
        let reach = viewer.gate.reach::<ViewDataRequest>()?;
        let slice = Slice::parse(first, after.as_deref(), last, before.as_deref())?;
        let page = list(viewer.db.read(), &reach, state.map(Into::into), slice).await?;
        Ok(page.connection(|it| it.id, DataRequest))
    }
}

/// Cleans a name as a roster's are. `None` where there is none, or where it is at fault, which is then in `check`.
fn name_of(check: &mut Check<DataRequestErrorCode>, typed: Option<&str>) -> Option<String> {
    use DataRequestErrorCode as Code;
    let read = roster::clean::name(typed?);
    let value = read.value.unwrap_or_default();
    if read.codes.contains(&roster::Code::TestRow) {
        check.refuse(Code::NameIsTest.at(["name"]).about(&value));
    } else if value.is_empty() {
        check.refuse(Code::NameMissing.at(["name"]));
    } else if value.chars().count() > 100 {
        check.refuse(Code::TooLong.at(["name"]).about(100));
    }
    Some(value)
}

#[derive(Default)]
pub struct DataRequestMutation;

#[Object]
impl DataRequestMutation {
    /// Asks for a name, or for what was given with a registration, to be corrected. Whoever keeps the record decides
    /// within 15 working days. NOT_FOUND for anybody else's. For the holder of a token of `redeemCode`.
    async fn request_correction(
        &self,
        ctx: &Context<'_>,
        input: RequestCorrectionInput,
    ) -> Result<RequestCorrectionPayload> {
        let mut check = Check::new(DataRequestErrorCode::TooLong);
        let changes = Changes {
            name: name_of(&mut check, input.name.as_deref()),
            organisation: check.optional(input.organisation.as_deref(), 200, &["organisation"]),
            title: check.optional(input.title.as_deref(), 100, &["title"]),
        };
        let asked = Asked {
            kind: data_request::Kind::Correction,
            registration: input.registration_id.map(|it| it.0),
            changes,
            remark: check.optional(input.remark.as_deref(), 500, &["remark"]),
        };
        let done = take(ctx, "RequestCorrection", input.person_id.0, check, asked).await?;
        let (request, user_errors) = settle(done, Viewer::of(ctx).lang)?;
        Ok(RequestCorrectionPayload { request: request.map(Into::into), user_errors })
    }

    /// Asks for all that says who somebody is to be erased. Refused while they are on an activity that is not over:
    /// cancel that first. Whoever keeps the record decides within 15 working days. NOT_FOUND for anybody else's. For
    /// the holder of a token of `redeemCode`.
    async fn request_erasure(
        &self,
        ctx: &Context<'_>,
        input: RequestErasureInput,
    ) -> Result<RequestErasurePayload> {
        let mut check = Check::new(DataRequestErrorCode::TooLong);
        let asked = Asked {
            kind: data_request::Kind::Erasure,
            registration: None,
            changes: Changes::default(),
            remark: check.optional(input.remark.as_deref(), 500, &["remark"]),
        };
        let done = take(ctx, "RequestErasure", input.person_id.0, check, asked).await?;
        let (request, user_errors) = settle(done, Viewer::of(ctx).lang)?;
        Ok(RequestErasurePayload { request: request.map(Into::into), user_errors })
    }

    /// Takes back what was asked for with the phone that was proven, while it is OPEN. NOT_FOUND for all others. For
    /// the holder of a token of `redeemCode`.
    async fn withdraw_data_request(
        &self,
        ctx: &Context<'_>,
        input: WithdrawDataRequestInput,
    ) -> Result<WithdrawDataRequestPayload> {
        let viewer = Viewer::of(ctx);
        let me = viewer.gate.me()?;
        let id = input.request_id.0;
        let subject = (DataRequestId::PREFIX, id.uuid());
        let done: Result<_, Error<DataRequestErrorCode>> = viewer
            .write_mine(me, "WithdrawDataRequest", subject, Note::default(), async |tx| {
                take_back(tx, me, id, viewer.now).await
            })
            .await;
        let (request, user_errors) = settle(done, viewer.lang)?;
        Ok(WithdrawDataRequestPayload { request: request.map(Into::into), user_errors })
    }

    /// Decides what somebody asked for. ACCEPT does it at once: a correction is made, an erasure takes name, phone, mail,
    /// ID number, answers, messages and all else that says who it was; figures stay as they are. For ORG_ADMIN of the
    /// organisation that keeps the record.
    async fn decide_data_request(
        &self,
        ctx: &Context<'_>,
        input: DecideDataRequestInput,
    ) -> Result<DecideDataRequestPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<DecideDataRequest>(input.request_id.0).await?;
        let mut check = Check::new(DataRequestErrorCode::TooLong);
        let reason = check.optional(input.reason.as_deref(), 500, &["reason"]);
        let note = Note::default().because(reason.as_deref());
        let accept = input.verdict == DataRequestVerdict::Accept;
        let done = viewer
            .write(&permit, note, async |tx| {
                check.done()?;
                let namer = &viewer.app.namer;
                decide(tx, &permit, namer, accept, reason, viewer.now).await
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        Ok(DecideDataRequestPayload { request: row.map(DataRequest), user_errors })
    }
}

/// Takes a request of somebody with the phone that was proven.
async fn take(
    ctx: &Context<'_>,
    action: &'static str,
    person: PersonId,
    check: Check<DataRequestErrorCode>,
    asked: Asked,
) -> Result<Result<data_request::Model, Error<DataRequestErrorCode>>> {
    let viewer = Viewer::of(ctx);
    let myself = viewer.gate.myself(person).await?;
    let subject = (PersonId::PREFIX, person.uuid());
    Ok(viewer
        .write_mine(myself.me(), action, subject, Note::default(), async |tx| {
            check.done()?;
            ask(tx, &myself, asked, viewer.now).await
        })
        .await)
}
