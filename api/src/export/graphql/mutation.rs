//! What can be done with exports and views.

use async_graphql::{Context, InputObject, Object, Result};
use entity::{
    activity, attendance,
    export::{self, Layout},
    id::{AccountId, ActivityId, ExportId, ExportViewId, OrganisationId, SessionId},
    organisation,
};

use super::{
    BadgeSize, Export, ExportFormat, ExportKind, ExportSort, ExportView, SignInGroups, SignInSheets,
};
use crate::{
    attendance::graphql::AttendanceStatus,
    authz::{
        Action, Permit,
        policy::{
            CancelExport, CreateExport, ExportCredits, ExportUnmasked, ExportUnmaskedCredits,
            RemoveExportView, SaveExportView,
        },
    },
    error::{Error, Refusal},
    export::{
        self as exports, CancelExportUserError, CreateExportErrorCode, CreateExportUserError,
        background,
        brief::Filter,
        make::paper,
        view::{self, ExportViewErrorCode, ExportViewUserError},
    },
    graphql::{Gid, Viewer, settle},
    payloads,
    registration::graphql::RegistrationFilter,
    text::Check,
    write::Note,
};

/// How a list is laid out as PDF. What a kind has no use for is passed over.
#[derive(InputObject)]
pub struct PaperLayout {
    /// Of a SIGN_IN_SHEET: what each sheet is for.
    #[graphql(default_with = "SignInSheets::Session")]
    sheets: SignInSheets,
    /// Of a SIGN_IN_SHEET: by what the people are grouped.
    #[graphql(default_with = "SignInGroups::None")]
    groups: SignInGroups,
    /// Of a SIGN_IN_SHEET: whether there is a column of phones, their middle hidden unless `unmasked`.
    #[graphql(default)]
    phones: bool,
    /// Of a SIGN_IN_SHEET: how many blank lines follow, from 0 to 100.
    #[graphql(default = 10)]
    blank_lines: i32,
    /// Of BADGES: how large they are.
    #[graphql(default_with = "BadgeSize::Card")]
    badge_size: BadgeSize,
}

/// What `createExport` takes.
#[derive(InputObject)]
pub struct CreateExportInput {
    /// Of which activity. Either this or `organisationId`.
    activity_id: Option<Gid<ActivityId>>,
    /// Of which organisation and all below it: for CREDIT_HOURS alone, with `year`, and without `sessionId`,
    /// `filter` and `attendance`.
    organisation_id: Option<Gid<OrganisationId>>,
    /// Of an organisation: a calendar year, 1949 to 2100.
    year: Option<i32>,
    /// What is listed; who holds a seat and who came if not given.
    kind: Option<ExportKind>,
    /// Of this session alone, one of the activity's.
    session_id: Option<Gid<SessionId>>,
    /// What kind of file.
    format: ExportFormat,
    /// The order of the people; that of the view, or of the list, if not given.
    sort: Option<ExportSort>,
    /// The keys of the columns in their order, out of `exportColumns`; the usual ones if not given.
    columns: Option<Vec<String>>,
    /// The columns of this view, instead of `columns`.
    view_id: Option<Gid<ExportViewId>>,
    /// Narrows it as it narrows `registrations`.
    filter: Option<RegistrationFilter>,
    /// Narrows an ATTENDANCE_LIST to those who attended a session in one of these ways. Whoever is not on record is ABSENT
    /// once the door has closed.
    attendance: Option<Vec<AttendanceStatus>>,
    /// How it is laid out as PDF.
    layout: Option<PaperLayout>,
    /// What it is for; at most 200 characters. It is put on record, and stands in the file.
    purpose: String,
    /// Whether phones, and phones and ID numbers among the answers, are in it whole; otherwise their middles are hidden.
    /// Beyond 200 rows, or as many as are configured, it waits until somebody else approves it, and is then made in the
    /// background.
    #[graphql(default)]
    unmasked: bool,
    /// Whether it is made in the background, kept for 24 hours, and fetched once it is READY. A workbook of more than
    /// 100,000 rows always is.
    #[graphql(default)]
    background: bool,
    /// The same key with the same input gives the first answer.
    idempotency_key: Option<String>,
}

