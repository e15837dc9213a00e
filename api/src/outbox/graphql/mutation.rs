//! What can be done about messages: inputs, payloads, mutations.

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};
use entity::id::{ActivityId, MessageId, MessageTemplateId, OrganisationId, WebhookId};

use super::{Message, MessageChannel, MessageOccasion, MessageTemplate, Webhook};
use crate::{
    authz::policy::{
        CreateWebhook, DisableWebhook, RemoveTemplate, RetryMessage, SetOrganisationTemplate,
        SetTemplate,
    },
    error::{Error, Refusal},
    graphql::{Gid, Viewer, settle},
    outbox::{
        self, RetryMessageUserError,
        template::{self, Draft, MessageTemplateErrorCode, MessageTemplateUserError, Of},
        webhook::{CreateWebhookErrorCode, CreateWebhookUserError, DisableWebhookUserError},
    },
    payloads,
    text::Check,
    write::Note,
};

/// What `setMessageTemplate` takes.
#[derive(InputObject)]
pub struct SetMessageTemplateInput {
    /// What is said on this one …
    activity_id: Option<Gid<ActivityId>>,
    /// … or on all activities of this organisation and those below it that have none of their own.
    organisation_id: Option<Gid<OrganisationId>>,
    /// When it is said.
    occasion: MessageOccasion,
    /// By what.
    channel: MessageChannel,
    /// The subject of a mail, at most 200 characters. A short message has none.
    subject: Option<String>,
    /// At most 500 characters for a short message, 10,000 for a mail. Variables: {{姓名}} {{单位}} {{职务}} {{活动}} {{主办}}
    /// {{时间}} {{地点}} {{类别}} {{参会码}} {{回复截止}} {{原因}} {{链接}}. Empty: nothing is said, whatever stands above.
    text: String,
}

/// What `removeMessageTemplate` takes.
#[derive(InputObject)]
pub struct RemoveMessageTemplateInput {
    /// Which one.
    message_template_id: Gid<MessageTemplateId>,
}

/// What `retryMessage` takes.
#[derive(InputObject)]
pub struct RetryMessageInput {
    /// Which one.
    message_id: Gid<MessageId>,
}

/// What `createWebhook` takes.
#[derive(InputObject)]
pub struct CreateWebhookInput {
    /// Of which organisation.
    organisation_id: Gid<OrganisationId>,
    /// An https address outside of private networks, at most 500 characters.
    url: String,
    /// What it is told of; at least one.
    occasions: Vec<MessageOccasion>,
    /// The same key with the same input gives the first answer.
    idempotency_key: Option<String>,
}

/// What `disableWebhook` takes.
#[derive(InputObject)]
pub struct DisableWebhookInput {
    /// Which one.
    webhook_id: Gid<WebhookId>,
}

payloads! {
    /// What `setMessageTemplate` gives.
    SetMessageTemplatePayload { message_template: MessageTemplate, MessageTemplateUserError }
    /// What `removeMessageTemplate` gives.
    RemoveMessageTemplatePayload { message_template: MessageTemplate, MessageTemplateUserError }
    /// What `retryMessage` gives.
    RetryMessagePayload { message: Message, RetryMessageUserError }
    /// What `disableWebhook` gives.
    DisableWebhookPayload { webhook: Webhook, DisableWebhookUserError }
}

/// What `createWebhook` gives.
#[derive(SimpleObject)]
pub struct CreateWebhookPayload {
    /// What was made or changed; null where it was refused.
    webhook: Option<Webhook>,
    /// The key of its signatures, shown in this answer alone.
    secret: Option<String>,
    /// Why it was refused, all reasons at once; empty where it was done.
    user_errors: Vec<CreateWebhookUserError>,
}

#[derive(Default)]
pub struct OutboxMutation;

