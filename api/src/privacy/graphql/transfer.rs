//! What was given to others, and whose data were in what was taken out.

use async_graphql::{Context, InputObject, Object, Result, SimpleObject, connection::Connection};
use chrono::{DateTime, NaiveDate, Utc};
use entity::{
    id::{ActivityId, ExportId, OrganisationId, PersonId, TransferId},
    transfer,
};

use crate::{
    account::graphql::Account,
    activity::graphql::Activity,
    authz::policy::{
        ConfirmDeletion, RecordTransfer, ViewExport, ViewExportPeople, ViewExportsOf, ViewTransfers,
    },
    error::Refusal,
    export::{graphql::Export, whose},
    graphql::{Gid, Viewer, settle},
    page::Slice,
    payloads,
    person::graphql::Person,
    privacy::transfer::{Draft, TransferErrorCode, TransferUserError, deleted, list, record},
    text::Check,
    write::Note,
};

pub struct Transfer(pub transfer::Model);

/// That data were given to somebody else: a hotel, an insurer, a co-host.
#[Object]
impl Transfer {
    /// Opaque; unique among all things.
    pub async fn id(&self) -> Gid<TransferId> {
        Gid(self.0.id)
    }

    /// Of which activity.
    async fn activity(&self, ctx: &Context<'_>) -> Result<Activity> {
        Ok(Viewer::of(ctx).row(self.0.activity_id).await?.into())
    }

    /// The export whose file was handed over; null where it was none.
    async fn export_id(&self) -> Option<Gid<ExportId>> {
        self.0.export_id.map(Gid)
    }

    /// Who got it.
    async fn receiver(&self) -> &str {
        &self.0.receiver
    }

    /// What for.
    async fn purpose(&self) -> &str {
        &self.0.purpose
    }

    /// Which fields.
    async fn fields(&self) -> &[String] {
        &self.0.fields.0
    }

    /// How many rows.
    async fn rows(&self) -> i64 {
        self.0.rows
    }

    /// Of the file, in hexadecimal.
    async fn sha256(&self) -> String {
        crate::digest::hex(&self.0.sha256)
    }

    /// The last day on which the receiver may have it.
    async fn delete_by(&self) -> NaiveDate {
        self.0.delete_by
    }

    /// When the receiver deleted it, as they say.
    async fn deleted_on(&self) -> Option<NaiveDate> {
        self.0.deleted_on
    }

    /// How many of those in the export had said that they do not want their data handed on.
    async fn refusers(&self) -> i64 {
        self.0.refusers
    }

    /// Who put it on record.
    async fn recorded_by(&self, ctx: &Context<'_>) -> Result<Account> {
        Ok(Viewer::of(ctx).row(self.0.account_id).await?.into())
    }

    /// When.
    async fn recorded_at(&self) -> DateTime<Utc> {
        self.0.recorded_at
    }
}

/// An export that somebody was in.
#[derive(SimpleObject)]
pub struct TakenOut {
    /// Which.
    export: Export,
    /// When its file was last made with them.
    made_at: DateTime<Utc>,
}

/// What `recordTransfer` takes.
#[derive(InputObject)]
pub struct RecordTransferInput {
    /// Of which activity.
    activity_id: Gid<ActivityId>,
    /// The export of the activity whose file was handed over, where it was one.
    export_id: Option<Gid<ExportId>>,
    /// Who got it; at most 200 characters.
    receiver: String,
    /// What for; at most 500 characters.
    purpose: String,
    /// Which fields, as people call them; from 1 to 100, each of at most 60 characters.
    fields: Vec<String>,
    /// How many rows. What the export has, if not given.
    rows: Option<i64>,
    /// Of the file, in hexadecimal. That of the export's file, if not given and it was made in the background.
    sha256: Option<String>,
    /// The last day on which the receiver may have it; today or later.
    delete_by: NaiveDate,
    /// The same key with the same input gives the first answer.
    idempotency_key: Option<String>,
}

/// What `confirmTransferDeletion` takes.
#[derive(InputObject)]
pub struct ConfirmTransferDeletionInput {
    /// Which one.
    transfer_id: Gid<TransferId>,
    /// The day on which the receiver deleted it.
    deleted_on: NaiveDate,
}

payloads! {
    /// What `recordTransfer` gives.
    RecordTransferPayload { transfer: Transfer, TransferUserError }
    /// What `confirmTransferDeletion` gives.
    ConfirmTransferDeletionPayload { transfer: Transfer, TransferUserError }
}

#[derive(Default)]
pub struct TransferQuery;

