//! What whoever has no account sees: activities that are open to the public, and their own registrations.

mod mutation;
mod staff;

use std::sync::Arc;

use async_graphql::{Context, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use entity::{
    activity, capacity_pool,
    id::{ActivityId, NoticeId, RegistrationId},
    notice, registration, self_registration, session,
};

pub use self::{mutation::*, staff::*};
use crate::{
    authn::TicketOpener,
    authz::Me as Proof,
    capacity,
    certificate::graphql::{self as certificate, MyCertificate},
    credit::graphql::{self as credit, Completion, PersonCredits},
    error::Failure,
    form::{
        Answered,
        graphql::{self as form, Answer, FormStage, Question},
    },
    graphql::{Gid, Viewer},
    leave::graphql::{self as leave, MyLeave},
    privacy::{
        graphql::{MyDataRequest, MyPerson, Privacy},
        request,
    },
    registration::graphql::{RegistrationStatus, RegistrationWay},
    ticket::{self, graphql::Ticket},
};

pub struct Notice(pub notice::Model);

/// What people are told of how their data are used (告知书), in one version.
#[Object]
impl Notice {
    /// Names this version among all: what somebody who agrees gives back.
    async fn version(&self) -> Gid<NoticeId> {
        Gid(self.0.id)
    }

    /// Its place among those of the same organisation or activity, from 1.
    async fn number(&self) -> i32 {
        self.0.number
    }

    /// What it says, line by line.
    async fn text(&self) -> &str {
        &self.0.text
    }

    /// Since when.
    async fn published_at(&self) -> DateTime<Utc> {
        self.0.published_at
    }
}

pub struct PublicSession(pub session::Model);

/// A session as the public sees it.
#[Object]
impl PublicSession {
    /// What it is called.
    async fn title(&self) -> &str {
        &self.0.title
    }

    /// Where, if not where the activity is.
    async fn venue(&self) -> Option<&str> {
        self.0.venue.as_deref()
    }

    /// When it begins.
    async fn starts_at(&self) -> DateTime<Utc> {
        self.0.starts_at
    }

    /// When it ends.
    async fn ends_at(&self) -> DateTime<Utc> {
        self.0.ends_at
    }
}

/// A category that people may choose for themselves.
#[derive(SimpleObject)]
pub struct PublicCategory {
    /// What it is called.
    name: String,
    /// Whether all its seats are held: whoever registers waits for one.
    is_full: bool,
}

/// An activity as the public sees it.
pub struct PublicActivity {
    row: activity::Model,
    /// None where people do not register themselves.
    rules: Option<self_registration::Model>,
}

impl PublicActivity {
    async fn pools(&self, viewer: &Viewer) -> Result<Vec<capacity_pool::Model>, Failure> {
        let mut found = capacity::of(viewer.db.read(), [self.row.id]).await?;
        let mut pools = found.remove(&self.row.id).unwrap_or_default();
        pools.retain(|it| it.organisation_id.is_none());
        Ok(pools)
    }
}

fn left(pool: &capacity_pool::Model) -> Option<i32> {
    pool.size.map(|size| (size - pool.taken - pool.held).max(0))
}

/// An activity as the public sees it: nothing of who is registered.
#[Object]
impl PublicActivity {
    /// Opaque; unique among all things.
    async fn id(&self) -> Gid<ActivityId> {
        Gid(self.row.id)
    }

    /// What it is called.
    async fn title(&self) -> &str {
        &self.row.title
    }

    /// The organisation that holds it, by its name.
    async fn host_name(&self, ctx: &Context<'_>) -> Result<String> {
        Ok(Viewer::of(ctx).row(self.row.host_id).await?.name)
    }

    /// Where it takes place.
    async fn venue(&self) -> Option<&str> {
        self.row.venue.as_deref()
    }

    /// A name of the IANA time zone database.
    async fn time_zone(&self) -> &str {
        &self.row.time_zone
    }

    /// The first session's start.
    async fn starts_at(&self) -> Option<DateTime<Utc>> {
        self.row.starts_at
    }

    /// The last session's end.
    async fn ends_at(&self) -> Option<DateTime<Utc>> {
        self.row.ends_at
    }

    /// Whether it was called off.
    async fn is_cancelled(&self) -> bool {
        self.row.status == activity::Status::Cancelled
    }

    /// The sessions, in the order in which they take place.
    async fn sessions(&self, ctx: &Context<'_>) -> Result<Vec<PublicSession>> {
        let rows = crate::session::schedule(Viewer::of(ctx).db.read(), self.row.id).await?;
        Ok(rows.into_iter().map(PublicSession).collect())
    }

    /// How many seats anybody may have who registers now; null for as many as come.
    async fn seats_left(&self, ctx: &Context<'_>) -> Result<Option<i32>> {
        let pools = self.pools(Viewer::of(ctx)).await?;
        Ok(pools.iter().find(|it| it.category_id.is_none()).and_then(left))
    }

    /// From when people may register themselves; null from the beginning.
    async fn registration_opens_at(&self) -> Option<DateTime<Utc>> {
        self.rules.as_ref()?.opens_at
    }

    /// Until when people may register themselves; null to the end.
    async fn registration_closes_at(&self) -> Option<DateTime<Utc>> {
        self.rules.as_ref()?.closes_at
    }

    /// Whether people may register themselves now. Full means that they wait for a seat.
    async fn is_registration_open(&self, ctx: &Context<'_>) -> bool {
        self.row.status == activity::Status::Published
            && self.rules.as_ref().is_some_and(|it| super::is_open(it, Viewer::of(ctx).now))
    }

    /// The categories that people may choose for themselves, in their order.
    async fn categories(&self, ctx: &Context<'_>) -> Result<Vec<PublicCategory>> {
        let Some(rules) = &self.rules else { return Ok(Vec::new()) };
        let viewer = Viewer::of(ctx);
        let pools = self.pools(viewer).await?;
        let category = |it: entity::category::Model| {
            let mut own = pools.iter().filter(|pool| pool.category_id == Some(it.id));
            PublicCategory { is_full: own.any(|pool| left(pool) == Some(0)), name: it.name }
        };
        let all = super::choice(viewer.db.read(), rules).await?;
        Ok(all.into_iter().map(category).collect())
    }

    /// What whoever registers is asked, in the order of the form. A FILE is not answered by attendees, even where it is
    /// required: the organiser adds it.
    async fn questions(&self, ctx: &Context<'_>) -> Result<Vec<Question>> {
        form::questions(ctx, self.row.id, Some(FormStage::Registration), false).await
    }

    /// What whoever registers has to agree to, in the version that holds now.
    async fn notice(&self, ctx: &Context<'_>) -> Result<Option<Notice>> {
        let found = super::notice::current(Viewer::of(ctx).db.read(), &self.row).await?;
        Ok(found.map(Notice))
    }
}

/// A registration as whoever registered sees it.
pub struct MyRegistration {
    row: registration::Model,
    /// What a list fetched ahead for all of its rows at once.
    answered: Option<Arc<Answered>>,
}

impl From<registration::Model> for MyRegistration {
    fn from(row: registration::Model) -> Self {
        Self { row, answered: None }
    }
}

/// A registration of somebody with the viewer's phone.
#[Object]
impl MyRegistration {
    /// Opaque; unique among all things.
    async fn id(&self) -> Gid<RegistrationId> {
        Gid(self.row.id)
    }

    /// How it stands.
    async fn status(&self) -> RegistrationStatus {
        self.row.status.into()
    }

    /// Why it stands so, where somebody said so.
    async fn status_reason(&self) -> Option<&str> {
        self.row.status_reason.as_deref()
    }

    /// How it came to be.
    async fn way(&self) -> RegistrationWay {
        self.row.way.into()
    }

    /// By when an INVITED or OFFERED one is to answer.
    async fn reply_by(&self) -> Option<DateTime<Utc>> {
        self.row.reply_by
    }

    /// When it was made.
    async fn registered_at(&self) -> DateTime<Utc> {
        self.row.registered_at
    }

    /// The name of the person.
    async fn name(&self, ctx: &Context<'_>) -> Result<String> {
        Ok(Viewer::of(ctx).row(self.row.person_id).await?.name)
    }

    /// The organisation as it was given for this activity.
    async fn organisation_name(&self) -> Option<&str> {
        self.row.organisation_name.as_deref()
    }

    /// The title as it was given for this activity.
    async fn title(&self) -> Option<&str> {
        self.row.title.as_deref()
    }

    /// The name of the category, if there is one.
    async fn category(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        let Some(id) = self.row.category_id else { return Ok(None) };
        Ok(Some(Viewer::of(ctx).row(id).await?.name))
    }

    /// The secret of the registration (参会码). Null where it was revoked, and unless it is CONFIRMED.
    async fn ticket_code(&self) -> Option<&str> {
        ticket::shown_code(&self.row)
    }

    /// The code as a QR code, signed, and for a calendar.
    async fn ticket(&self) -> Ticket {
        let opener = TicketOpener::Person(self.row.person_id);
        Ticket { row: self.row.clone(), opener }
    }

    /// What is asked at a stage, in the order of the form.
    async fn questions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "With the registration, or later on.")] stage: FormStage,
    ) -> Result<Vec<Question>> {
        form::questions(ctx, self.row.activity_id, Some(stage), false).await
    }

    /// What was answered, whoever answered it, in the order of the form.
    async fn answers(&self, ctx: &Context<'_>) -> Result<Vec<Answer>> {
        Ok(form::answers(Viewer::of(ctx), &self.row, self.answered.as_deref()).await?)
    }

    /// The credit hours (学时) earned here.
    async fn credit_hours(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        credit::hours(ctx, &self.row, true, None).await
    }

    /// The credit hours of the person in a year, by the local days of the sessions, of all classes.
    #[graphql(complexity = "5 + child_complexity")]
    async fn credits(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "A calendar year, 1949 to 2100.")] year: i32,
    ) -> Result<Option<PersonCredits>> {
        Ok(credit::of_year(ctx, &[self.row.person_id], year).await?.pop())
    }

    /// Whether the person completes the class. Null unless it is CONFIRMED or they withdrew, and where no session earns
    /// hours.
    async fn completion(&self, ctx: &Context<'_>) -> Result<Option<Completion>> {
        credit::completion_of(ctx, &self.row, true, None).await
    }

    /// The certificate, if there is one.
    async fn certificate(&self, ctx: &Context<'_>) -> Result<Option<MyCertificate>> {
        Ok(certificate::mine(Viewer::of(ctx), &self.row).await?)
    }

    /// The leave that was asked for from an academy's class (请假), in the order in which it begins.
    async fn leaves(&self, ctx: &Context<'_>) -> Result<Vec<MyLeave>> {
        let rows = leave::leave_of(ctx, self.row.id).await?;
        Ok(rows.into_iter().map(MyLeave).collect())
    }

    /// What was agreed to, and what was taken back.
    async fn privacy(&self, ctx: &Context<'_>) -> Result<Privacy> {
        Privacy::of(ctx, self.row.id, self.row.person_id).await
    }

    /// For what.
    async fn activity(&self, ctx: &Context<'_>) -> Result<PublicActivity> {
        let viewer = Viewer::of(ctx);
        let row = viewer.row(self.row.activity_id).await?;
        let rules = super::rules(viewer.db.read(), row.id).await?;
        Ok(PublicActivity { row, rules })
    }
}

