//! What is dropped from the audit log by age. An anchor keeps how far each chain was dropped, and the hash of the last
//! event that was, so that the rest is verified as before.

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    audit_anchor,
    audit_event::{self, Column},
    audit_head,
};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, sea_query::OnConflict,
};
use serde_json::json;
use uuid::Uuid;

use super::{
    Details, Event, Origin,
    chain::{CHAINS, Link, Seal},
};
use crate::{app::App, error::Failure};

/// The most that are dropped of a chain at once; the next hour drops more.
const MOST: i64 = 10_000;

/// Drops events that are older than the configuration says, each chain from its beginning, and puts that on record.
pub async fn purge(app: &App) -> Result<(), Failure> {
    let now = app.now();
    let before = now - TimeDelta::days(app.config.audit_days.into());
    let origin = Origin { at: now, request_id: Uuid::now_v7(), address: None, key: None };
    app.db
        .transaction(async |tx| {
            let mut details = Details::default();
            let mut count = 0;
            for chain in 0..CHAINS {
                if let Some((from, upto)) = drop_old(tx, app.db.seal(), chain, before, now).await? {
                    count += u64::try_from(upto - from).unwrap_or_default();
                    details.changes.insert(format!("chain{chain}"), (json!(from), json!(upto)));
                }
            }
            if count == 0 {
                return Ok(());
            }
            details.count = Some(count);
            let event = Event { details, ..Event::by_itself("PurgeAudit", ("auditEvent", None)) };
            super::leave(tx, app.db.seal(), &origin, event).await
        })
        .await
}

/// Drops the beginning of a chain: from behind which place, and up to which.
async fn drop_old(
    tx: &DatabaseTransaction,
    seal: &Seal,
    chain: i32,
    before: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Option<(i64, i64)>, Failure> {
    use audit_anchor::Column as Anchor;
    let anchor = audit_anchor::Entity::find_by_id(chain).one(tx).await?;
    let from = anchor.map_or(0, |it| it.place);
    // Events of a chain need not be in the order of their instants: nothing is dropped behind one that is kept.
    let first_kept: Option<i64> = audit_event::Entity::find()
        .select_only()
        .column(Column::Place)
        .filter(Column::Chain.eq(chain))
        .filter(Column::At.gte(before))
        .order_by_asc(Column::Place)
        .into_tuple()
        .one(tx)
        .await?;
    let end = match first_kept {
        Some(place) => place - 1,
        None => audit_head::Entity::find_by_id(chain).one(tx).await?.map_or(0, |it| it.place),
    };
    let last = audit_event::Entity::find()
        .filter(Column::Chain.eq(chain))
        .filter(Column::Place.eq(end.min(from + MOST)))
        .one(tx)
        .await?;
    let Some(audit_event::Model { place, hash: Some(hash), .. }) = last else { return Ok(None) };
    let link = Link { chain, place, hash };
    let row = audit_anchor::ActiveModel {
        chain: Set(chain),
        place: Set(place),
        seal: Set(seal.of("anchor", &link)),
        hash: Set(link.hash),
        at: Set(now),
    };
    let columns = [Anchor::Place, Anchor::Hash, Anchor::At, Anchor::Seal];
    audit_anchor::Entity::insert(row)
        .on_conflict(OnConflict::column(Anchor::Chain).update_columns(columns).to_owned())
        .exec_without_returning(tx)
        .await?;
    audit_event::Entity::delete_many()
        .filter(Column::Chain.eq(chain))
        .filter(Column::Place.lte(place))
        .exec(tx)
        .await?;
    Ok(Some((from, place)))
}
