//! The grants that somebody holds, and what they may do to them because they are theirs.

use chrono::{DateTime, Utc};
use entity::{
    account,
    id::{AccountId, GrantId},
    organisation, role_grant,
};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, JoinType, QueryFilter, QuerySelect, QueryTrait,
    RelationTrait,
    sea_query::{ExprTrait, SelectStatement},
};

use super::{
    Gate, Held, Permit, Scope,
    policy::{DelegateGrant, RevokeGrant},
};
use crate::{db::Reader, error::Failure};

impl Gate {
    /// The permit to delegate a grant of one's own that is in force. NOT_FOUND where it is another's.
    pub fn own_grant(&self, id: GrantId) -> Result<Permit<DelegateGrant>, Failure> {
        let who = self.who()?;
        let held = who.grants.iter().find(|it| it.row.id == id).ok_or(Failure::NotFound)?;
        Ok(Permit {
            actor: who.account.id,
            on: held.row.clone(),
            roles: vec![held.row.role],
            is_near: false,
        })
    }

    /// The permit to take back what one delegated oneself. NOT_FOUND where it is no such grant.
    pub async fn own_delegation(&self, id: GrantId) -> Result<Permit<RevokeGrant>, Failure> {
        let actor = self.who()?.account.id;
        let row = role_grant::Entity::find_by_id(id).one(self.db.read()).await?;
        let on = row
            .filter(|it| it.delegates_id.is_some() && it.created_by == Some(actor))
            .ok_or(Failure::NotFound)?;
        Ok(Permit { actor, roles: vec![on.role], on, is_near: false })
    }
}

/// The grants of an account that are in force at `now`: a delegated one as long as the one that it delegates is in force too,
/// and its holder's account in use.
pub async fn grants_of(
    db: &Reader,
    account: AccountId,
    now: DateTime<Utc>,
) -> Result<Vec<Held>, Failure> {
    let rows: Vec<(role_grant::Model, Option<organisation::Model>)> = role_grant::Entity::find()
        .filter(role_grant::Column::AccountId.eq(account))
        .filter(in_force(now))
        .filter(
            role_grant::Column::DelegatesId
                .is_null()
                .or(role_grant::Column::DelegatesId.in_subquery(delegable(now))),
        )
        .join(JoinType::LeftJoin, role_grant::Relation::Organisation.def())
        .select_also(organisation::Entity)
        .all(db)
        .await?;
    rows.into_iter()
        .map(|(row, organisation)| {
            let scope = match (organisation, row.programme_id, row.activity_id) {
                (Some(it), _, _) => Scope::Organisation(it.id, it.path),
                (None, Some(id), _) => Scope::Programme(id),
                (None, None, Some(id)) => Scope::Activity(id),
                (None, None, None) => return Err(Failure::internal("a grant without a scope")),
            };
            Ok(Held { row, scope })
        })
        .collect()
}

fn in_force(now: DateTime<Utc>) -> Condition {
    use role_grant::Column;
    Condition::all()
        .add(Column::RevokedAt.is_null())
        .add(Column::StartsAt.is_null().or(Column::StartsAt.lte(now)))
        .add(Column::ExpiresAt.is_null().or(Column::ExpiresAt.gt(now)))
}

/// The grants by which others may act, where their holders let them.
fn delegable(now: DateTime<Utc>) -> SelectStatement {
    let in_use = account::Entity::find()
        .select_only()
        .column(account::Column::Id)
        .filter(account::Column::DisabledAt.is_null());
    role_grant::Entity::find()
        .select_only()
        .column(role_grant::Column::Id)
        .filter(in_force(now))
        .filter(role_grant::Column::AccountId.in_subquery(in_use.into_query()))
        .into_query()
}
