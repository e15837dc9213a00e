//! Taking the audit log out.

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};
use entity::id::OrganisationId;

use super::AuditFilter;
use crate::{
    audit::take_out::{self, AuditExportErrorCode, AuditExportUserError, MOST},
    authz::policy::ExportAuditLog,
    graphql::{Gid, Viewer, settle},
    text::Check,
    write::Note,
};

/// What `exportAuditLog` takes.
#[derive(InputObject)]
pub struct ExportAuditLogInput {
    /// Whose log: of the root organisation all of it; of another the acts of the accounts that it and those below it look
    /// after, and what is done to these.
    organisation_id: Gid<OrganisationId>,
    /// Narrows it as it narrows `auditEvents`.
    filter: Option<AuditFilter>,
    /// What it is for; at most 200 characters. It is put on record.
    purpose: String,
}

/// A file with audit events.
#[derive(SimpleObject)]
pub struct AuditFile {
    /// What it may be called when it is saved.
    name: String,
    /// CSV in UTF-8 with a byte order mark, newest first; times are those of Asia/Shanghai.
    content: String,
    /// How many events are in it.
    count: i32,
}

/// What `exportAuditLog` gives.
#[derive(SimpleObject)]
pub struct ExportAuditLogPayload {
    /// The file; null where it was refused.
    file: Option<AuditFile>,
    /// Why it was refused, all reasons at once; empty where it was done.
    user_errors: Vec<AuditExportUserError>,
}

#[derive(Default)]
pub struct AuditMutation;

#[Object]
impl AuditMutation {
    /// Takes events of the audit log out, at most 10,000 at once, and puts that on the log with what it is for. For AUDITOR.
    async fn export_audit_log(
        &self,
        ctx: &Context<'_>,
        input: ExportAuditLogInput,
    ) -> Result<ExportAuditLogPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<ExportAuditLog>(input.organisation_id.0).await?;
        let filter = input.filter.unwrap_or_default().read()?;
        let mut check = Check::new(AuditExportErrorCode::TooLong);
        let missing = AuditExportErrorCode::PurposeMissing;
        let purpose = check.required(&input.purpose, 200, &["purpose"], missing);
        let done = match check.done() {
            Ok(()) => take_out::take_out(viewer.db.read(), &permit, filter, viewer.now).await,
            Err(refused) => Err(refused),
        };
        if let Ok(file) = &done {
            let note = Note::default().because(Some(&purpose)).counting(file.count);
            viewer.leave_note(&permit, note).await?;
        }
        let (file, user_errors) = settle(done, viewer.lang)?;
        let file = file.map(|it| AuditFile {
            name: it.name,
            content: it.content,
            count: i32::try_from(it.count.min(MOST)).unwrap_or(i32::MAX),
        });
        Ok(ExportAuditLogPayload { file, user_errors })
    }
}
