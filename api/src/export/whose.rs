//! Whose data are in an export: put on record before the first byte of a file leaves, in 16 bytes a person.
//!
//! It is read beside the list and not from its lines, since a list need not say who is in it.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use entity::{
    certificate, export,
    export::Kind,
    export_people::{self, Column},
    id::{ExportId, PersonId},
    registration, scan,
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, EntityTrait, IntoActiveModel,
    PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    prelude::Uuid,
    sea_query::{Query, SelectStatement},
};

use super::{
    brief::Brief,
    kind::{
        credit_hours,
        people::{Whose, which},
    },
};
use crate::{app::App, db::at_most_by, digest::Sum, error::Failure};

/// How many people one row holds: a megabyte.
const TOGETHER: usize = 65_536;
/// How many exports of one person are looked for: the newest.
const MOST_EXPORTS: usize = 1000;

/// Selects the people who are in an export.
fn people(brief: &Brief) -> SelectStatement {
    let of = |all: Condition| {
        let mut select = registration::Entity::find().filter(all).select_only();
        QueryTrait::query(&mut select)
            .column((registration::Entity, registration::Column::PersonId))
            .to_owned()
    };
    let these = |ids: SelectStatement| {
        of(brief.registrations().add(registration::Column::Id.in_subquery(ids)))
    };
    match brief.export.kind {
        Kind::Registrations => of(which(brief, Whose::Everybody)),
        Kind::AttendanceList
        | Kind::AttendanceMatrix
        | Kind::SignInSheet
        | Kind::Badges
        | Kind::TableCards => of(which(brief, Whose::Seated)),
        Kind::ScanLog => these(
            Query::select()
                .column(scan::Column::RegistrationId)
                .from(scan::Entity)
                .and_where(
                    scan::Column::SessionId.is_in(brief.sessions.iter().map(|it| it.session.id)),
                )
                .and_where(scan::Column::RegistrationId.is_not_null())
                .to_owned(),
        ),
        Kind::Certificates => these(
            Query::select()
                .column(certificate::Column::RegistrationId)
                .from(certificate::Entity)
                .and_where(certificate::Column::ActivityId.eq(brief.export.activity_id))
                .to_owned(),
        ),
        Kind::CreditHours => credit_hours::entries(brief)
            .column((registration::Entity, registration::Column::PersonId))
            .to_owned(),
    }
}

/// Puts on record who is in an export whose file is about to be made.
pub async fn note(app: &App, brief: &Brief) -> Result<(), Failure> {
    let select = people(brief);
    let read = |row: &sea_orm::QueryResult| row.try_get_by_index::<Uuid>(0);
    let mut ids = at_most_by(app.db.read(), &select, usize::MAX >> 1, read).await?;
    ids.sort_unstable();
    ids.dedup();
    let mut sum = Sum::default();
    for id in &ids {
        sum.add(id.as_bytes());
    }
    let set_hash = sum.done();
    let same = export_people::Entity::find()
        .filter(Column::ExportId.eq(brief.export.id))
        .filter(Column::SetHash.eq(set_hash.clone()))
        .count(app.db.read())
        .await?;
    if same > 0 || ids.is_empty() {
        return Ok(());
    }
    app.db
        .transaction(async |tx| {
            for part in ids.chunks(TOGETHER) {
                let (Some(first), Some(last)) = (part.first(), part.last()) else { continue };
                let row = export_people::Model {
                    id: Uuid::now_v7(),
                    export_id: brief.export.id,
                    set_hash: set_hash.clone(),
                    made_at: brief.now,
                    first_id: PersonId(*first),
                    last_id: PersonId(*last),
                    ids: part.iter().flat_map(|it| *it.as_bytes()).collect(),
                };
                export_people::Entity::insert(row.into_active_model().reset_all())
                    .exec_without_returning(tx)
                    .await?;
            }
            Ok(())
        })
        .await
}

fn ids_of(row: &export_people::Model) -> impl Iterator<Item = PersonId> + '_ {
    row.ids.chunks_exact(16).filter_map(|it| Uuid::from_slice(it).ok().map(PersonId))
}

/// Everybody who was in an export, at any making of its file, in the order of their ids.
pub async fn all(db: &impl ConnectionTrait, id: ExportId) -> Result<Vec<PersonId>, Failure> {
    let rows = export_people::Entity::find().filter(Column::ExportId.eq(id)).all(db).await?;
    let all: BTreeSet<PersonId> = rows.iter().flat_map(ids_of).collect();
    Ok(all.into_iter().collect())
}

/// An export that somebody was in, and when its file was made with them.
pub struct Taken {
    pub export: export::Model,
    pub made_at: DateTime<Utc>,
}

/// The exports that somebody was in, the newest first.
pub async fn exports_of(db: &impl ConnectionTrait, id: PersonId) -> Result<Vec<Taken>, Failure> {
    // A row names the span of its ids, so that most are told without their bytes.
    let candidates: Vec<(Uuid, ExportId, DateTime<Utc>)> = export_people::Entity::find()
        .select_only()
        .columns([Column::Id, Column::ExportId, Column::MadeAt])
        .filter(Column::FirstId.lte(id))
        .filter(Column::LastId.gte(id))
        .order_by_desc(Column::Id)
        .into_tuple()
        .all(db)
        .await?;
    let mut taken: Vec<(ExportId, DateTime<Utc>)> = Vec::new();
    for (row, export, made_at) in candidates {
        let seen = taken.iter().any(|it| it.0 == export);
        if seen || taken.len() >= MOST_EXPORTS {
            continue;
        }
        let Some(row) = export_people::Entity::find_by_id(row).one(db).await? else { continue };
        if row.ids.chunks_exact(16).any(|it| it == id.0.as_bytes()) {
            taken.push((export, made_at));
        }
    }
    let found = export::Entity::find()
        .filter(crate::db::within(
            (export::Entity, export::Column::Id),
            taken.iter().map(|it| it.0),
        ))
        .all(db)
        .await?;
    let one = |(id, made_at): (ExportId, DateTime<Utc>)| {
        let export = found.iter().find(|it| it.id == id)?.clone();
        Some(Taken { export, made_at })
    };
    Ok(taken.into_iter().filter_map(one).collect())
}
