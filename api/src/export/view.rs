//! Columns that were given a name (视图). They belong to the organisation that holds the activity they were chosen for, and
//! serve all its activities: a column that an activity does not have is left out there.

use chrono::{DateTime, Utc};
use entity::{
    export::{Keys, Kind, Sort},
    export_view::{self, Column},
    id::{ExportViewId, OrganisationId},
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
};

use super::{Fault, check_columns, columns, kind};
use crate::{
    authz::{
        Permit,
        policy::{CreateExport, RemoveExportView, SaveExportView},
    },
    db::is_duplicate,
    error::{Error, Failure, Refusal, Refused},
    page::{Page, Slice},
    refusals,
};

refusals! {
    /// Why a view was not saved or removed.
    ExportViewErrorCode, ExportViewUserError {
        /// The name is missing, or there is no column.
        Required = "不能为空", "must not be empty";
        /// A text is too long.
        TooLong = "不能超过{}个字符", "must not be longer than {} characters";
        /// This kind of list has no such column for this activity.
        ColumnUnknown = "没有列“{}”", "there is no column “{}”";
        /// A column is named twice.
        ColumnTwice = "列“{}”重复", "the column “{}” is there twice";
        /// The organisation has a view of this name for this kind of list.
        NameTaken = "已有同名视图", "there is a view of this name";
    }
}

/// What a view is made from.
pub struct Draft {
    pub kind: Kind,
    pub name: String,
    pub sort: Sort,
    pub columns: Vec<String>,
}

/// Keeps a view for the permit's activity and all others of its host.
pub async fn save(
    tx: &DatabaseTransaction,
    permit: &Permit<SaveExportView>,
    draft: Draft,
    now: DateTime<Utc>,
) -> Result<export_view::Model, Error<ExportViewErrorCode>> {
    let offered = columns(tx, permit, draft.kind, now).await?;
    check_columns(&draft.columns, &offered)
        .map_err(|faults| Error::Refused(faults.into_iter().map(refused).collect()))?;
    let row = export_view::Model {
        id: ExportViewId::generate(),
        organisation_id: permit.on().host_id,
        activity_id: permit.on().id,
        account_id: permit.actor(),
        kind: draft.kind,
        name: draft.name,
        sort: draft.sort,
        columns: Keys(draft.columns),
        created_at: now,
    };
    export_view::Entity::insert(export_view::ActiveModel::from(row.clone()).reset_all())
        .exec_without_returning(tx)
        .await
        .map_err(|error| -> Error<ExportViewErrorCode> {
            if is_duplicate(&error) {
                ExportViewErrorCode::NameTaken.at(["name"]).into()
            } else {
                error.into()
            }
        })?;
    Ok(row)
}

fn refused(fault: Fault) -> Refused<ExportViewErrorCode> {
    let (code, at, key) = match fault {
        Fault::Unknown(at, key) => (ExportViewErrorCode::ColumnUnknown, at, key),
        Fault::Twice(at, key) => (ExportViewErrorCode::ColumnTwice, at, key),
    };
    code.at(["columns".to_owned(), at.to_string()]).about(key)
}

/// Removes a view. What was taken out by it stays as it was.
pub async fn remove(
    tx: &DatabaseTransaction,
    permit: &Permit<RemoveExportView>,
) -> Result<export_view::Model, Failure> {
    let done = export_view::Entity::delete_by_id(permit.on().id).exec(tx).await?;
    if done.rows_affected == 0 { Err(Failure::NotFound) } else { Ok(permit.on().clone()) }
}

/// The views of the host of the permit's activity, in the order in which they were saved.
pub async fn list(
    db: &impl ConnectionTrait,
    permit: &Permit<CreateExport>,
    kind: Option<Kind>,
    slice: Slice<ExportViewId>,
) -> Result<Page<export_view::Model>, Failure> {
    let mut query =
        export_view::Entity::find().filter(Column::OrganisationId.eq(permit.on().host_id));
    if let Some(kind) = kind {
        query = query.filter(Column::Kind.eq(kind));
    }
    slice.of(query.cursor_by(Column::Id), db).await
}

/// A view of a host as it can be used: with those of its columns that are on offer there, if there are any.
pub(super) async fn usable(
    db: &impl ConnectionTrait,
    host: OrganisationId,
    kind: Kind,
    id: ExportViewId,
    offered: &[kind::Offer],
) -> Result<Option<export_view::Model>, Failure> {
    let found = export_view::Entity::find_by_id(id)
        .filter(Column::OrganisationId.eq(host))
        .filter(Column::Kind.eq(kind))
        .one(db)
        .await?;
    let Some(mut view) = found else { return Ok(None) };
    view.columns.0.retain(|key| offered.iter().any(|it| it.key == *key));
    Ok(Some(view).filter(|it| !it.columns.0.is_empty()))
}
