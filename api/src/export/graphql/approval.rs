//! Approving what somebody else takes out.

use async_graphql::{Context, InputObject, Object, Result, connection::Connection};
use entity::{
    export,
    id::{ActivityId, ExportId, OrganisationId},
};

use super::Export;
use crate::{
    authz::{
        Action, Permit,
        policy::{ApproveExport, ExportUnmasked, ExportUnmaskedCredits, RefuseExport},
    },
    error::{Error, Failure},
    export::approval::{self, DecideExportErrorCode as Code, DecideExportUserError, Of, Say},
    graphql::{Gid, Viewer, settle},
    page::Slice,
    payloads,
    text::Check,
    write::Note,
};

/// What `approveExport` takes.
#[derive(InputObject)]
pub struct ApproveExportInput {
    /// Which one; one that is WAITING_APPROVAL, and not one's own.
    export_id: Gid<ExportId>,
    /// A remark, at most 200 characters.
    reason: Option<String>,
}

/// What `refuseExport` takes.
#[derive(InputObject)]
pub struct RefuseExportInput {
    /// Which one; one that is WAITING_APPROVAL, and not one's own.
    export_id: Gid<ExportId>,
    /// Why, at most 200 characters.
    reason: String,
}

payloads! {
    /// What `approveExport` gives.
    ApproveExportPayload { export: Export, DecideExportUserError }
    /// What `refuseExport` gives.
    RefuseExportPayload { export: Export, DecideExportUserError }
}

#[derive(Default)]
pub struct ExportApprovalQuery;

#[Object]
impl ExportApprovalQuery {
    /// The unmasked exports of an activity, or of an organisation, that wait for somebody's approval, in the order in which
    /// they were asked for. For whoever may take the same out unmasked: ORG_ADMIN, and ORGANISER of an activity. Give
    /// either `activityId` or `organisationId`.
    #[graphql(complexity = "crate::schema::list_cost(first, last, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "a connection's four, and whose they are")]
    async fn exports_to_approve(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        #[graphql(desc = "Of which activity.")] activity_id: Option<Gid<ActivityId>>,
        #[graphql(desc = "Of which organisation.")] organisation_id: Option<Gid<OrganisationId>>,
    ) -> Result<Connection<String, Export>> {
        let viewer = Viewer::of(ctx);
        let of = match (activity_id, organisation_id) {
            (Some(Gid(id)), None) => {
                viewer.gate.permit::<ExportUnmasked>(id).await?;
                Of::Activity(id)
            }
            (None, Some(Gid(id))) => {
                viewer.gate.permit::<ExportUnmaskedCredits>(id).await?;
                Of::Organisation(id)
            }
            _ => {
                viewer.gate.who()?;
                return Err(Failure::BadInput(
                    "activityId 与 organisationId 须且只能给出一个",
                    "give either activityId or organisationId",
                )
                .into());
            }
        };
        let slice = Slice::parse(first, after.as_deref(), last, before.as_deref())?;
        let page = approval::waiting(viewer.db.read(), of, slice, viewer.now).await?;
        Ok(page.connection(|it| it.id, Export))
    }
}

#[derive(Default)]
pub struct ExportApprovalMutation;

#[Object]
impl ExportApprovalMutation {
    /// Approves an unmasked export that somebody else asked for; the file is made then, for them. For whoever may take the
    /// same out unmasked. Refused for one's own, for one that waits no more, and after 72 hours.
    async fn approve_export(
        &self,
        ctx: &Context<'_>,
        input: ApproveExportInput,
    ) -> Result<ApproveExportPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<ApproveExport>(input.export_id.0).await?;
        let mut check = Check::new(Code::TooLong);
        let reason = check.optional(input.reason.as_deref(), 200, &["reason"]);
        let done = decided(viewer, &permit, Say::Approve, check, reason).await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        Ok(ApproveExportPayload { export: row.map(Export), user_errors })
    }

    /// Refuses an unmasked export that somebody else asked for; no file is made. For whoever may take the same out
    /// unmasked. Refused for one's own, for one that waits no more, and after 72 hours.
    async fn refuse_export(
        &self,
        ctx: &Context<'_>,
        input: RefuseExportInput,
    ) -> Result<RefuseExportPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<RefuseExport>(input.export_id.0).await?;
        let mut check = Check::new(Code::TooLong);
        let reason = check.required(&input.reason, 200, &["reason"], Code::ReasonMissing);
        let done = decided(viewer, &permit, Say::Refuse, check, Some(reason)).await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        Ok(RefuseExportPayload { export: row.map(Export), user_errors })
    }
}

async fn decided<A: Action<On = export::Model, By = entity::id::AccountId>>(
    viewer: &Viewer,
    permit: &Permit<A>,
    say: Say,
    check: Check<Code>,
    reason: Option<String>,
) -> Result<export::Model, Error<Code>> {
    approval::may_take(&viewer.gate, permit.on()).await?;
    let note = Note::default().because(reason.as_deref());
    viewer
        .write(permit, note, async |tx| {
            check.done()?;
            approval::decide(tx, permit, say, reason, viewer.now).await
        })
        .await
}