#[Object]
impl TransferQuery {
    /// What was given to others of the activities that an organisation and those below it hold, the newest first. For
    /// ORG_ADMIN.
    #[graphql(complexity = "crate::schema::list_cost(first, last, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "those of a page, and a filter")]
    async fn transfers(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        #[graphql(desc = "Whose activities.")] organisation_id: Gid<OrganisationId>,
        #[graphql(
            desc = "Only those that should be deleted by now and are not, as far as is known."
        )]
        overdue: Option<bool>,
    ) -> Result<Connection<String, Transfer>> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<ViewTransfers>(organisation_id.0).await?;
        let slice = Slice::parse(first, after.as_deref(), last, before.as_deref())?;
        let page =
            list(viewer.db.read(), &permit, overdue == Some(true), viewer.now, slice).await?;
        Ok(page.connection(|it| it.id, Transfer))
    }

    /// Whose data were in the file of an export, at any time at which it was made. Phones are masked. For ORG_ADMIN.
    #[graphql(complexity = "crate::schema::list_cost(first, last, child_complexity)")]
    async fn export_people(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        #[graphql(desc = "Which export.")] export_id: Gid<ExportId>,
    ) -> Result<Connection<String, Person>> {
        let viewer = Viewer::of(ctx);
        viewer.gate.permit::<ViewExportPeople>(export_id.0).await?;
        let slice: Slice<PersonId> =
            Slice::parse(first, after.as_deref(), last, before.as_deref())?;
        let db = viewer.db.read();
        let page = slice.cut(whose::all(db, export_id.0).await?, |it| *it);
        let mut rows = Vec::with_capacity(page.rows.len());
        for id in &page.rows {
            rows.push(viewer.row(*id).await?);
        }
        let page = page.map(rows);
        Ok(page.connection(|it| it.id, |row| Person::new(row, false)))
    }

    /// The exports that somebody's data were in, as far as the viewer may see them, the newest first; at most 1,000. For
    /// ORG_ADMIN of the organisation that keeps the record.
    #[graphql(complexity = "50 * child_complexity + 1")]
    async fn exports_of(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose data.")] person_id: Gid<PersonId>,
    ) -> Result<Vec<TakenOut>> {
        let viewer = Viewer::of(ctx);
        viewer.gate.permit::<ViewExportsOf>(person_id.0).await?;
        let mut shown = Vec::new();
        for it in whose::exports_of(viewer.db.read(), person_id.0).await? {
            if let Ok(permit) = viewer.gate.permit_on::<ViewExport>(it.export).await {
                let export = Export(permit.into_row());
                shown.push(TakenOut { export, made_at: it.made_at });
            }
        }
        Ok(shown)
    }
}

/// Reads a SHA-256 in hexadecimal.
fn read_hash(check: &mut Check<TransferErrorCode>, typed: Option<&str>) -> Option<Vec<u8>> {
    let typed = typed?.trim();
    let pairs = typed.as_bytes().chunks(2);
    let read: Option<Vec<u8>> = pairs
        .map(|it| std::str::from_utf8(it).ok().and_then(|it| u8::from_str_radix(it, 16).ok()))
        .collect();
    let is_plain = typed.len() == 64 && typed.bytes().all(|it| it.is_ascii_hexdigit());
    let read = read.filter(|_| is_plain);
    if read.is_none() {
        check.refuse(TransferErrorCode::HashInvalid.at(["sha256"]));
    }
    read
}

#[derive(Default)]
pub struct TransferMutation;

#[Object]
impl TransferMutation {
    /// Puts on record that data of an activity were given to somebody else. For ORG_ADMIN and ORGANISER.
    async fn record_transfer(
        &self,
        ctx: &Context<'_>,
        input: RecordTransferInput,
    ) -> Result<RecordTransferPayload> {
        use TransferErrorCode as Code;
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<RecordTransfer>(input.activity_id.0).await?;
        let note = Note::keyed(input.idempotency_key.clone(), &input);
        let mut check = Check::new(Code::TooLong);
        let receiver = check.required(&input.receiver, 200, &["receiver"], Code::Required);
        let purpose = check.required(&input.purpose, 500, &["purpose"], Code::Required);
        let sha256 = read_hash(&mut check, input.sha256.as_deref());
        let fields: Vec<String> = input
            .fields
            .iter()
            .take(101)
            .map(|it| check.required(it, 60, &["fields"], Code::Required))
            .collect();
        if fields.is_empty() {
            check.refuse(Code::Required.at(["fields"]));
        } else if fields.len() > 100 {
            check.refuse(Code::TooLong.at(["fields"]).about(100));
        }
        let (export, rows) = (input.export_id.map(|it| it.0), input.rows);
        let delete_by = input.delete_by;
        let draft = Draft { export, receiver, purpose, fields, rows, sha256, delete_by };
        let done = viewer
            .write(&permit, note, async |tx| {
                check.done()?;
                record(tx, &permit, draft, viewer.now).await
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        Ok(RecordTransferPayload { transfer: row.map(Transfer), user_errors })
    }

    /// Puts on record that the receiver has deleted what was given. For ORG_ADMIN and ORGANISER.
    async fn confirm_transfer_deletion(
        &self,
        ctx: &Context<'_>,
        input: ConfirmTransferDeletionInput,
    ) -> Result<ConfirmTransferDeletionPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<ConfirmDeletion>(input.transfer_id.0).await?;
        let done = viewer
            .write(&permit, Note::default(), async |tx| {
                deleted(tx, &permit, input.deleted_on, viewer.now).await
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        Ok(ConfirmTransferDeletionPayload { transfer: row.map(Transfer), user_errors })
    }
}
