//! Who came in by themselves on which device. One device for two people is no reason to keep anybody out: it is marked, and
//! organisers look.

use std::collections::HashMap;

use async_graphql::dataloader::Loader;
use entity::{
    id::ScanId,
    self_scan::{self, Column, Entity},
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait,
    IntoActiveModel, QueryFilter,
    sea_query::{Alias, Expr, ExprTrait, Query, SimpleExpr},
};

use crate::{
    authz::{Permit, policy::ViewAttendance},
    db::{Db, within},
    error::Failure,
    page::{Page, Slice},
};

/// Somebody who came in by themselves, and what organisers should know of it.
#[derive(Clone)]
pub struct Seen {
    pub row: self_scan::Model,
    /// Somebody else came in at the session on the same device …
    pub shares_device: bool,
    /// … and even by the same claim: the code was scanned once for both.
    pub shares_claim: bool,
}

/// Keeps by which claim and on which device somebody came in.
pub async fn keep(tx: &DatabaseTransaction, row: self_scan::Model) -> Result<(), Failure> {
    Entity::insert(row.into_active_model().reset_all()).exec_without_returning(tx).await?;
    Ok(())
}

/// Those who came in at a session by themselves, the earliest first; all of them, or only those who share a device.
pub async fn list(
    db: &impl ConnectionTrait,
    permit: &Permit<ViewAttendance>,
    only_shared: bool,
    slice: Slice<ScanId>,
) -> Result<Page<Seen>, Failure> {
    let mut rows = Entity::find().filter(Column::SessionId.eq(permit.on().id));
    if only_shared {
        rows = rows.filter(shares_device());
    }
    let page = slice.of(rows.cursor_by(Column::ScanId), db).await?;
    let Page { rows, has_previous, has_next } = page;
    Ok(Page { rows: seen(db, rows).await?, has_previous, has_next })
}

/// That another registration came in at the same session on the same device.
fn shares_device() -> SimpleExpr {
    let other = Alias::new("other");
    let same = |column: Column| Expr::col((other.clone(), column)).eq(Expr::col((Entity, column)));
    let others = Query::select()
        .expr(Expr::val(1))
        .from_as(Entity, other.clone())
        .and_where(same(Column::SessionId))
        .and_where(same(Column::Device))
        .and_where(
            Expr::col((other.clone(), Column::RegistrationId))
                .ne(Expr::col((Entity, Column::RegistrationId))),
        )
        .to_owned();
    Expr::exists(others)
}

/// What the devices of some rows were used for besides.
async fn seen(
    db: &impl ConnectionTrait,
    rows: Vec<self_scan::Model>,
) -> Result<Vec<Seen>, Failure> {
    let all = Entity::find()
        .filter(within((Entity, Column::SessionId), rows.iter().map(|it| it.session_id)))
        .filter(within((Entity, Column::Device), rows.iter().map(|it| it.device.as_str())))
        .all(db)
        .await?;
    let seen = |row: self_scan::Model| {
        let shares = |same: &dyn Fn(&self_scan::Model) -> bool| {
            all.iter().any(|it| {
                it.session_id == row.session_id
                    && it.registration_id != row.registration_id
                    && same(it)
            })
        };
        let shares_device = shares(&|it| it.device == row.device);
        let shares_claim = shares(&|it| it.claim_id == row.claim_id);
        Seen { row, shares_device, shares_claim }
    };
    Ok(rows.into_iter().map(seen).collect())
}

/// Asks for what is known of a scan that somebody took by themselves.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct OfScan(pub ScanId);

impl Loader<OfScan> for Db {
    type Value = Seen;
    type Error = Failure;

    async fn load(&self, ids: &[OfScan]) -> Result<HashMap<OfScan, Seen>, Failure> {
        let rows = Entity::find()
            .filter(within((Entity, Column::ScanId), ids.iter().map(|it| it.0)))
            .all(self.read())
            .await?;
        let seen = seen(self.read(), rows).await?;
        Ok(seen.into_iter().map(|it| (OfScan(it.row.scan_id), it)).collect())
    }
}

/// Drops on which devices some scans were made.
pub async fn forget(tx: &DatabaseTransaction, scans: &[ScanId]) -> Result<(), Failure> {
    Entity::delete_many().filter(within(Column::ScanId, scans.iter().copied())).exec(tx).await?;
    Ok(())
}