#[Object]
impl OutboxMutation {
    /// Says what people are told on an occasion by one channel, in place of what was said before. Refused with a variable
    /// that nobody knows. Messages that are written already stay as they are. For ORG_ADMIN and ORGANISER of an activity,
    /// and for ORG_ADMIN of an organisation.
    async fn set_message_template(
        &self,
        ctx: &Context<'_>,
        input: SetMessageTemplateInput,
    ) -> Result<SetMessageTemplatePayload> {
        let viewer = Viewer::of(ctx);
        viewer.gate.who()?;
        let draft = Draft::new(input.channel.into(), input.subject.as_deref(), &input.text);
        let occasion = input.occasion.into();
        let mut check = Check::new(MessageTemplateErrorCode::TooLong);
        for fault in draft.faults() {
            check.refuse(fault);
        }
        let note = Note::default();
        let done = match (input.activity_id, input.organisation_id) {
            (Some(id), None) => {
                let permit = viewer.gate.permit::<SetTemplate>(id.0).await?;
                viewer
                    .write(&permit, note, async |tx| {
                        check.done()?;
                        Ok(template::set(tx, Of::Activity(id.0), occasion, draft, viewer.now)
                            .await?)
                    })
                    .await
            }
            (None, Some(id)) => {
                let permit = viewer.gate.permit::<SetOrganisationTemplate>(id.0).await?;
                viewer
                    .write(&permit, note, async |tx| {
                        check.done()?;
                        Ok(template::set(tx, Of::Organisation(id.0), occasion, draft, viewer.now)
                            .await?)
                    })
                    .await
            }
            _ => Err(MessageTemplateErrorCode::PlaceUnclear.at(["activityId"]).into()),
        };
        let (row, user_errors) = settle(done, viewer.lang)?;
        let message_template = row.map(MessageTemplate);
        Ok(SetMessageTemplatePayload { message_template, user_errors })
    }

    /// Takes a template away, so that the next one above speaks, if there is one. For ORG_ADMIN and ORGANISER.
    async fn remove_message_template(
        &self,
        ctx: &Context<'_>,
        input: RemoveMessageTemplateInput,
    ) -> Result<RemoveMessageTemplatePayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<RemoveTemplate>(input.message_template_id.0).await?;
        let done: Result<_, Error<MessageTemplateErrorCode>> = viewer
            .write(&permit, Note::default(), async |tx| Ok(template::remove(tx, &permit).await?))
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        let message_template = row.map(MessageTemplate);
        Ok(RemoveMessageTemplatePayload { message_template, user_errors })
    }

    /// Queues a message once more that FAILED, or that is UNKNOWN and not asked after any more; in the latter case the
    /// person may get it twice. Nothing is sent if it is outdated by then. For ORG_ADMIN and ORGANISER.
    async fn retry_message(
        &self,
        ctx: &Context<'_>,
        input: RetryMessageInput,
    ) -> Result<RetryMessagePayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<RetryMessage>(input.message_id.0).await?;
        let done = viewer
            .write(&permit, Note::default(), async |tx| {
                outbox::retry(tx, &permit, viewer.now).await
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        Ok(RetryMessagePayload { message: row.map(Message), user_errors })
    }

    /// Lets an address be told of what happens on the activities of an organisation and those below it. An organisation
    /// has at most 10 in use. For ORG_ADMIN there.
    async fn create_webhook(
        &self,
        ctx: &Context<'_>,
        input: CreateWebhookInput,
    ) -> Result<CreateWebhookPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<CreateWebhook>(input.organisation_id.0).await?;
        let note = Note::keyed(input.idempotency_key.clone(), &input);
        let mut check = Check::new(CreateWebhookErrorCode::TooLong);
        let url = check.required(&input.url, 500, &["url"], CreateWebhookErrorCode::UrlUnfit);
        if !url.is_empty() && !viewer.app.channels.hooks.may_call(&url) {
            check.refuse(CreateWebhookErrorCode::UrlUnfit.at(["url"]));
        }
        if input.occasions.is_empty() {
            check.refuse(CreateWebhookErrorCode::OccasionMissing.at(["occasions"]));
        }
        let occasions = input.occasions.into_iter().map(Into::into).collect();
        let done = viewer
            .write(&permit, note, async |tx| {
                check.done()?;
                outbox::webhook::create(tx, &permit, url, occasions, viewer.now).await
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        let secret = row.as_ref().map(|it| it.secret.clone());
        Ok(CreateWebhookPayload { webhook: row.map(Webhook), secret, user_errors })
    }

    /// Takes a web-hook out of use for good. What it was not told yet is given up. For ORG_ADMIN.
    async fn disable_webhook(
        &self,
        ctx: &Context<'_>,
        input: DisableWebhookInput,
    ) -> Result<DisableWebhookPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<DisableWebhook>(input.webhook_id.0).await?;
        let done = viewer
            .write(&permit, Note::default(), async |tx| {
                outbox::webhook::disable(tx, &permit, viewer.now).await
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        Ok(DisableWebhookPayload { webhook: row.map(Webhook), user_errors })
    }
}
