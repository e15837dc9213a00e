//! Activities as GraphQL shows them: three types behind one interface.

#![expect(clippy::duplicated_attributes, reason = "the fields of an interface have the same parts")]

mod mutation;
mod query;
mod series;

use std::sync::Arc;

use async_graphql::{Context, Enum, Interface, Object, Result, connection::Connection};
use chrono::{DateTime, Utc};
use entity::{
    activity, capacity_pool, category,
    id::{ActivityId, CategoryId},
    organisation,
    programme::{self, Kind},
    session,
};

pub use self::{mutation::*, query::*, series::*};
use crate::{
    attendance::tally::{self, Figures},
    attendee::graphql::SelfRegistration,
    can::ActivityCan,
    capacity,
    certificate::graphql::{self as certificate, CertificatePattern},
    class::graphql::{self as class, ClassGroup, LeaveLadder, Series},
    credit::graphql::{self as credit, CompletionFigures, CreditRule},
    error::Failure,
    form::graphql::{FormStage, Question},
    graphql::{Gid, Viewer},
    organisation::graphql::Organisation,
    page::Slice,
    person::graphql::Person,
    programme::graphql::Programme,
    registration::graphql::{ApprovalStep, Registration, RegistrationFilter},
    roster::graphql::RosterBatch,
    session::graphql::Session,
};

/// How far an activity is: DRAFT → PUBLISHED → CLOSED, or CANCELLED.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "activity::Status")]
pub enum ActivityStatus {
    /// Being set up.
    Draft,
    /// Open to its audience.
    Published,
    /// Over; nothing new is registered.
    Closed,
    /// Called off, with a reason.
    Cancelled,
}

/// The row of an activity, with what a list fetched ahead for all of its rows at once.
#[derive(Clone)]
pub struct Node {
    pub row: Arc<activity::Model>,
    pools: Option<Vec<capacity_pool::Model>>,
    programme: Option<programme::Model>,
    host: Option<organisation::Model>,
    categories: Option<Vec<category::Model>>,
    sessions: Option<Vec<session::Model>>,
    figures: Option<Figures>,
}

impl Node {
    async fn pool(&self, ctx: &Context<'_>) -> Result<capacity_pool::Model> {
        let whole = |pools: &[capacity_pool::Model]| {
            pools
                .iter()
                .find(|it| it.category_id.is_none() && it.organisation_id.is_none())
                .cloned()
        };
        let found = match &self.pools {
            Some(pools) => whole(pools),
            None => whole(&self.fetch_pools(ctx).await?),
        };
        Ok(found.ok_or_else(|| Failure::internal("an activity without its pool"))?)
    }

    async fn fetch_pools(&self, ctx: &Context<'_>) -> Result<Vec<capacity_pool::Model>> {
        Ok(capacity::of(Viewer::of(ctx).db.read(), [self.row.id])
            .await?
            .remove(&self.row.id)
            .unwrap_or_default())
    }
}