pub struct Me(Proof);

/// Whoever has proven to have a phone.
#[Object]
impl Me {
    /// The phone that was proven.
    async fn phone(&self) -> &str {
        self.0.phone()
    }

    /// Everybody with this phone; at most 100.
    #[graphql(complexity = "5 * child_complexity + 1")]
    async fn people(&self, ctx: &Context<'_>) -> Result<Vec<MyPerson>> {
        let found = super::people(Viewer::of(ctx).db.read(), &self.0).await?;
        Ok(found.into_iter().map(MyPerson).collect())
    }

    /// What was asked for with this phone of one's own data, the newest first; at most 100.
    #[graphql(complexity = "20 * child_complexity + 1")]
    async fn data_requests(&self, ctx: &Context<'_>) -> Result<Vec<MyDataRequest>> {
        let found = request::mine(Viewer::of(ctx).db.read(), &self.0).await?;
        Ok(found.into_iter().map(Into::into).collect())
    }

    /// The registrations of everybody with this phone, the newest first; at most 100.
    #[graphql(complexity = "20 * child_complexity + 1")]
    async fn registrations(&self, ctx: &Context<'_>) -> Result<Vec<MyRegistration>> {
        let db = Viewer::of(ctx).db.read();
        let rows = super::mine(db, &self.0).await?;
        let answered = if ctx.look_ahead().field("answers").exists() {
            Some(Arc::new(crate::form::answered(db, &rows).await?))
        } else {
            None
        };
        let node = |row| MyRegistration { row, answered: answered.clone() };
        Ok(rows.into_iter().map(node).collect())
    }
}

#[derive(Default)]
pub struct AttendeeQuery;

#[Object]
impl AttendeeQuery {
    /// An activity that is published and for which people register themselves. For everybody, without signing in. Null
    /// for all others alike.
    async fn public_activity(
        &self,
        ctx: &Context<'_>,
        id: Gid<ActivityId>,
    ) -> Result<Option<PublicActivity>> {
        let found = super::public(Viewer::of(ctx).db.read(), id.0).await?;
        Ok(found.map(|(row, rules)| PublicActivity { row, rules: Some(rules) }))
    }

    /// Whoever has proven to have a phone, by a token of `redeemCode`. UNAUTHENTICATED without one.
    async fn me(&self, ctx: &Context<'_>) -> Result<Option<Me>> {
        Ok(Some(Me(Viewer::of(ctx).gate.me()?.clone())))
    }
}