/// What `cancelExport` takes.
#[derive(InputObject)]
pub struct CancelExportInput {
    /// Which one.
    export_id: Gid<ExportId>,
}

/// What `saveExportView` takes.
#[derive(InputObject)]
pub struct SaveExportViewInput {
    /// The activity whose columns they are. All activities of its host can use the view.
    activity_id: Gid<ActivityId>,
    /// Of which kind of list; that of who holds a seat and who came if not given.
    kind: Option<ExportKind>,
    /// At most 50 characters, unique for the kind of list of the host.
    name: String,
    /// The keys of the columns in their order, out of `exportColumns`; at least one.
    columns: Vec<String>,
    /// In what order the people stand; that of the list if not given.
    sort: Option<ExportSort>,
    /// The same key with the same input gives the first answer.
    idempotency_key: Option<String>,
}

/// What `removeExportView` takes.
#[derive(InputObject)]
pub struct RemoveExportViewInput {
    /// Which one.
    export_view_id: Gid<ExportViewId>,
}

payloads! {
    /// What `createExport` gives.
    CreateExportPayload { export: Export, CreateExportUserError }
    /// What `cancelExport` gives.
    CancelExportPayload { export: Export, CancelExportUserError }
    /// What `saveExportView` gives.
    SaveExportViewPayload { export_view: ExportView, ExportViewUserError }
    /// What `removeExportView` gives.
    RemoveExportViewPayload { export_view: ExportView, ExportViewUserError }
}

/// An export as it was asked for, and whether it can be made here.
struct Asked {
    check: Check<CreateExportErrorCode>,
    able: Result<(), Error<CreateExportErrorCode>>,
    draft: exports::Draft,
    note: Note,
}

type Done = Result<export::Model, Error<CreateExportErrorCode>>;

impl Asked {
    async fn of_activity<A>(self, viewer: &Viewer, permit: Permit<A>) -> Done
    where
        A: Action<On = activity::Model, By = AccountId>,
    {
        let Self { check, able, draft, note } = self;
        let work = async |tx: &_| {
            check.done()?;
            able?;
            exports::create(tx, &permit, draft, viewer.now).await
        };
        viewer.write(&permit, note, work).await
    }

    async fn of_year<A>(self, viewer: &Viewer, permit: Permit<A>) -> Done
    where
        A: Action<On = organisation::Model, By = AccountId>,
    {
        let Self { check, able, draft, note } = self;
        let work = async |tx: &_| {
            check.done()?;
            able?;
            exports::create_of_year(tx, &permit, draft, viewer.now).await
        };
        viewer.write(&permit, note, work).await
    }
}

#[derive(Default)]
pub struct ExportMutation;

