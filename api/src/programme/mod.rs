//! The umbrellas of a year: a festival edition, a relay season, an academy year.

pub mod graphql;

use chrono::{DateTime, Utc};
use entity::{
    id::{OrganisationId, ProgrammeId},
    programme::{self, Column, Kind},
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    sea_query::{Expr, ExprTrait, Query},
};

use crate::{
    authz::{
        Permit, Reach, Scope,
        policy::{CreateProgramme, ViewProgramme},
    },
    db::begins_with,
    error::{Error, Failure},
    page::{Page, Slice},
    refusals,
};

refusals! {
    /// Why a programme was not made.
    CreateProgrammeErrorCode, CreateProgrammeUserError {
        /// A text that is needed is missing.
        Required = "不能为空", "must not be empty";
        /// A text is too long.
        TooLong = "不能超过{}个字符", "must not be longer than {} characters";
        /// The year is not one from 1949 to 2100.
        YearOutOfRange = "年份须在1949至2100之间", "the year must be from 1949 to 2100";
    }
}

/// What a programme is made from.
pub struct Draft {
    pub kind: Kind,
    pub title: String,
    pub year: i32,
}

/// Makes a programme owned by the permit's organisation.
pub async fn create(
    tx: &DatabaseTransaction,
    permit: &Permit<CreateProgramme>,
    draft: Draft,
    now: DateTime<Utc>,
) -> Result<programme::Model, Error<CreateProgrammeErrorCode>> {
    Ok(insert(tx, permit.on().id, draft, now).await?)
}

/// Keeps a new programme. For the command line, which asks nobody.
pub async fn insert(
    tx: &impl ConnectionTrait,
    owner: OrganisationId,
    draft: Draft,
    now: DateTime<Utc>,
) -> Result<programme::Model, Failure> {
    let row = programme::ActiveModel {
        id: Set(ProgrammeId::generate()),
        owner_id: Set(owner),
        kind: Set(draft.kind),
        title: Set(draft.title),
        year: Set(draft.year),
        created_at: Set(now),
    };
    Ok(row.insert(tx).await?)
}

/// The programmes in reach, newest first. Those of an organisation above are in reach too: it shares them.
pub async fn list(
    db: &impl ConnectionTrait,
    reach: &Reach<ViewProgramme>,
    kind: Option<Kind>,
    year: Option<i32>,
    slice: Slice<ProgrammeId>,
) -> Result<Page<programme::Model>, Failure> {
    let paths = (entity::organisation::Entity, entity::organisation::Column::Path);
    let owned_by = |condition| {
        let owners = Query::select()
            .column(entity::organisation::Column::Id)
            .from(entity::organisation::Entity)
            .and_where(condition)
            .to_owned();
        Column::OwnerId.in_subquery(owners)
    };
    let mut query = programme::Entity::find().filter(reach.condition(|_, scope| {
        match scope {
            Scope::Organisation(_, path) => {
                // The paths above it are its own beginnings.
                let above = path.match_indices('/').skip(1).map(|(at, _)| path[..at].to_owned());
                owned_by(begins_with(paths, path).or(Expr::col(paths).is_in(above)))
            }
            Scope::Programme(id) => Column::Id.eq(*id),
            Scope::Activity(id) => Column::Id.in_subquery(
                Query::select()
                    .column(entity::activity::Column::ProgrammeId)
                    .from(entity::activity::Entity)
                    .and_where(entity::activity::Column::Id.eq(*id))
                    .to_owned(),
            ),
        }
    }));
    let mut filter = Condition::all();
    if let Some(kind) = kind {
        filter = filter.add(Column::Kind.eq(kind));
    }
    if let Some(year) = year {
        filter = filter.add(Column::Year.eq(year));
    }
    query = query.filter(filter);
    let mut cursor = query.cursor_by(Column::Id);
    cursor.desc();
    slice.of(cursor, db).await
}