macro_rules! activity_types {
    ($($(#[doc = $doc:literal])+ $name:ident { $($own:tt)* })*) => {$(
        pub struct $name(pub Node);

        $(#[doc = $doc])+
        #[Object]
        impl $name {
            /// Opaque; unique among all things.
            pub async fn id(&self) -> Gid<ActivityId> {
                Gid(self.0.row.id)
            }

            /// What the viewer may do with it, for what a front-end shows buttons for.
            async fn viewer_can(&self, ctx: &Context<'_>) -> Result<ActivityCan> {
                Ok(ActivityCan::of(Viewer::of(ctx), &self.0.row).await?)
            }

            /// What it is called.
            async fn title(&self) -> &str {
                &self.0.row.title
            }

            /// How far it is.
            async fn status(&self) -> ActivityStatus {
                self.0.row.status.into()
            }

            /// Why it was called off, if it was.
            async fn cancel_reason(&self) -> Option<&str> {
                self.0.row.cancel_reason.as_deref()
            }

            /// The first session's start.
            async fn starts_at(&self) -> Option<DateTime<Utc>> {
                self.0.row.starts_at
            }

            /// The last session's end.
            async fn ends_at(&self) -> Option<DateTime<Utc>> {
                self.0.row.ends_at
            }

            /// Where it takes place.
            async fn venue(&self) -> Option<&str> {
                self.0.row.venue.as_deref()
            }

            /// A name of the IANA time zone database; a day of this activity begins at 00:00 there.
            async fn time_zone(&self) -> &str {
                &self.0.row.time_zone
            }

            /// The public key by which a door without a network verifies the tokens of tickets: the 32 bytes of an
            /// Ed25519 key (RFC 8032) in base64url without padding, which is `x` of `{"kty": "OKP", "crv": "Ed25519"}`.
            async fn ticket_key(&self, ctx: &Context<'_>) -> Result<String> {
                crate::ticket::graphql::public_key(Viewer::of(ctx), self.0.row.id).await
            }

            /// How many seats there are; null for as many as come.
            async fn capacity(&self, ctx: &Context<'_>) -> Result<Option<i32>> {
                Ok(self.0.pool(ctx).await?.size)
            }

            /// How many seats are held. Whoever is on the waiting list holds none.
            async fn seats_taken(&self, ctx: &Context<'_>) -> Result<i32> {
                Ok(self.0.pool(ctx).await?.taken)
            }

            /// How many seats are set aside by allocations and nobody's yet.
            async fn seats_set_aside(&self, ctx: &Context<'_>) -> Result<i32> {
                Ok(self.0.pool(ctx).await?.held)
            }

            /// How often somebody came (人次), over all its sessions so far.
            async fn attended(&self, ctx: &Context<'_>) -> Result<i32> {
                let figures = match self.0.figures {
                    Some(figures) => figures,
                    None => tally::by_activity(Viewer::of(ctx).db.read(), [self.0.row.id])
                        .await?
                        .remove(&self.0.row.id)
                        .unwrap_or_default(),
                };
                Ok(figures.came())
            }

            /// The steps by which recommended registrations are approved, in their order.
            async fn approval(&self) -> Vec<ApprovalStep> {
                self.0.row.approval.0.iter().copied().map(Into::into).collect()
            }

            /// How long a seat that is offered to the waiting list is held, in minutes.
            async fn offer_minutes(&self) -> i32 {
                self.0.row.offer_minutes
            }

            /// Whether it is there to be copied: it stays a draft, and nobody is registered for it.
            async fn is_template(&self) -> bool {
                self.0.row.is_template
            }

            /// The umbrella it belongs to.
            async fn programme(&self, ctx: &Context<'_>) -> Result<Programme> {
                match &self.0.programme {
                    Some(row) => Ok(row.clone().into()),
                    None => Ok(Programme::from(Viewer::of(ctx).row(self.0.row.programme_id).await?)),
                }
            }

            /// The organisation that holds it.
            async fn host(&self, ctx: &Context<'_>) -> Result<Organisation> {
                match &self.0.host {
                    Some(row) => Ok(row.clone().into()),
                    None => Ok(Organisation::from(Viewer::of(ctx).row(self.0.row.host_id).await?)),
                }
            }

            /// The kinds of participants, in their order.
            async fn categories(&self, ctx: &Context<'_>) -> Result<Vec<Category>> {
                let rows = match &self.0.categories {
                    Some(rows) => rows.clone(),
                    None => super::categories(Viewer::of(ctx).db.read(), self.0.row.id).await?,
                };
                let pools = Arc::new(match &self.0.pools {
                    Some(pools) => pools.clone(),
                    None => self.0.fetch_pools(ctx).await?,
                });
                Ok(rows.into_iter().map(|row| Category { row, pools: Some(pools.clone()) }).collect())
            }

            /// Whether and how people register themselves; null where they do not.
            async fn self_registration(&self, ctx: &Context<'_>) -> Result<Option<SelfRegistration>> {
                SelfRegistration::of(ctx, self.0.row.id).await
            }

            /// How its credit hours are earned, and who completes it.
            #[graphql(complexity = "1 + child_complexity")]
            async fn credit_rule(&self, ctx: &Context<'_>) -> Result<CreditRule> {
                CreditRule::of(ctx, self.0.row.id).await
            }

            /// How many complete it, as things stand; null where no session earns hours. Computed from all registrations.
            #[graphql(complexity = "100 + child_complexity")]
            async fn completion(&self, ctx: &Context<'_>) -> Result<Option<CompletionFigures>> {
                credit::figures(ctx, &self.0.row).await
            }

            /// How its certificates are numbered and who issues them: as it says itself, or else its series, or else the
            /// nearest organisation from its host upwards.
            async fn certificate_pattern(&self, ctx: &Context<'_>) -> Result<CertificatePattern> {
                certificate::pattern_of(ctx, &self.0.row).await
            }

            /// The sessions, in the order in which they take place.
            async fn sessions(&self, ctx: &Context<'_>) -> Result<Vec<Session>> {
                let rows = match &self.0.sessions {
                    Some(rows) => rows.clone(),
                    None => crate::session::schedule(Viewer::of(ctx).db.read(), self.0.row.id).await?,
                };
                Ok(rows.into_iter().map(Session).collect())
            }

            /// The registration form, in its order.
            async fn questions(
                &self,
                ctx: &Context<'_>,
                #[graphql(desc = "Those of one stage.")] stage: Option<FormStage>,
                #[graphql(desc = "Those that are retired, too; they stand behind.", default)] retired: bool,
            ) -> Result<Vec<Question>> {
                crate::form::graphql::questions(ctx, self.0.row.id, stage, retired).await
            }

            /// Who is registered, in the order in which they were. For ORG_ADMIN and ORGANISER; DOOR_STAFF must give
            /// `filter.search` of three or more characters, and gets phones masked and no ticket codes.
            #[graphql(complexity = "crate::schema::list_cost(first, last, child_complexity)")]
            async fn registrations(
                &self,
                ctx: &Context<'_>,
                first: Option<i32>,
                after: Option<String>,
                last: Option<i32>,
                before: Option<String>,
                filter: Option<RegistrationFilter>,
            ) -> Result<Connection<String, Registration>> {
                let slice = Slice::parse(first, after.as_deref(), last, before.as_deref())?;
                crate::registration::graphql::connection(ctx, &self.0.row, slice, filter).await
            }

            /// The lists that were uploaded for it, newest first. For ORG_ADMIN and ORGANISER.
            #[graphql(complexity = "crate::schema::list_cost(first, last, child_complexity)")]
            async fn roster_batches(
                &self,
                ctx: &Context<'_>,
                first: Option<i32>,
                after: Option<String>,
                last: Option<i32>,
                before: Option<String>,
            ) -> Result<Connection<String, RosterBatch>> {
                let slice = Slice::parse(first, after.as_deref(), last, before.as_deref())?;
                crate::roster::graphql::connection(ctx, &self.0.row, slice).await
            }

            $($own)*
        }
    )*};
}

activity_types! {
    /// An activity of the entrepreneur festival (民营企业家节).
    FestivalActivity {}
    /// An event of the relay for the next generation of entrepreneurs (青蓝接力).
    RelayEvent {}
    /// A class of the academy (民营经济学院).
    AcademyClass {
        /// The series that it is a run of (班次), if it is one.
        async fn series(&self, ctx: &Context<'_>) -> Result<Option<Series>> {
            class::series_of(ctx, self.0.row.id).await
        }

        /// Its number in the series (第N期).
        async fn run_number(&self, ctx: &Context<'_>) -> Result<Option<i32>> {
            class::run_number(ctx, self.0.row.id).await
        }

        /// Who looks after it (班主任), the phone masked. For ORG_ADMIN, ORGANISER and DOOR_STAFF; null for others.
        async fn class_teacher(&self, ctx: &Context<'_>) -> Result<Option<Person>> {
            class::teacher(ctx, &self.0.row).await
        }

        /// Who holds it together with the host (协办), in their order.
        async fn co_hosts(&self, ctx: &Context<'_>) -> Result<Vec<Organisation>> {
            class::co_hosts(ctx, self.0.row.id).await
        }

        /// Up to which lengths leave is granted by whom.
        async fn leave_ladder(&self, ctx: &Context<'_>) -> Result<LeaveLadder> {
            class::leave_ladder(ctx, self.0.row.id).await
        }

        /// Its groups (小组), in their order. For ORG_ADMIN and ORGANISER.
        async fn groups(&self, ctx: &Context<'_>) -> Result<Vec<ClassGroup>> {
            class::groups_of(ctx, &self.0.row).await
        }
    }
}

/// What people register for (活动). Its type follows from its programme's kind.
#[derive(Interface)]
#[graphql(
    field(name = "id", ty = "Gid<ActivityId>", desc = "Opaque; unique among all things."),
    field(name = "title", ty = "&str", desc = "What it is called."),
    field(
        name = "viewer_can",
        ty = "ActivityCan",
        desc = "What the viewer may do with it, for what a front-end shows buttons for."
    ),
    field(name = "status", ty = "ActivityStatus", desc = "How far it is."),
    field(name = "cancel_reason", ty = "Option<&str>", desc = "Why it was called off, if it was."),
    field(name = "starts_at", ty = "Option<DateTime<Utc>>", desc = "The first session's start."),
    field(name = "ends_at", ty = "Option<DateTime<Utc>>", desc = "The last session's end."),
    field(name = "venue", ty = "Option<&str>", desc = "Where it takes place."),
    field(
        name = "time_zone",
        ty = "&str",
        desc = "A name of the IANA time zone database; a day of this activity begins at 00:00 there."
    ),
    field(
        name = "ticket_key",
        ty = "String",
        desc = "The public key by which a door without a network verifies the tokens of tickets: the 32 bytes of an Ed25519 key (RFC 8032) in base64url without padding."
    ),
    field(
        name = "capacity",
        ty = "Option<i32>",
        desc = "How many seats there are; null for as many as come."
    ),
    field(name = "seats_taken", ty = "i32", desc = "How many seats are held."),
    field(
        name = "attended",
        ty = "i32",
        desc = "How often somebody came, over all its sessions so far."
    ),
    field(
        name = "seats_set_aside",
        ty = "i32",
        desc = "How many seats are set aside by allocations and nobody's yet."
    ),
    field(
        name = "approval",
        ty = "Vec<ApprovalStep>",
        desc = "The steps by which recommended registrations are approved, in their order."
    ),
    field(
        name = "offer_minutes",
        ty = "i32",
        desc = "How long a seat that is offered to the waiting list is held, in minutes."
    ),
    field(
        name = "is_template",
        ty = "bool",
        desc = "Whether it is there to be copied: it stays a draft, and nobody is registered for it."
    ),
    field(name = "programme", ty = "Programme", desc = "The umbrella it belongs to."),
    field(name = "host", ty = "Organisation", desc = "The organisation that holds it."),
    field(
        name = "categories",
        ty = "Vec<Category>",
        desc = "The kinds of participants, in their order."
    ),
    field(
        name = "self_registration",
        ty = "Option<SelfRegistration>",
        desc = "Whether and how people register themselves; null where they do not."
    ),
    field(
        name = "credit_rule",
        ty = "CreditRule",
        desc = "How its credit hours are earned, and who completes it."
    ),
    field(
        name = "completion",
        ty = "Option<CompletionFigures>",
        desc = "How many complete it, as things stand; null where no session earns hours."
    ),
    field(
        name = "certificate_pattern",
        ty = "CertificatePattern",
        desc = "How its certificates are numbered and who issues them."
    ),
    field(
        name = "sessions",
        ty = "Vec<Session>",
        desc = "The sessions, in the order in which they take place."
    ),
    field(
        name = "questions",
        ty = "Vec<Question>",
        desc = "The registration form, in its order.",
        arg(name = "stage", ty = "Option<FormStage>", desc = "Those of one stage."),
        arg(
            name = "retired",
            ty = "bool",
            desc = "Those that are retired, too; they stand behind.",
            default
        )
    ),
    field(
        name = "registrations",
        ty = "Connection<String, Registration>",
        desc = "Who is registered, in the order in which they were. For ORG_ADMIN and ORGANISER; DOOR_STAFF must give `filter.search` of three or more characters.",
        arg(name = "first", ty = "Option<i32>"),
        arg(name = "after", ty = "Option<String>"),
        arg(name = "last", ty = "Option<i32>"),
        arg(name = "before", ty = "Option<String>"),
        arg(name = "filter", ty = "Option<RegistrationFilter>")
    ),
    field(
        name = "roster_batches",
        ty = "Connection<String, RosterBatch>",
        desc = "The lists that were uploaded for it, newest first. For ORG_ADMIN and ORGANISER.",
        arg(name = "first", ty = "Option<i32>"),
        arg(name = "after", ty = "Option<String>"),
        arg(name = "last", ty = "Option<i32>"),
        arg(name = "before", ty = "Option<String>")
    )
)]
pub enum Activity {
    Festival(FestivalActivity),
    Relay(RelayEvent),
    Academy(AcademyClass),
}

