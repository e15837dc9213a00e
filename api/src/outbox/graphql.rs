//! Messages, templates and web-hooks as GraphQL shows them.

mod hook;
mod mutation;

use async_graphql::{Context, Enum, InputObject, Object, Result, connection::Connection};
use chrono::{DateTime, Utc};
use entity::{
    id::{ActivityId, MessageId, MessageTemplateId, OrganisationId, RegistrationId},
    message, message_template, registration,
};

pub use self::{hook::*, mutation::*};
use super::{
    Filter,
    template::{self, Draft, Sample},
    words,
};
use crate::{
    authz::policy::{
        ListMessages, SetTemplate, ViewOrganisationTemplates, ViewRegistration, ViewTemplates,
        ViewWebhooks,
    },
    error::Failure,
    graphql::{Gid, Viewer},
    page::Slice,
    registration::graphql::Registration,
    ticket,
};

/// What people are told of.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "message::Occasion")]
pub enum MessageOccasion {
    /// A seat is held.
    Confirmed,
    /// Waits for a seat.
    Waitlisted,
    /// A seat is held until the answer.
    Offered,
    /// Asked to come.
    Invited,
    /// The answer to an invitation or an offer is nearly due.
    Reminder,
    /// Was not approved, or will not come.
    Declined,
    /// Was returned by a step of approval, with a reason.
    Returned,
    /// An offer lapsed.
    Expired,
    /// Was taken back.
    Cancelled,
    /// Somebody else comes instead.
    Replaced,
    /// Leave from an academy's class was approved.
    LeaveApproved,
    /// Leave from an academy's class was declined; `{{原因}}` says why.
    LeaveDeclined,
}

/// By what people are told.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "message::Channel")]
pub enum MessageChannel {
    /// 短信
    Sms,
    /// 邮件
    Mail,
}

/// How far a message is.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "message::State")]
pub enum MessageState {
    /// To be sent: at once, after a pause where it could not be handed over, or in the morning.
    Queued,
    /// Being handed over.
    Sending,
    /// The gateway or the mail server has it.
    Sent,
    /// It arrived, as the gateway says. Mails have no such receipt.
    Delivered,
    /// Not sent, or it did not arrive; `lastError` says why. NOT_CONFIGURED: this server has no such channel.
    /// NO_RECIPIENT: the person has neither a mobile phone nor a mail address by which there is a template.
    Failed,
    /// Nobody can say whether it was handed over, so that it is not sent again. A short message is asked after, where the
    /// gateway gives receipts, and sent again only if it never arrived there.
    Unknown,
    /// Not sent, because the registration had changed again before its time.
    Cancelled,
}

pub struct Message(pub message::Model);

/// One message to one person, and what came of it. Kept for 180 days.
#[Object]
impl Message {
    /// Opaque; unique among all things.
    pub async fn id(&self) -> Gid<MessageId> {
        Gid(self.0.id)
    }

    /// What it tells of.
    async fn occasion(&self) -> MessageOccasion {
        self.0.occasion.into()
    }

    /// By what it is sent.
    async fn channel(&self) -> MessageChannel {
        self.0.channel.into()
    }

    /// The phone or the mail address with its middle hidden: `138****0000`, `z***@example.org`.
    async fn masked_recipient(&self) -> Option<String> {
        let recipient = self.0.recipient.as_deref()?;
        Some(match self.0.channel {
            message::Channel::Sms => crate::mask::phone(recipient),
            message::Channel::Mail => crate::mask::email(recipient),
        })
    }

    /// How far it is.
    async fn state(&self) -> MessageState {
        self.0.state.into()
    }

    /// How often it was begun to hand it over.
    async fn attempts(&self) -> i32 {
        self.0.attempts
    }

    /// When something is done about it next; null when it is settled.
    async fn due_at(&self) -> Option<DateTime<Utc>> {
        self.0.due_at
    }

    /// When it was written.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When the gateway or the mail server took it.
    async fn sent_at(&self) -> Option<DateTime<Utc>> {
        self.0.sent_at
    }

    /// The code of what went wrong last.
    async fn last_error(&self) -> Option<&str> {
        self.0.last_error.as_deref()
    }