#[Object]
impl ExportMutation {
    /// Takes a list out of an activity, as a file to be fetched: for ORG_ADMIN and ORGANISER. Takes the credit hours of a
    /// year out of an organisation: for ORG_ADMIN alone. Phones and ID numbers are masked unless `unmasked`.
    async fn create_export(
        &self,
        ctx: &Context<'_>,
        input: CreateExportInput,
    ) -> Result<CreateExportPayload> {
        let viewer = Viewer::of(ctx);
        let mut check = Check::new(CreateExportErrorCode::TooLong);
        let purpose = check.required(
            &input.purpose,
            200,
            &["purpose"],
            CreateExportErrorCode::PurposeMissing,
        );
        let layout = input.layout.as_ref().map_or_else(Layout::default, |it| {
            let blank_lines = u32::try_from(it.blank_lines).ok().filter(|it| *it <= 100);
            if blank_lines.is_none() {
                let code = CreateExportErrorCode::BlankLinesOutOfRange;
                check.refuse(code.at(["layout", "blankLines"]));
            }
            Layout {
                sheets: it.sheets.into(),
                groups: it.groups.into(),
                has_phones: it.phones,
                blank_lines: blank_lines.unwrap_or_default(),
                badges: it.badge_size.into(),
            }
        });
        let note = Note::keyed(input.idempotency_key.clone(), &input).because(Some(&purpose));
        let statuses = input.attendance.unwrap_or_default();
        let draft = exports::Draft {
            kind: input.kind.map_or(export::Kind::AttendanceList, Into::into),
            year: input.year,
            session: input.session_id.map(|it| it.0),
            format: input.format.into(),
            sort: input.sort.map(Into::into),
            columns: input.columns.unwrap_or_default(),
            view: input.view_id.map(|it| it.0),
            filter: Filter {
                registrations: input.filter.unwrap_or_default().into(),
                attendance: statuses.into_iter().map(attendance::Status::from).collect(),
            },
            purpose,
            background: input.background,
            layout,
            is_unmasked: input.unmasked,
            most_unmasked: viewer.app.config.unmasked_rows,
        };
        let able = match draft.format {
            export::Format::Pdf => paper::ready(&viewer.app).await,
            export::Format::Xlsx | export::Format::Csv => Ok(()),
        };
        let of = (input.activity_id, input.organisation_id, input.unmasked);
        let asked = Asked { check, able, draft, note };
        let done = match of {
            (Some(Gid(id)), None, false) => {
                asked.of_activity(viewer, viewer.gate.permit::<CreateExport>(id).await?).await
            }
            (Some(Gid(id)), None, true) => {
                asked.of_activity(viewer, viewer.gate.permit::<ExportUnmasked>(id).await?).await
            }
            (None, Some(Gid(id)), false) => {
                asked.of_year(viewer, viewer.gate.permit::<ExportCredits>(id).await?).await
            }
            (None, Some(Gid(id)), true) => {
                asked.of_year(viewer, viewer.gate.permit::<ExportUnmaskedCredits>(id).await?).await
            }
            _ => {
                viewer.gate.who()?;
                Err(CreateExportErrorCode::WhoseUnclear.at(["activityId"]).into())
            }
        };
        let (row, user_errors) = settle(done, viewer.lang)?;
        Ok(CreateExportPayload { export: row.map(Export), user_errors })
    }

    /// Calls off an export that is made in the background, also while it is under way; nothing is left of its file. For
    /// ORG_ADMIN and ORGANISER of its activity or organisation.
    async fn cancel_export(
        &self,
        ctx: &Context<'_>,
        input: CancelExportInput,
    ) -> Result<CancelExportPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<CancelExport>(input.export_id.0).await?;
        let done = viewer
            .write(&permit, Note::default(), async |tx| {
                background::cancel(tx, &permit, viewer.now).await
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        Ok(CancelExportPayload { export: row.map(Export), user_errors })
    }

    /// Gives a name to columns of a kind of list, for all activities of the organisation that holds this one. For
    /// ORG_ADMIN and ORGANISER.
    async fn save_export_view(
        &self,
        ctx: &Context<'_>,
        input: SaveExportViewInput,
    ) -> Result<SaveExportViewPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<SaveExportView>(input.activity_id.0).await?;
        let required = ExportViewErrorCode::Required;
        let mut check = Check::new(ExportViewErrorCode::TooLong);
        let name = check.required(&input.name, 50, &["name"], required);
        if input.columns.is_empty() {
            check.refuse(required.at(["columns"]));
        }
        let note = Note::keyed(input.idempotency_key.clone(), &input);
        let draft = view::Draft {
            kind: input.kind.map_or(export::Kind::AttendanceList, Into::into),
            name,
            sort: input.sort.map_or(export::Sort::List, Into::into),
            columns: input.columns,
        };
        let done = viewer
            .write(&permit, note, async |tx| {
                check.done()?;
                view::save(tx, &permit, draft, viewer.now).await
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        Ok(SaveExportViewPayload { export_view: row.map(ExportView), user_errors })
    }

    /// Removes a view. What was taken out by it stays as it was. For ORG_ADMIN and ORGANISER of the activity that it was
    /// saved for.
    async fn remove_export_view(
        &self,
        ctx: &Context<'_>,
        input: RemoveExportViewInput,
    ) -> Result<RemoveExportViewPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<RemoveExportView>(input.export_view_id.0).await?;
        let done: Result<_, Error<ExportViewErrorCode>> = viewer
            .write(&permit, Note::default(), async |tx| Ok(view::remove(tx, &permit).await?))
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        Ok(RemoveExportViewPayload { export_view: row.map(ExportView), user_errors })
    }
}