impl Activity {
    fn of(node: Node) -> Self {
        match node.row.kind {
            Kind::Festival => Self::Festival(FestivalActivity(node)),
            Kind::Relay => Self::Relay(RelayEvent(node)),
            Kind::Academy => Self::Academy(AcademyClass(node)),
        }
    }
}

impl From<activity::Model> for Activity {
    fn from(row: activity::Model) -> Self {
        Self::of(Node {
            row: Arc::new(row),
            pools: None,
            programme: None,
            host: None,
            categories: None,
            sessions: None,
            figures: None,
        })
    }
}

pub struct Category {
    pub row: category::Model,
    pub pools: Option<Arc<Vec<capacity_pool::Model>>>,
}

impl Category {
    async fn pool(&self, ctx: &Context<'_>) -> Result<capacity_pool::Model> {
        let find = |pools: &[capacity_pool::Model]| {
            pools
                .iter()
                .find(|it| it.category_id == Some(self.row.id) && it.organisation_id.is_none())
                .cloned()
        };
        let found = match &self.pools {
            Some(pools) => find(pools),
            None => {
                let id = self.row.activity_id;
                capacity::of(Viewer::of(ctx).db.read(), [id])
                    .await?
                    .get(&id)
                    .and_then(|it| find(it))
            }
        };
        Ok(found.ok_or_else(|| Failure::internal("a category without its pool"))?)
    }
}

/// A kind of participant of one activity (参会类别), with seats of its own if wanted.
#[Object]
impl Category {
    /// Opaque; unique among all things.
    pub async fn id(&self) -> Gid<CategoryId> {
        Gid(self.row.id)
    }

    /// Unique on the activity.
    async fn name(&self) -> &str {
        &self.row.name
    }

    /// How many seats there are for it; null for as many as the activity has.
    async fn capacity(&self, ctx: &Context<'_>) -> Result<Option<i32>> {
        Ok(self.pool(ctx).await?.size)
    }

    /// How many seats are held in it.
    async fn seats_taken(&self, ctx: &Context<'_>) -> Result<i32> {
        Ok(self.pool(ctx).await?.taken)
    }

    /// How many of its seats are set aside by allocations for it and nobody's yet.
    async fn seats_set_aside(&self, ctx: &Context<'_>) -> Result<i32> {
        Ok(self.pool(ctx).await?.held)
    }
}
