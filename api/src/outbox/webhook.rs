//! Who listens: web-hooks of organisations.

use chrono::{DateTime, Utc};
use entity::{
    hook_event,
    id::{HookEventId, WebhookId},
    message::Occasion,
    webhook::{self, Column, Occasions},
};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction,
    EntityTrait, PaginatorTrait, QueryFilter, QuerySelect, sea_query::Expr,
};

use crate::{
    authn,
    authz::{
        Permit,
        policy::{CreateWebhook, DisableWebhook, ViewWebhook, ViewWebhooks},
    },
    error::{Error, Failure, Refusal},
    page::{Page, Slice},
    refusals,
};

refusals! {
    /// Why a web-hook was not made.
    CreateWebhookErrorCode, CreateWebhookUserError {
        /// It is no address that may be called.
        UrlUnfit = "须为https地址，且不在内部网络", "must be an https address, and outside of private networks";
        /// No occasion is named.
        OccasionMissing = "请至少选择一种通知", "name at least one occasion";
        /// The organisation has 10 already.
        TooMany = "每个组织最多{}个", "an organisation has at most {}";
        /// A text is too long.
        TooLong = "不能超过{}个字符", "must not be longer than {} characters";
    }
}

refusals! {
    /// Why a web-hook was not disabled.
    DisableWebhookErrorCode, DisableWebhookUserError {
        /// It is disabled already.
        AlreadyDisabled = "已停用", "it is disabled already";
    }
}

/// How many web-hooks an organisation has in use at most.
const MOST: u64 = 10;

/// Makes a web-hook of an organisation. The caller has looked at the address.
pub async fn create(
    tx: &DatabaseTransaction,
    permit: &Permit<CreateWebhook>,
    url: String,
    mut occasions: Vec<Occasion>,
    now: DateTime<Utc>,
) -> Result<webhook::Model, Error<CreateWebhookErrorCode>> {
    let there = webhook::Entity::find()
        .filter(Column::OrganisationId.eq(permit.on().id))
        .filter(Column::DisabledAt.is_null())
        .count(tx)
        .await?;
    if there >= MOST {
        return Err(CreateWebhookErrorCode::TooMany.at(["organisationId"]).about(MOST).into());
    }
    occasions.sort_unstable();
    occasions.dedup();
    let row = webhook::ActiveModel {
        id: Set(WebhookId::generate()),
        organisation_id: Set(permit.on().id),
        url: Set(url),
        secret: Set(authn::secret()?),
        occasions: Set(Occasions(occasions)),
        sequence: Set(0),
        failures: Set(0),
        due_at: Set(now),
        created_at: Set(now),
        disabled_at: Set(None),
    };
    Ok(row.insert(tx).await?)
}

/// Takes a web-hook out of use: it is told nothing more, and what it was not told yet is given up.
pub async fn disable(
    tx: &DatabaseTransaction,
    permit: &Permit<DisableWebhook>,
    now: DateTime<Utc>,
) -> Result<webhook::Model, Error<DisableWebhookErrorCode>> {
    let row = webhook::Entity::find_by_id(permit.on().id)
        .lock_exclusive()
        .one(tx)
        .await?
        .ok_or(Failure::NotFound)?;
    if row.disabled_at.is_some() {
        return Err(DisableWebhookErrorCode::AlreadyDisabled.at(["webhookId"]).into());
    }
    hook_event::Entity::update_many()
        .col_expr(hook_event::Column::State, Expr::value("FAILED"))
        .col_expr(hook_event::Column::LastError, Expr::value("DISABLED"))
        .col_expr(hook_event::Column::FinishedAt, Expr::value(now))
        .filter(hook_event::Column::WebhookId.eq(row.id))
        .filter(Expr::cust("state = 'QUEUED'"))
        .exec(tx)
        .await?;
    let mut row: webhook::ActiveModel = row.into();
    row.disabled_at = Set(Some(now));
    Ok(row.update(tx).await?)
}

/// The web-hooks of the permit's organisation, newest first.
pub async fn list(
    db: &impl ConnectionTrait,
    permit: &Permit<ViewWebhooks>,
    slice: Slice<WebhookId>,
) -> Result<Page<webhook::Model>, Failure> {
    let mut cursor = webhook::Entity::find()
        .filter(Column::OrganisationId.eq(permit.on().id))
        .cursor_by(Column::Id);
    cursor.desc();
    slice.of(cursor, db).await
}

/// The events of a web-hook, newest first.
pub async fn events(
    db: &impl ConnectionTrait,
    permit: &Permit<ViewWebhook>,
    slice: Slice<HookEventId>,
) -> Result<Page<hook_event::Model>, Failure> {
    let mut cursor = hook_event::Entity::find()
        .filter(hook_event::Column::WebhookId.eq(permit.on().id))
        .cursor_by(hook_event::Column::Id);
    cursor.desc();
    slice.of(cursor, db).await
}

/// An event on record.
pub async fn event(
    db: &impl ConnectionTrait,
    id: HookEventId,
) -> Result<hook_event::Model, Failure> {
    hook_event::Entity::find_by_id(id).one(db).await?.ok_or(Failure::NotFound)
}
