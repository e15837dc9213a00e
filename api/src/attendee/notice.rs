//! Notices (告知书): what people are told of how their data are used, version by version.

use chrono::{DateTime, Utc};
use entity::{
    activity,
    id::{ActivityId, NoticeId, OrganisationId},
    notice::{self, Column},
};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction,
    EntityTrait, QueryFilter, QueryOrder,
};

use crate::{
    db::{is_duplicate, within},
    error::{Error, Failure},
    organisation::line_of,
    refusals,
};

refusals! {
    /// Why a notice was not published.
    PublishNoticeErrorCode, PublishNoticeUserError {
        /// The text is missing.
        Required = "不能为空", "must not be empty";
        /// The text is too long.
        TooLong = "不能超过{}个字符", "must not be longer than {} characters";
        /// Neither or both of `organisationId` and `activityId` are given.
        WhoseUnclear = "organisationId 与 activityId 须且只能给出一个", "give either organisationId or activityId";
    }
}

/// The most characters of a notice.
pub const MOST: usize = 20_000;

/// Whose a notice is.
#[derive(Clone, Copy)]
pub enum Whose {
    Organisation(OrganisationId),
    Activity(ActivityId),
}

/// Publishes a new version.
pub async fn publish(
    tx: &DatabaseTransaction,
    whose: Whose,
    text: String,
    now: DateTime<Utc>,
) -> Result<notice::Model, Error<PublishNoticeErrorCode>> {
    let of = match whose {
        Whose::Organisation(id) => Column::OrganisationId.eq(id),
        Whose::Activity(id) => Column::ActivityId.eq(id),
    };
    let last = notice::Entity::find().filter(of).order_by_desc(Column::Number).one(tx).await?;
    let (organisation, activity) = match whose {
        Whose::Organisation(id) => (Some(id), None),
        Whose::Activity(id) => (None, Some(id)),
    };
    let row = notice::ActiveModel {
        id: Set(NoticeId::generate()),
        organisation_id: Set(organisation),
        activity_id: Set(activity),
        number: Set(last.map_or(0, |it| it.number) + 1),
        text: Set(text),
        published_at: Set(now),
    };
    match row.insert(tx).await {
        // A rival published the same number.
        Err(error) if is_duplicate(&error) => Err(Failure::Conflict(
            "有人刚发布了新版本，请重试",
            "somebody has just published a version; try again",
        )
        .into()),
        row => Ok(row?),
    }
}

/// The notice that holds for an activity: its own, or else that of its host, or of the nearest organisation above.
pub async fn current(
    db: &impl ConnectionTrait,
    activity: &activity::Model,
) -> Result<Option<notice::Model>, Failure> {
    let own = notice::Entity::find()
        .filter(Column::ActivityId.eq(activity.id))
        .order_by_desc(Column::Number)
        .one(db)
        .await?;
    if own.is_some() {
        return Ok(own);
    }
    let line: Vec<OrganisationId> =
        line_of(db, activity.host_id).await?.into_iter().map(|it| it.id).collect();
    let place = |it: &notice::Model| {
        it.organisation_id.and_then(|id| line.iter().position(|other| *other == id))
    };
    Ok(notice::Entity::find()
        .filter(within((notice::Entity, Column::OrganisationId), line.iter().copied()))
        .all(db)
        .await?
        .into_iter()
        .max_by_key(|it| (place(it), it.number)))
}

/// A version of the notice that holds or held for an activity: its own, its host's, or one of an organisation above.
pub async fn of_line(
    db: &impl ConnectionTrait,
    activity: &activity::Model,
    version: NoticeId,
) -> Result<Option<notice::Model>, Failure> {
    let found = find(db, version).await?;
    let line = line_of(db, activity.host_id).await?;
    let is_above = |id: OrganisationId| line.iter().any(|it| it.id == id);
    Ok(found.filter(|it| {
        it.activity_id == Some(activity.id) || it.organisation_id.is_some_and(is_above)
    }))
}

/// A notice by its version.
pub async fn find(
    db: &impl ConnectionTrait,
    version: NoticeId,
) -> Result<Option<notice::Model>, Failure> {
    Ok(notice::Entity::find_by_id(version).one(db).await?)
}
