//! The one tree of organisations. A subtree is the paths that begin with its root's path.

pub mod graphql;
pub mod participation;

use chrono::{DateTime, Utc};
use entity::{
    id::{Id, OrganisationId},
    organisation::{self, Column, Kind},
};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction,
    EntityTrait, QueryFilter,
};

use crate::{
    authz::{
        Permit, Reach, Scope,
        policy::{CreateOrganisation, UpdateOrganisation, ViewOrganisation},
    },
    db::{CHUNK, begins_with, is_duplicate, within},
    error::{Error, Failure, Refusal},
    page::{Page, Slice},
    refusals,
};

/// Wenzhou's districts by GB/T 2260, as `demo` loads them: code and name.
pub const WENZHOU: &[(&str, &str)] = &[
    ("330302", "鹿城区"),
    ("330303", "龙湾区"),
    ("330304", "瓯海区"),
    ("330305", "洞头区"),
    ("330324", "永嘉县"),
    ("330326", "平阳县"),
    ("330327", "苍南县"),
    ("330328", "文成县"),
    ("330329", "泰顺县"),
    ("330381", "瑞安市"),
    ("330382", "乐清市"),
    ("330383", "龙港市"),
];

refusals! {
    /// Why an organisation was not made or changed.
    OrganisationErrorCode, OrganisationUserError {
        /// A text that is needed is missing.
        Required = "不能为空", "must not be empty";
        /// A text is too long.
        TooLong = "不能超过{}个字符", "must not be longer than {} characters";
        /// Another organisation under the same one has this name.
        NameTaken = "上级组织下已有同名组织", "there is an organisation of this name under the same one";
    }
}

/// What an organisation is made from.
pub struct Draft {
    pub kind: Kind,
    pub name: String,
    pub code: Option<String>,
}

/// The path of a node below `parent`.
#[must_use]
pub fn path_below(parent: &str, id: OrganisationId) -> String {
    format!("{parent}/{}", id.uuid().simple())
}

/// Makes an organisation below the permit's.
pub async fn create(
    tx: &DatabaseTransaction,
    permit: &Permit<CreateOrganisation>,
    draft: Draft,
    now: DateTime<Utc>,
) -> Result<organisation::Model, Error<OrganisationErrorCode>> {
    let id = OrganisationId::generate();
    let row = organisation::ActiveModel {
        id: Set(id),
        parent_id: Set(Some(permit.on().id)),
        kind: Set(draft.kind),
        name: Set(draft.name),
        code: Set(draft.code),
        path: Set(path_below(&permit.on().path, id)),
        created_at: Set(now),
    };
    row.insert(tx).await.map_err(name_taken)
}

/// Keeps organisations below another. For the command line, which asks nobody.
pub async fn insert_all(
    tx: &DatabaseTransaction,
    parent: &organisation::Model,
    drafts: Vec<Draft>,
    now: DateTime<Utc>,
) -> Result<Vec<organisation::Model>, Failure> {
    let rows: Vec<organisation::Model> = drafts
        .into_iter()
        .map(|draft| {
            let id = OrganisationId::generate();
            organisation::Model {
                id,
                parent_id: Some(parent.id),
                kind: draft.kind,
                name: draft.name,
                code: draft.code,
                path: path_below(&parent.path, id),
                created_at: now,
            }
        })
        .collect();
    for chunk in rows.chunks(CHUNK) {
        let chunk =
            chunk.iter().map(|row| organisation::ActiveModel::from(row.clone()).reset_all());
        organisation::Entity::insert_many(chunk).exec_without_returning(tx).await?;
    }
    Ok(rows)
}

/// Changes what is given, and leaves the rest.
pub async fn update(
    tx: &DatabaseTransaction,
    permit: &Permit<UpdateOrganisation>,
    kind: Option<Kind>,
    name: Option<String>,
    code: Option<String>,
) -> Result<organisation::Model, Error<OrganisationErrorCode>> {
    let mut row: organisation::ActiveModel = permit.on().clone().into();
    if let Some(kind) = kind {
        row.kind = Set(kind);
    }
    if let Some(name) = name {
        row.name = Set(name);
    }
    if let Some(code) = code {
        row.code = Set(Some(code));
    }
    row.update(tx).await.map_err(name_taken)
}

fn name_taken(error: sea_orm::DbErr) -> Error<OrganisationErrorCode> {
    if is_duplicate(&error) {
        OrganisationErrorCode::NameTaken.at(["name"]).into()
    } else {
        error.into()
    }
}

/// One organisation.
pub async fn find(
    db: &impl ConnectionTrait,
    id: OrganisationId,
) -> Result<organisation::Model, Failure> {
    organisation::Entity::find_by_id(id).one(db).await?.ok_or(Failure::NotFound)
}

/// The root.
pub async fn root(db: &impl ConnectionTrait) -> Result<organisation::Model, Failure> {
    let found = organisation::Entity::find().filter(Column::ParentId.is_null()).one(db).await?;
    found.ok_or(Failure::NotFound)
}

/// The root, made if there is none.
pub async fn ensure_root(
    db: &impl ConnectionTrait,
    name: &str,
    now: DateTime<Utc>,
) -> Result<organisation::Model, Failure> {
    if let Some(root) =
        organisation::Entity::find().filter(Column::ParentId.is_null()).one(db).await?
    {
        return Ok(root);
    }
    let id = OrganisationId::generate();
    let root = organisation::ActiveModel {
        id: Set(id),
        parent_id: Set(None),
        kind: Set(Kind::Federation),
        name: Set(name.to_owned()),
        code: Set(None),
        path: Set(path_below("", id)),
        created_at: Set(now),
    };
    Ok(root.insert(db).await?)
}

/// The organisations in reach whose name begins with `name`, or all, in the order in which they were made.
pub async fn list(
    db: &impl ConnectionTrait,
    reach: &Reach<ViewOrganisation>,
    parent: Option<OrganisationId>,
    name: Option<&str>,
    slice: Slice<OrganisationId>,
) -> Result<Page<organisation::Model>, Failure> {
    let mut query = organisation::Entity::find().filter(reach.condition(|_, scope| match scope {
        Scope::Organisation(_, path) => begins_with((organisation::Entity, Column::Path), path),
        // A programme or an activity is no reason to see organisations.
        Scope::Programme(_) | Scope::Activity(_) => Column::Id.is_null(),
    }));
    if let Some(parent) = parent {
        query = query.filter(Column::ParentId.eq(parent));
    }
    if let Some(name) = name {
        query = query.filter(begins_with((organisation::Entity, Column::Name), name));
    }
    slice.of(query.cursor_by(Column::Id), db).await
}

/// An organisation and all above it, from the root down.
pub async fn line_of(
    db: &impl ConnectionTrait,
    id: OrganisationId,
) -> Result<Vec<organisation::Model>, Failure> {
    let it = find(db, id).await?;
    let above = ids_of(&it.path).filter(|above| *above != id);
    let mut line = organisation::Entity::find()
        .filter(within((organisation::Entity, Column::Id), above))
        .all(db)
        .await?;
    line.push(it);
    line.sort_by_key(|it| it.path.len());
    Ok(line)
}

/// The organisations that a path leads through, from the root down.
pub fn ids_of(path: &str) -> impl Iterator<Item = OrganisationId> + '_ {
    path.split('/').filter_map(|it| uuid::Uuid::try_parse(it).ok().map(OrganisationId))
}
