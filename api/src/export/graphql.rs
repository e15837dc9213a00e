//! Exports as GraphQL shows them.

use async_graphql::{Context, Enum, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use entity::{
    export,
    id::{ActivityId, ExportId},
};

use super::{CreateExportErrorCode, CreateExportUserError};
use crate::{
    activity::graphql::Activity,
    authz::policy::{CreateExport, ViewExport},
    graphql::{Gid, Viewer, settle},
    text::Check,
    write::Note,
};

/// What kind of file.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "export::Format")]
pub enum ExportFormat {
    /// A workbook, a sheet per session.
    Xlsx,
    /// UTF-8 with a byte order mark and CRLF; a line per person and session.
    Csv,
}

/// In what order the people stand.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "export::Sort")]
pub enum ExportSort {
    /// As the lists had them that were imported.
    List,
    /// By pinyin, surnames read right.
    Pinyin,
    /// By stroke count of the name (按姓氏笔画).
    Strokes,
}

pub struct Export(pub export::Model);

/// A list that was taken out, and why.
#[Object]
impl Export {
    /// Opaque; unique among all things.
    pub async fn id(&self) -> Gid<ExportId> {
        Gid(self.0.id)
    }

    /// What kind of file.
    async fn format(&self) -> ExportFormat {
        self.0.format.into()
    }

    /// In what order the people stand.
    async fn sort(&self) -> ExportSort {
        self.0.sort.into()
    }

    /// What it is for, as it was said.
    async fn purpose(&self) -> &str {
        &self.0.purpose
    }

    /// Where the file is, relative to the server: works without a header until `expiresAt`, for as long as whoever
    /// made it may export. Null for others, and afterwards.
    async fn url(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        let viewer = Viewer::of(ctx);
        if viewer.gate.who()?.account.id != self.0.account_id || self.0.expires_at <= viewer.now {
            return Ok(None);
        }
        let token = viewer.app.keys.export(self.0.id, self.0.expires_at)?;
        Ok(Some(format!("/exports/{}?token={token}", Gid(self.0.id))))
    }

    /// One hour after it was made.
    async fn expires_at(&self) -> DateTime<Utc> {
        self.0.expires_at
    }

    /// When it was asked for.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// Whose people are in it.
    async fn activity(&self, ctx: &Context<'_>) -> Result<Activity> {
        Ok(Activity::from(Viewer::of(ctx).row(self.0.activity_id).await?))
    }
}

/// What `createExport` takes.
#[derive(InputObject)]
pub struct CreateExportInput {
    /// Of which activity.
    activity_id: Gid<ActivityId>,
    /// What kind of file.
    format: ExportFormat,
    /// The order of the people; that of the list if not given.
    sort: Option<ExportSort>,
    /// What it is for; at most 200 characters. It is put on record.
    purpose: String,
    /// The same key with the same input gives the first answer.
    idempotency_key: Option<String>,
}

/// What `createExport` gives.
#[derive(SimpleObject)]
pub struct CreateExportPayload {
    /// What was made or changed; null where it was refused.
    export: Option<Export>,
    /// Why it was refused, all reasons at once; empty where it was done.
    user_errors: Vec<CreateExportUserError>,
}

#[derive(Default)]
pub struct ExportMutation;

#[Object]
impl ExportMutation {
    /// Takes out who holds a seat and who came, session by session. For ORG_ADMIN and ORGANISER.
    async fn create_export(
        &self,
        ctx: &Context<'_>,
        input: CreateExportInput,
    ) -> Result<CreateExportPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<CreateExport>(input.activity_id.0).await?;
        let mut check = Check::new(CreateExportErrorCode::TooLong);
        let purpose = check.required(
            &input.purpose,
            200,
            &["purpose"],
            CreateExportErrorCode::PurposeMissing,
        );
        let note = Note::keyed(input.idempotency_key.clone(), &input).because(Some(&purpose));
        let format = input.format.into();
        let sort = input.sort.map_or(export::Sort::List, Into::into);
        let done = viewer
            .write(&permit, note, async |tx| {
                check.done()?;
                super::create(tx, &permit, format, sort, purpose, viewer.now).await
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        Ok(CreateExportPayload { export: row.map(Export), user_errors })
    }
}

#[derive(Default)]
pub struct ExportQuery;

#[Object]
impl ExportQuery {
    /// One export. For ORG_ADMIN and ORGANISER of its activity.
    async fn export(&self, ctx: &Context<'_>, id: Gid<ExportId>) -> Result<Option<Export>> {
        Ok(Some(Export(Viewer::of(ctx).gate.permit::<ViewExport>(id.0).await?.into_row())))
    }
}
