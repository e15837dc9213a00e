//! Columns on offer, and those that were given a name.

use async_graphql::{Object, SimpleObject};
use chrono::{DateTime, Utc};
use entity::{export_view, id::ExportViewId};

use super::{ExportKind, ExportSort};
use crate::graphql::Gid;

/// A column that a kind of list offers.
#[derive(SimpleObject)]
pub struct ExportColumn {
    /// What it is asked for by; `answer:` and the key of a question, or `session:` and the id of one.
    pub(super) key: String,
    /// Its heading.
    pub(super) title: String,
    /// Whether it is there where no columns are asked for.
    pub(super) is_usual: bool,
}

pub struct ExportView(pub export_view::Model);

/// Columns of a kind of list that were given a name (视图), for all activities of an organisation. A column that an
/// activity does not have is left out there.
#[Object]
impl ExportView {
    /// Opaque; unique among all things.
    pub async fn id(&self) -> Gid<ExportViewId> {
        Gid(self.0.id)
    }

    /// Unique for a kind of list of the organisation.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Of what kind of list.
    async fn kind(&self) -> ExportKind {
        self.0.kind.into()
    }

    /// The keys of the columns, in their order.
    async fn columns(&self) -> &[String] {
        &self.0.columns.0
    }

    /// In what order the people stand, unless the export says otherwise.
    async fn sort(&self) -> ExportSort {
        self.0.sort.into()
    }

    /// When it was saved.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }
}
