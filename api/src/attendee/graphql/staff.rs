//! What organisers set for those who register themselves.

use std::collections::HashMap;

use async_graphql::{Context, InputObject, Object, Result};
use chrono::{DateTime, SubsecRound, Utc};
use entity::{
    category,
    id::{ActivityId, CategoryId, OrganisationId},
    self_registration,
};

use super::{Notice, PublicActivity};
use crate::{
    attendee::{
        self, Rules, SetSelfRegistrationErrorCode, SetSelfRegistrationUserError,
        notice::{self, PublishNoticeErrorCode, PublishNoticeUserError, Whose},
    },
    authz::policy::{PublishActivityNotice, PublishNotice, SetSelfRegistration},
    error::{Error, Refusal},
    graphql::{Gid, Viewer, settle},
    payloads,
    text::{self, Check},
    write::Note,
};

/// How people register themselves for an activity.
pub struct SelfRegistration(self_registration::Model);

impl SelfRegistration {
    /// Of an activity; none where people do not register themselves.
    pub async fn of(ctx: &Context<'_>, activity: ActivityId) -> Result<Option<Self>> {
        let found = Viewer::of(ctx).load.load_one(attendee::RulesOf(activity)).await?;
        Ok(found.map(Self))
    }
}

/// How people register themselves for an activity, as `setSelfRegistration` said.
#[Object]
impl SelfRegistration {
    /// From when; null from the publication on.
    async fn opens_at(&self) -> Option<DateTime<Utc>> {
        self.0.opens_at
    }

    /// Until when; null until the activity is closed.
    async fn closes_at(&self) -> Option<DateTime<Utc>> {
        self.0.closes_at
    }

    /// The names of the categories that people may choose for themselves, in their order.
    async fn categories(&self, ctx: &Context<'_>) -> Result<Vec<String>> {
        let ids = self.0.categories.0.iter().copied();
        let found: HashMap<CategoryId, category::Model> =
            Viewer::of(ctx).load.load_many(ids).await?;
        let mut all: Vec<_> = found.into_values().collect();
        all.sort_by_key(|it| it.position);
        Ok(all.into_iter().map(|it| it.name).collect())
    }
}

/// What `setSelfRegistration` takes.
#[derive(InputObject)]
pub struct SetSelfRegistrationInput {
    /// Of which activity.
    activity_id: Gid<ActivityId>,
    /// Whether people register themselves at all.
    allowed: bool,
    /// From when; from the publication on if not given.
    opens_at: Option<DateTime<Utc>>,
    /// Until when; until the activity is closed if not given.
    closes_at: Option<DateTime<Utc>>,
    /// The names of the categories that people may choose for themselves.
    #[graphql(default)]
    categories: Vec<String>,
}

/// What `publishNotice` takes.
#[derive(InputObject)]
pub struct PublishNoticeInput {
    /// For everything that this organisation and those below it hold.
    organisation_id: Option<Gid<OrganisationId>>,
    /// For one activity, instead of `organisationId`.
    activity_id: Option<Gid<ActivityId>>,
    /// What it says; at most 20,000 characters.
    text: String,
    /// The same key with the same input gives the first answer.
    idempotency_key: Option<String>,
}

payloads! {
    /// What `setSelfRegistration` gives.
    SetSelfRegistrationPayload { activity: PublicActivity, SetSelfRegistrationUserError }
    /// What `publishNotice` gives.
    PublishNoticePayload { notice: Notice, PublishNoticeUserError }
}

#[derive(Default)]
pub struct SelfRegistrationMutation;

#[Object]
impl SelfRegistrationMutation {
    /// Says whether and how people register themselves for an activity; nobody does unless this was said. Refused
    /// without a notice that they could agree to. For ORG_ADMIN and ORGANISER.
    async fn set_self_registration(
        &self,
        ctx: &Context<'_>,
        input: SetSelfRegistrationInput,
    ) -> Result<SetSelfRegistrationPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<SetSelfRegistration>(input.activity_id.0).await?;
        let rules = input.allowed.then(|| Rules {
            // What the databases keep.
            opens_at: input.opens_at.map(|it| it.trunc_subsecs(6)),
            closes_at: input.closes_at.map(|it| it.trunc_subsecs(6)),
            categories: input.categories.iter().map(|it| text::line(it)).collect(),
        });
        let done: Result<_, Error<SetSelfRegistrationErrorCode>> = viewer
            .write(&permit, Note::default(), async |tx| attendee::set(tx, &permit, rules).await)
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        let activity = match row {
            Some(row) => {
                let rules = attendee::rules(viewer.db.read(), row.id).await?;
                Some(PublicActivity { row, rules })
            }
            None => None,
        };
        Ok(SetSelfRegistrationPayload { activity, user_errors })
    }

    /// Publishes a new version of what people are told of how their data are used. It holds from now on: for an
    /// activity its own, or else that of its host, or of the nearest organisation above. For ORG_ADMIN, and for
    /// ORGANISER of the activity.
    async fn publish_notice(
        &self,
        ctx: &Context<'_>,
        input: PublishNoticeInput,
    ) -> Result<PublishNoticePayload> {
        use PublishNoticeErrorCode as Code;
        let viewer = Viewer::of(ctx);
        let note = Note::keyed(input.idempotency_key.clone(), &input);
        let mut check = Check::new(Code::TooLong);
        let text = text::lines(&input.text);
        if text.is_empty() {
            check.refuse(Code::Required.at(["text"]));
        } else if text.chars().count() > notice::MOST {
            check.refuse(Code::TooLong.at(["text"]).about(notice::MOST));
        }
        let done = match (input.organisation_id, input.activity_id) {
            (Some(id), None) => {
                let permit = viewer.gate.permit::<PublishNotice>(id.0).await?;
                viewer
                    .write(&permit, note, async |tx| {
                        check.done()?;
                        notice::publish(tx, Whose::Organisation(id.0), text, viewer.now).await
                    })
                    .await
            }
            (None, Some(id)) => {
                let permit = viewer.gate.permit::<PublishActivityNotice>(id.0).await?;
                viewer
                    .write(&permit, note, async |tx| {
                        check.done()?;
                        notice::publish(tx, Whose::Activity(id.0), text, viewer.now).await
                    })
                    .await
            }
            _ => {
                viewer.gate.who()?;
                Err(Code::WhoseUnclear.at(["activityId"]).into())
            }
        };
        let (row, user_errors) = settle(done, viewer.lang)?;
        Ok(PublishNoticePayload { notice: row.map(Notice), user_errors })
    }
}
