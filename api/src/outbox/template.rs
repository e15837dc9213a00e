//! What is said on which occasion: kept per activity, or per organisation for all activities at it and below.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::{
    activity,
    id::{ActivityId, MessageTemplateId, OrganisationId},
    message::{Channel, Occasion},
    message_template::{self, Column},
    organisation, registration,
};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait,
    DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};

use super::{above, words};
use crate::{
    authz::{Permit, policy::RemoveTemplate},
    db::within,
    error::{Failure, Refusal, Refused},
    refusals,
};

refusals! {
    /// Why a template was not kept.
    MessageTemplateErrorCode, MessageTemplateUserError {
        /// Neither or both of `activityId` and `organisationId` are given.
        PlaceUnclear = "activityId 与 organisationId 须且只能给出一个", "give either activityId or organisationId";
        /// A variable that nobody knows.
        VariableUnknown = "没有名为“{}”的变量", "there is no variable “{}”";
        /// A mail needs a subject.
        SubjectMissing = "邮件主题不能为空", "a mail needs a subject";
        /// A short message has no subject.
        SubjectUnfit = "短信没有主题", "a short message has no subject";
        /// A text is too long.
        TooLong = "不能超过{}个字符", "must not be longer than {} characters";
    }
}

/// The longest text by a channel, in characters.
#[must_use]
pub fn longest(channel: Channel) -> usize {
    match channel {
        Channel::Sms => 500,
        Channel::Mail => 10_000,
    }
}

/// What is said by one channel, as somebody typed it.
#[derive(Clone)]
pub struct Draft {
    pub channel: Channel,
    pub subject: String,
    pub text: String,
}

impl Draft {
    /// Cleans what was typed: lines stay lines, other control characters go.
    #[must_use]
    pub fn new(channel: Channel, subject: Option<&str>, text: &str) -> Self {
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        let text: String = text.chars().filter(|c| *c == '\n' || !c.is_control()).collect();
        Self {
            channel,
            subject: crate::text::line(subject.unwrap_or_default()),
            text: text.trim().to_owned(),
        }
    }

    /// What is wrong with it.
    #[must_use]
    pub fn faults(&self) -> Vec<Refused<MessageTemplateErrorCode>> {
        use MessageTemplateErrorCode as Code;
        let mut faults = Vec::new();
        for (place, text, most) in
            [("subject", &self.subject, 200), ("text", &self.text, longest(self.channel))]
        {
            if text.chars().count() > most {
                faults.push(Code::TooLong.at([place]).about(most));
            }
            for name in words::unknown(text) {
                faults.push(Code::VariableUnknown.at([place]).about(name));
            }
        }
        match self.channel {
            Channel::Mail if self.subject.is_empty() && !self.text.is_empty() => {
                faults.push(Code::SubjectMissing.at(["subject"]));
            }
            Channel::Sms if !self.subject.is_empty() => {
                faults.push(Code::SubjectUnfit.at(["subject"]));
            }
            Channel::Mail | Channel::Sms => {}
        }
        faults
    }
}

/// Whose a template is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    Activity(ActivityId),
    Organisation(OrganisationId),
}

/// Keeps what is said on an occasion, in place of what was said before. The caller has looked at the draft.
pub async fn set(
    tx: &DatabaseTransaction,
    of: Of,
    occasion: Occasion,
    draft: Draft,
    now: DateTime<Utc>,
) -> Result<message_template::Model, Failure> {
    let place = match of {
        Of::Activity(id) => Column::ActivityId.eq(id),
        Of::Organisation(id) => Column::OrganisationId.eq(id),
    };
    let there = message_template::Entity::find()
        .filter(place)
        .filter(Column::Occasion.eq(occasion))
        .filter(Column::Channel.eq(draft.channel))
        .lock_exclusive()
        .one(tx)
        .await?;
    if let Some(there) = there {
        let mut row: message_template::ActiveModel = there.into();
        row.subject = Set(draft.subject);
        row.text = Set(draft.text);
        row.updated_at = Set(now);
        return Ok(row.update(tx).await?);
    }
    let (activity_id, organisation_id) = match of {
        Of::Activity(id) => (Some(id), None),
        Of::Organisation(id) => (None, Some(id)),
    };
    let row = message_template::ActiveModel {
        id: Set(MessageTemplateId::generate()),
        organisation_id: Set(organisation_id),
        activity_id: Set(activity_id),
        occasion: Set(occasion),
        channel: Set(draft.channel),
        subject: Set(draft.subject),
        text: Set(draft.text),
        updated_at: Set(now),
    };
    row.insert(tx).await.map_err(|error| {
        if crate::db::is_duplicate(&error) {
            Failure::Conflict("模板刚被更改，请重试", "the template was just changed; try again")
        } else {
            error.into()
        }
    })
}