    /// Whose registration it tells of; null once that is gone.
    async fn registration(&self, ctx: &Context<'_>) -> Result<Option<Registration>> {
        let viewer = Viewer::of(ctx);
        match viewer.gate.permit::<ViewRegistration>(self.0.registration_id).await {
            Ok(permit) => Ok(Some(Registration::new(permit.into_row(), true))),
            Err(Failure::NotFound | Failure::Forbidden) => Ok(None),
            Err(failure) => Err(failure.into()),
        }
    }
}

pub struct MessageTemplate(pub message_template::Model);

/// What is said on an occasion by one channel. Of an activity, or of an organisation for all activities at it and below
/// that have none of their own; the nearest speaks. Without a template nothing is sent.
#[Object]
impl MessageTemplate {
    /// Opaque; unique among all things.
    pub async fn id(&self) -> Gid<MessageTemplateId> {
        Gid(self.0.id)
    }

    /// When it is said.
    async fn occasion(&self) -> MessageOccasion {
        self.0.occasion.into()
    }

    /// By what.
    async fn channel(&self) -> MessageChannel {
        self.0.channel.into()
    }

    /// The subject of a mail; empty for a short message.
    async fn subject(&self) -> &str {
        &self.0.subject
    }

    /// The text with its variables. Empty: nothing is said, whatever stands above.
    async fn text(&self) -> &str {
        &self.0.text
    }

    /// The organisation that it is of; null where it is of an activity.
    async fn organisation_id(&self) -> Option<Gid<OrganisationId>> {
        self.0.organisation_id.map(Gid)
    }

    /// The activity that it is of; null where it is of an organisation.
    async fn activity_id(&self) -> Option<Gid<ActivityId>> {
        self.0.activity_id.map(Gid)
    }

    /// When it was last changed.
    async fn updated_at(&self) -> DateTime<Utc> {
        self.0.updated_at
    }
}

pub struct MessageSample(Sample);

/// A template as it reads for one registration.
#[Object]
impl MessageSample {
    /// Whose.
    async fn registration(&self) -> Registration {
        Registration::new(self.0.registration.clone(), true)
    }

    /// The subject of a mail.
    async fn subject(&self) -> &str {
        &self.0.subject
    }

    /// The text.
    async fn text(&self) -> &str {
        &self.0.text
    }

    /// How long a short message of it is, in UTF-16 units, which gateways charge by.
    async fn length(&self) -> i32 {
        i32::try_from(words::length(&self.0.text).0).unwrap_or(i32::MAX)
    }

    /// Of how many parts that is: one up to 70, otherwise 67 each. What the gateway puts before or behind the text (the
    /// sender's name in 【】) comes on top.
    async fn parts(&self) -> i32 {
        i32::try_from(words::length(&self.0.text).1).unwrap_or(i32::MAX)
    }
}

pub struct MessagePreview {
    unknown: Vec<String>,
    samples: Vec<Sample>,
}

/// How a draft of a template reads.
#[Object]
impl MessagePreview {
    /// The variables that nobody knows, for which `setMessageTemplate` refuses it. `{{` is a brace that is not closed.
    async fn unknown_variables(&self) -> &[String] {
        &self.unknown
    }

    /// The draft with the words of at most three registrations.
    async fn samples(&self) -> Vec<MessageSample> {
        self.samples.iter().cloned().map(MessageSample).collect()
    }
}

/// Narrows a list of messages. What is not given does not narrow.
#[derive(InputObject, Default)]
pub struct MessageFilter {
    /// Those by one of these.
    channel: Option<Vec<MessageChannel>>,
    /// Those of one of these.
    occasion: Option<Vec<MessageOccasion>>,
    /// Those in one of these.
    state: Option<Vec<MessageState>>,
    /// Those that tell of this one.
    registration_id: Option<Gid<RegistrationId>>,
}

/// What `messagePreview` takes.
#[derive(InputObject)]
pub struct MessagePreviewInput {
    /// Of which activity.
    activity_id: Gid<ActivityId>,
    /// By what.
    channel: MessageChannel,
    /// The subject of a mail.
    subject: Option<String>,
    /// The text.
    text: String,
    /// For which registrations of the activity, at most three; its first three if not given.
    #[graphql(default)]
    registration_ids: Vec<Gid<RegistrationId>>,
}

#[derive(Default)]
pub struct OutboxQuery;

