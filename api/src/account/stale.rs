//! Accounts that nobody used for long are found, and taken out of use.

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    account::{self, Column},
    id::{AccountId, Id},
    refresh_token, sign_in,
};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait,
    sea_query::{Expr, ExprTrait},
};
use uuid::Uuid;

use super::end_sign_ins;
use crate::{
    app::App,
    audit::{self, Event, Origin},
    db::within,
    error::Failure,
    live::Notice,
};

/// The most that are taken out of use at once; the next hour does the rest.
const MOST: u64 = 200;

/// That nobody signed in with an account or stayed signed in since, and that it was not made or taken into use again since.
#[must_use]
pub fn unused_since(since: DateTime<Utc>) -> Condition {
    let stayed = refresh_token::Entity::find()
        .select_only()
        .column(refresh_token::Column::SignInId)
        .filter(refresh_token::Column::UsedAt.gte(since));
    let used = sign_in::Entity::find().select_only().column(sign_in::Column::AccountId).filter(
        Condition::any()
            .add(sign_in::Column::CreatedAt.gte(since))
            .add(sign_in::Column::Id.in_subquery(stayed.into_query())),
    );
    Condition::all()
        .add(Column::CreatedAt.lt(since))
        .add(Column::EnabledAt.is_null().or(Column::EnabledAt.lt(since)))
        .add(Column::Id.not_in_subquery(used.into_query()))
}

/// When accounts were last signed in with, of those that ever were.
pub async fn last_sign_ins(
    db: &impl ConnectionTrait,
    accounts: impl IntoIterator<Item = AccountId>,
) -> Result<Vec<(AccountId, DateTime<Utc>)>, Failure> {
    use sign_in::Column;
    Ok(sign_in::Entity::find()
        .select_only()
        .column(Column::AccountId)
        .column_as(Column::CreatedAt.max(), "last")
        .filter(within((sign_in::Entity, Column::AccountId), accounts))
        .group_by(Column::AccountId)
        .into_tuple()
        .all(db)
        .await?)
}

/// Takes accounts out of use that nobody used for as many days as the configuration says, each with an audit event.
pub async fn disable_stale(app: &App) -> Result<(), Failure> {
    let days = app.config.stale_days;
    if days == 0 {
        return Ok(());
    }
    let now = app.now();
    let origin = Origin { at: now, request_id: Uuid::now_v7(), address: None, key: None };
    let disabled = app
        .db
        .transaction(async |tx| {
            let stale = account::Entity::find()
                .filter(Column::DisabledAt.is_null())
                .filter(unused_since(now - TimeDelta::days(days.into())))
                .order_by_asc(Column::Id)
                .limit(MOST)
                .all(tx)
                .await?;
            for it in &stale {
                end_sign_ins(tx, it.id, None, now).await?;
            }
            account::Entity::update_many()
                .col_expr(Column::DisabledAt, Expr::value(now))
                .filter(Column::Id.is_in(stale.iter().map(|it| it.id)))
                .exec(tx)
                .await?;
            let reason = format!("{days}天未登录");
            for it in &stale {
                let event = Event {
                    reason: Some(&reason),
                    ..Event::by_itself("DisableStaleAccount", (AccountId::PREFIX, Some(it.id.0)))
                };
                audit::leave(tx, app.db.seal(), &origin, event).await?;
            }
            Ok::<_, Failure>(stale.len())
        })
        .await?;
    if disabled > 0 {
        tracing::info!("{disabled} accounts were not used for {days} days and are out of use now");
        app.live.tell(Notice::Access(None));
    }
    Ok(())
}