/// Takes a template away: from then on the next one above speaks, if there is one.
pub async fn remove(
    tx: &DatabaseTransaction,
    permit: &Permit<RemoveTemplate>,
) -> Result<message_template::Model, Failure> {
    let done = message_template::Entity::delete_by_id(permit.on().id).exec(tx).await?;
    if done.rows_affected == 0 { Err(Failure::NotFound) } else { Ok(permit.on().clone()) }
}

/// The templates that an organisation has itself.
pub async fn of_organisation(
    db: &impl ConnectionTrait,
    organisation: &organisation::Model,
) -> Result<Vec<message_template::Model>, Failure> {
    Ok(message_template::Entity::find()
        .filter(Column::OrganisationId.eq(organisation.id))
        .order_by_asc(Column::Occasion)
        .order_by_asc(Column::Channel)
        .all(db)
        .await?)
}

/// What is said on an activity: for each occasion and channel its own template, or that of the nearest organisation
/// above it.
pub async fn nearest(
    db: &impl ConnectionTrait,
    activity: ActivityId,
) -> Result<Vec<message_template::Model>, Failure> {
    let all = message_template::Entity::find()
        .filter(
            Condition::any()
                .add(Column::ActivityId.eq(activity))
                .add(Column::OrganisationId.in_subquery(above(activity))),
        )
        .order_by_asc(Column::Occasion)
        .order_by_asc(Column::Channel)
        .all(db)
        .await?;
    let owners = all.iter().filter_map(|it| it.organisation_id);
    let depths: HashMap<OrganisationId, usize> = organisation::Entity::find()
        .filter(within((organisation::Entity, organisation::Column::Id), owners))
        .all(db)
        .await?
        .into_iter()
        .map(|it| (it.id, it.path.len()))
        .collect();
    let near = |it: &message_template::Model| {
        let depth = it.organisation_id.and_then(|id| depths.get(&id)).copied();
        (it.activity_id.is_some(), depth)
    };
    let mut nearest: Vec<message_template::Model> = Vec::new();
    for it in all {
        match nearest
            .last_mut()
            .filter(|last| (last.occasion, last.channel) == (it.occasion, it.channel))
        {
            Some(last) if near(last) < near(&it) => *last = it,
            Some(_) => {}
            None => nearest.push(it),
        }
    }
    Ok(nearest)
}

/// A template as it reads for one registration.
#[derive(Clone)]
pub struct Sample {
    pub registration: registration::Model,
    pub subject: String,
    pub text: String,
}

/// How a draft reads for some registrations of an activity, or for its first three.
pub async fn preview(
    db: &impl ConnectionTrait,
    activity: &activity::Model,
    draft: &Draft,
    wanted: &[entity::id::RegistrationId],
    link: impl Fn(&registration::Model) -> String,
    notice_link: &str,
) -> Result<Vec<Sample>, Failure> {
    use registration::Column as Of;
    let mut query = registration::Entity::find().filter(Of::ActivityId.eq(activity.id));
    if !wanted.is_empty() {
        query = query.filter(within((registration::Entity, Of::Id), wanted.iter().copied()));
    }
    let rows = query.order_by_asc(Of::Id).limit(3).all(db).await?;
    let words = words::Words::of(db, activity.id).await?;
    let people = super::people(db, &rows.iter().collect::<Vec<_>>()).await?;
    let mut samples = Vec::with_capacity(rows.len());
    for row in rows {
        let Some(person) = people.get(&row.person_id) else { continue };
        let fill = |text: &str| {
            let text = words.fill(text, &row, person).replace(words::LINK, &link(&row));
            text.replace(words::NOTICE, notice_link)
        };
        let (subject, text) = (fill(&draft.subject), fill(&draft.text));
        samples.push(Sample { subject, text, registration: row });
    }
    Ok(samples)
}
