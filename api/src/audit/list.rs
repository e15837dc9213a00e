//! The audit log as it is read: newest first, by those who may see whose acts.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use entity::{
    account,
    audit_event::{self, Column, Outcome},
    id::{AccountId, AuditEventId},
    organisation,
};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter,
    sea_query::{Expr, ExprTrait, Query, SimpleExpr},
};
use uuid::Uuid;

use crate::{
    authz::{Reach, Scope, policy::ViewAuditEvent},
    db::begins_with,
    error::Failure,
    page::{Page, Slice},
};

/// What a list is narrowed to.
#[derive(Default)]
pub struct Filter {
    pub account: Option<AccountId>,
    pub actions: Option<Vec<String>>,
    /// What it was done to, or what came of it.
    pub thing: Option<Uuid>,
    pub outcome: Option<Outcome>,
    pub address: Option<IpAddr>,
    pub request: Option<Uuid>,
    pub from: Option<DateTime<Utc>>,
    pub until: Option<DateTime<Utc>>,
}

impl Filter {
    pub(super) fn condition(self) -> Condition {
        let thing = |it: Uuid| Column::SubjectId.eq(it).or(Column::ResultId.eq(it));
        Condition::all()
            .add_option(self.account.map(|it| Column::AccountId.eq(it)))
            .add_option(self.actions.map(|it| Column::Action.is_in(it)))
            .add_option(self.thing.map(thing))
            .add_option(self.outcome.map(|it| Column::Outcome.eq(it)))
            .add_option(self.address.map(|it| Column::Address.eq(it.to_string())))
            .add_option(self.request.map(|it| Column::RequestId.eq(it)))
            .add_option(self.from.map(|it| Column::At.gte(it)))
            .add_option(self.until.map(|it| Column::At.lt(it)))
    }
}

/// The acts of accounts that organisations below a path look after, and what is done to these. Those of nobody with an
/// account belong to the root.
fn below(path: &str) -> SimpleExpr {
    let accounts = Query::select()
        .column((account::Entity, account::Column::Id))
        .from(account::Entity)
        .inner_join(
            organisation::Entity,
            Expr::col((account::Entity, account::Column::HomeId))
                .equals((organisation::Entity, organisation::Column::Id)),
        )
        .and_where(begins_with((organisation::Entity, organisation::Column::Path), path))
        .to_owned();
    // An id is of one thing, so a subject that is among them is an account.
    Column::AccountId.in_subquery(accounts.clone()).or(Column::SubjectId.in_subquery(accounts))
}

/// The events of an organisation: of the root all of them.
pub(super) fn of_organisation(is_root: bool, path: &str) -> SimpleExpr {
    if is_root { Expr::val(1).eq(1) } else { below(path) }
}

/// Whether all of the log is in reach.
pub async fn is_whole(
    db: &impl ConnectionTrait,
    reach: &Reach<ViewAuditEvent>,
) -> Result<bool, Failure> {
    let root = organisation::Entity::find()
        .filter(organisation::Column::ParentId.is_null())
        .one(db)
        .await?
        .ok_or(Failure::NotFound)?;
    Ok(reach.paths().contains(&root.path))
}

/// The events in reach, newest first.
pub async fn list(
    db: &impl ConnectionTrait,
    reach: &Reach<ViewAuditEvent>,
    filter: Filter,
    slice: Slice<AuditEventId>,
) -> Result<Page<audit_event::Model>, Failure> {
    let root = organisation::Entity::find()
        .filter(organisation::Column::ParentId.is_null())
        .one(db)
        .await?
        .ok_or(Failure::NotFound)?;
    let scope = reach.condition(|_, scope| match scope {
        Scope::Organisation(id, path) => of_organisation(*id == root.id, path),
        Scope::Programme(_) | Scope::Activity(_) => Expr::val(1).eq(0),
    });
    let all = Condition::all().add(scope).add(filter.condition());
    let mut cursor = audit_event::Entity::find().filter(all).cursor_by(Column::Id);
    cursor.desc();
    slice.of(cursor, db).await
}