#[Object]
impl OutboxQuery {
    /// What people were told of an activity and what came of each message, newest first. For ORG_ADMIN and ORGANISER.
    #[graphql(complexity = "crate::schema::list_cost(first, last, child_complexity)")]
    #[expect(
        clippy::too_many_arguments,
        reason = "a connection's four, the activity and the filter"
    )]
    async fn messages(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        #[graphql(desc = "Of which activity.")] activity_id: Gid<ActivityId>,
        filter: Option<MessageFilter>,
    ) -> Result<Connection<String, Message>> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<ListMessages>(activity_id.0).await?;
        let slice = Slice::parse(first, after.as_deref(), last, before.as_deref())?;
        let filter = filter.unwrap_or_default();
        let filter = Filter {
            channels: filter.channel.map(|all| all.into_iter().map(Into::into).collect()),
            occasions: filter.occasion.map(|all| all.into_iter().map(Into::into).collect()),
            states: filter.state.map(|all| all.into_iter().map(Into::into).collect()),
            registration: filter.registration_id.map(|it| it.0),
        };
        let page = super::list(viewer.db.read(), &permit, filter, slice).await?;
        Ok(page.connection(|it| it.id, Message))
    }

    /// What is said on an activity: for each occasion and channel its own template or the nearest above it (for ORG_ADMIN
    /// and ORGANISER). Or the templates that an organisation has itself (for ORG_ADMIN there). Give one of the two.
    async fn message_templates(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is said on this one.")] activity_id: Option<Gid<ActivityId>>,
        #[graphql(desc = "What this one has itself.")] organisation_id: Option<Gid<OrganisationId>>,
    ) -> Result<Vec<MessageTemplate>> {
        let viewer = Viewer::of(ctx);
        viewer.gate.who()?;
        let db = viewer.db.read();
        let rows = match (activity_id, organisation_id) {
            (Some(id), None) => {
                let permit = viewer.gate.permit::<ViewTemplates>(id.0).await?;
                template::nearest(db, permit.on().id).await?
            }
            (None, Some(id)) => {
                let permit = viewer.gate.permit::<ViewOrganisationTemplates>(id.0).await?;
                template::of_organisation(db, permit.on()).await?
            }
            _ => {
                return Err(Failure::BadInput(
                    "activityId 与 organisationId 须且只能给出一个",
                    "give either activityId or organisationId",
                )
                .into());
            }
        };
        Ok(rows.into_iter().map(MessageTemplate).collect())
    }

    /// How a draft of a template reads for some registrations of an activity. Changes nothing.
    /// For ORG_ADMIN and ORGANISER.
    async fn message_preview(
        &self,
        ctx: &Context<'_>,
        input: MessagePreviewInput,
    ) -> Result<Option<MessagePreview>> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<SetTemplate>(input.activity_id.0).await?;
        let channel: message::Channel = input.channel.into();
        if input.text.chars().count() > template::longest(channel)
            || input.registration_ids.len() > 3
        {
            return Err(Failure::BadInput(
                "文本过长或报名多于3个",
                "the text is too long, or these are more than three registrations",
            )
            .into());
        }
        let draft = Draft::new(channel, input.subject.as_deref(), &input.text);
        let mut unknown = words::unknown(&draft.subject);
        unknown.extend(words::unknown(&draft.text));
        let wanted: Vec<RegistrationId> = input.registration_ids.iter().map(|it| it.0).collect();
        let link = |row: &registration::Model| viewer.app.config.ticket_link(ticket::code(row));
        let (db, on) = (viewer.db.read(), permit.on());
        let notice = crate::attendee::notice::current(db, on).await?;
        let notice = notice.map(|it| viewer.app.config.notice_link(&Gid(it.id).to_string()));
        let notice = notice.unwrap_or_default();
        let samples = template::preview(db, on, &draft, &wanted, link, &notice).await?;
        Ok(Some(MessagePreview { unknown, samples }))
    }

    /// The web-hooks of an organisation, newest first. For ORG_ADMIN there.
    #[graphql(complexity = "crate::schema::list_cost(first, last, child_complexity)")]
    async fn webhooks(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        #[graphql(desc = "Of which organisation.")] organisation_id: Gid<OrganisationId>,
    ) -> Result<Connection<String, Webhook>> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<ViewWebhooks>(organisation_id.0).await?;
        let slice = Slice::parse(first, after.as_deref(), last, before.as_deref())?;
        let page = super::webhook::list(viewer.db.read(), &permit, slice).await?;
        Ok(page.connection(|it| it.id, Webhook))
    }
}
