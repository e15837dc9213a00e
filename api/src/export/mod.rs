//! Taking lists out: what is asked for is kept on record, and made when it is fetched, or beforehand in the background.
//!
//! [`kind`] says what each kind of list is, [`brief`] gathers what stands beside its rows, [`make`] makes files of rows.

pub mod approval;
pub mod background;
pub mod brief;
pub mod cell;
pub mod csv;
pub mod graphql;
pub mod kind;
pub mod make;
pub mod sealed;
pub mod view;
pub mod whose;
pub mod xlsx;

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    activity,
    export::{self, Format, Keys, Kind, Layout, Sort, State, Unshown},
    id::{AccountId, ExportId, ExportViewId, Id, OrganisationId, SessionId},
    job, organisation,
};
use sea_orm::{ActiveModelTrait, ConnectionTrait, DatabaseTransaction, EntityTrait};

use self::brief::{Brief, Filter};
use crate::{
    app::App,
    audit::{self, Event, Origin},
    authn,
    authz::{Action, Gate, Permit},
    credit,
    db::Reader,
    error::{Error, Failure, Refusal, Refused},
    job::enqueue,
    refusals, registration,
};

refusals! {
    /// Why a list was not taken out.
    CreateExportErrorCode, CreateExportUserError {
        /// What it is for is not said.
        PurposeMissing = "请填写导出用途", "say what it is for";
        /// A text is too long.
        TooLong = "不能超过{}个字符", "must not be longer than {} characters";
        /// The session is none of the activity.
        SessionUnknown = "活动没有这个场次", "the activity has no such session";
        /// This kind of list has no such column for this activity.
        ColumnUnknown = "没有列“{}”", "there is no column “{}”";
        /// A column is named twice.
        ColumnTwice = "列“{}”重复", "the column “{}” is there twice";
        /// Both `columns` and `viewId` are given.
        ColumnsUnclear = "columns 与 viewId 不能同时给出", "give either columns or viewId";
        /// This kind of list is not made on paper.
        NotOnPaper = "这类名单不能生成PDF", "this kind of list is not made as PDF";
        /// This server was built without PDF documents.
        PdfLeftOut = "本服务器不生成PDF文件", "this server makes no PDF documents";
        /// The fonts of PDF documents are not installed on this server.
        FontsMissing = "服务器没有安装字体，无法生成PDF文件", "the fonts of PDF documents are not installed on the server";
        /// There are more people than one document takes.
        TooManyOnPaper = "一份PDF文件最多{}人次，请缩小范围", "a PDF document takes at most {} lines; narrow it down";
        /// More blank lines than 100.
        BlankLinesOutOfRange = "空行须在0至100之间", "blank lines are from 0 to 100";
        /// Not exactly one of `activityId` and `organisationId` is given.
        WhoseUnclear = "activityId 与 organisationId 须且只能给出一个", "give either activityId or organisationId";
        /// This kind of list is not taken out of an activity, or not out of an organisation.
        KindElsewhere = "年度学时（CREDIT_HOURS）按组织导出，其他名单按活动导出", "CREDIT_HOURS is of an organisation, any other list of an activity";
        /// A list of an organisation is of a year, and one of an activity is not.
        YearUnclear = "按组织导出须填写年份，按活动导出不填", "a list of an organisation needs a year, one of an activity has none";
        /// The year is not from 1949 to 2100.
        YearOutOfRange = "年份须在1949至2100之间", "the year must be from 1949 to 2100";
        /// A list of an organisation is not narrowed to a session, to registrations or by attendance.
        NotOfActivity = "按组织导出的名单不能使用{}", "a list of an organisation takes no {}";
        /// There is no such view of the activity's host, or of the organisation, for this kind of list, or none of its columns is on offer here.
        ViewUnknown = "没有这个可用的视图", "there is no such view to be used here";
    }
}

refusals! {
    /// Why an export was not called off.
    CancelExportErrorCode, CancelExportUserError {
        /// It is made already, or at each fetch.
        NotUnderWay = "没有正在生成的文件", "no file is being made";
    }
}

/// How long the address of an export opens it that is made at each fetch.
const OPEN: TimeDelta = TimeDelta::hours(1);
/// A workbook of more rows than these is made in the background. It is only sent once it is whole, so that its reader
/// would wait for the first byte.
const MOST_AT_ONCE: u64 = 100_000;
/// A document of more lines than these is not made: it is laid out in memory.
const MOST_ON_PAPER: u64 = 5_000;

/// What is asked for.
pub struct Draft {
    pub kind: Kind,
    /// Of an organisation.
    pub year: Option<i32>,
    pub session: Option<SessionId>,
    pub format: Format,
    pub sort: Option<Sort>,
    pub columns: Vec<String>,
    pub view: Option<ExportViewId>,
    pub filter: Filter,
    pub purpose: String,
    pub background: bool,
    pub layout: Layout,
    /// Whether personal data are in it whole.
    pub is_unmasked: bool,
    /// How many rows may be, without somebody else's approval.
    pub most_unmasked: u64,
}

/// Puts on record who takes what out of an activity, and what for.
pub async fn create<A: Action<On = activity::Model, By = AccountId>>(
    tx: &DatabaseTransaction,
    permit: &Permit<A>,
    draft: Draft,
    now: DateTime<Utc>,
) -> Result<export::Model, Error<CreateExportErrorCode>> {
    let activity = permit.on();
    if draft.kind == Kind::CreditHours {
        return Err(CreateExportErrorCode::KindElsewhere.at(["kind"]).into());
    }
    if draft.year.is_some() {
        return Err(CreateExportErrorCode::YearUnclear.at(["year"]).into());
    }
    if let Some(session) = draft.session {
        let sessions = crate::session::schedule(tx, activity.id).await?;
        if sessions.iter().all(|it| it.id != session) {
            return Err(CreateExportErrorCode::SessionUnknown.at(["sessionId"]).into());
        }
    }
    let row = export::Model {
        activity_id: Some(activity.id),
        session_id: draft.session,
        ..blank(draft.kind, permit.actor(), now)
    };
    put(tx, row, activity.host_id, draft, now).await
}

/// Puts on record who takes the credit hours of a year out of an organisation, and what for.
pub async fn create_of_year<A: Action<On = organisation::Model, By = AccountId>>(
    tx: &DatabaseTransaction,
    permit: &Permit<A>,
    draft: Draft,
    now: DateTime<Utc>,
) -> Result<export::Model, Error<CreateExportErrorCode>> {
    use CreateExportErrorCode::{KindElsewhere, NotOfActivity, YearOutOfRange, YearUnclear};
    if draft.kind != Kind::CreditHours {
        return Err(KindElsewhere.at(["kind"]).into());
    }
    for (field, is_given) in [
        ("sessionId", draft.session.is_some()),
        ("filter", draft.filter.registrations != registration::Filter::default()),
        ("attendance", !draft.filter.attendance.is_empty()),
    ] {
        if is_given {
            return Err(NotOfActivity.at([field]).about(field).into());
        }
    }
    let year = draft.year.ok_or(YearUnclear.at(["year"]))?;
    credit::days_of(year).ok_or(YearOutOfRange.at(["year"]))?;
    let row = export::Model {
        organisation_id: Some(permit.on().id),
        year: Some(year),
        ..blank(draft.kind, permit.actor(), now)
    };
    put(tx, row, permit.on().id, draft, now).await
}

/// Keeps what is asked for in a draft. Views are those of the host.
async fn put(
    tx: &DatabaseTransaction,
    row: export::Model,
    host: OrganisationId,
    draft: Draft,
    now: DateTime<Utc>,
) -> Result<export::Model, Error<CreateExportErrorCode>> {
    use CreateExportErrorCode::ColumnsUnclear;
    let is_paper = draft.format == Format::Pdf;
    if is_paper && !kind::is_paper(draft.kind) {
        return Err(CreateExportErrorCode::NotOnPaper.at(["format"]).into());
    }
    let row = export::Model {
        layout: draft.layout,
        format: draft.format,
        sort: draft.sort.unwrap_or(Sort::List),
        filter: serde_json::to_value(&draft.filter).map_err(Failure::internal)?,
        purpose: draft.purpose,
        is_unmasked: draft.is_unmasked,
        ..row
    };
    let mut brief = Brief::new(tx, row, now).await?;
    let offered = kind::offers(draft.kind, &brief);
    match draft.view {
        Some(_) if !draft.columns.is_empty() => {
            return Err(ColumnsUnclear.at(["viewId"]).into());
        }
        Some(id) => {
            let view = view::usable(tx, host, draft.kind, id, &offered).await?;
            let view = view.ok_or(CreateExportErrorCode::ViewUnknown.at(["viewId"]))?;
            brief.export.sort = draft.sort.unwrap_or(view.sort);
            brief.export.columns = view.columns;
        }
        None => {
            check_columns(&draft.columns, &offered)
                .map_err(|faults| Error::Refused(faults.into_iter().map(refused).collect()))?;
            brief.export.columns = Keys(draft.columns);
        }
    }
    if is_paper && kind::count(tx, &brief).await? > MOST_ON_PAPER {
        return Err(CreateExportErrorCode::TooManyOnPaper
            .at(["format"])
            .about(MOST_ON_PAPER)
            .into());
    }
    let is_large = draft.format == Format::Xlsx && kind::count(tx, &brief).await? > MOST_AT_ONCE;
    let is_wanting = approval::is_wanting(tx, &brief, draft.most_unmasked).await?;
    let mut row = brief.export;
    if is_wanting {
        (row.state, row.expires_at) = (State::WaitingApproval, now + approval::WAITS);
    } else if draft.background || is_large || is_paper {
        row.state = State::Waiting;
        row.expires_at = now + background::KEPT;
    }
    export::Entity::insert(export::ActiveModel::from(row.clone()).reset_all())
        .exec_without_returning(tx)
        .await?;
    if row.state == State::Waiting {
        let about = serde_json::json!({ "export": row.id });
        let key = Some(row.id.0.to_string());
        enqueue(tx, job::Kind::Export, about, key, now, now).await?;
    }
    Ok(row)
}

/// All of a kind of list of nothing yet, as nobody has asked for it.
fn blank(kind: Kind, account: AccountId, now: DateTime<Utc>) -> export::Model {
    export::Model {
        id: ExportId::generate(),
        kind,
        activity_id: None,
        session_id: None,
        organisation_id: None,
        year: None,
        account_id: account,
        format: Format::Xlsx,
        sort: Sort::List,
        columns: Keys::default(),
        filter: serde_json::json!({}),
        purpose: String::new(),
        state: State::OnFetch,
        run: None,
        rows_done: 0,
        rows_total: 0,
        size: None,
        sha256: None,
        created_at: now,
        finished_at: None,
        expires_at: now + OPEN,
        layout: Layout::default(),
        unshown: Unshown::default(),
        is_unmasked: false,
        decided_by: None,
        decided_at: None,
        decision_reason: None,
    }
}

/// The columns that a kind of list offers on the permit's activity, in their usual order.
pub async fn columns<A: Action<On = activity::Model, By = AccountId>>(
    db: &impl ConnectionTrait,
    permit: &Permit<A>,
    kind: Kind,
    now: DateTime<Utc>,
) -> Result<Vec<kind::Offer>, Failure> {
    let activity_id = Some(permit.on().id);
    let row = export::Model { activity_id, ..blank(kind, permit.actor(), now) };
    Ok(kind::offers(kind, &Brief::new(db, row, now).await?))
}

/// What is wrong with a column that was asked for.
pub enum Fault {
    Unknown(usize, String),
    Twice(usize, String),
}

/// The columns must be on offer, each once.
pub fn check_columns(keys: &[String], offered: &[kind::Offer]) -> Result<(), Vec<Fault>> {
    let mut seen = HashSet::new();
    let faults: Vec<Fault> = keys
        .iter()
        .enumerate()
        .filter_map(|(at, key)| {
            if offered.iter().all(|it| it.key != *key) {
                // Only as much of it is said again as a key may have.
                Some(Fault::Unknown(at, key.chars().take(60).collect()))
            } else if seen.insert(key.as_str()) {
                None
            } else {
                Some(Fault::Twice(at, key.clone()))
            }
        })
        .take(20)
        .collect();
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

fn refused(fault: Fault) -> Refused<CreateExportErrorCode> {
    let (code, at, key) = match fault {
        Fault::Unknown(at, key) => (CreateExportErrorCode::ColumnUnknown, at, key),
        Fault::Twice(at, key) => (CreateExportErrorCode::ColumnTwice, at, key),
    };
    code.at(["columns".to_owned(), at.to_string()]).about(key)
}

/// The same, where it may not be there.
pub async fn find_in(
    db: &impl ConnectionTrait,
    id: ExportId,
) -> Result<Option<export::Model>, Failure> {
    Ok(export::Entity::find_by_id(id).one(db).await?)
}

/// An export on record.
pub async fn find(db: &Reader, id: ExportId) -> Result<export::Model, Failure> {
    export::Entity::find_by_id(id).one(db).await?.ok_or(Failure::NotFound)
}

/// Puts on record that somebody fetches the file of an export, by its address: who holds that is not known. If that cannot be
/// kept, nothing leaves.
pub async fn note_fetch(app: &App, id: ExportId, origin: &Origin) -> Result<(), Failure> {
    let event = Event::by_itself("FetchExport", (ExportId::PREFIX, Some(id.0)));
    let db = &app.db;
    db.transaction(async |tx| audit::leave(tx, db.seal(), origin, event).await).await
}

/// Asks once more whether who made an export may do so: what was granted then may have been taken back since.
pub async fn ask_again(
    app: &App,
    export: &export::Model,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let maker = authn::signer(app, export.account_id, now).await?.ok_or(Failure::NotFound)?;
    let gate = Gate::new(Some(maker), app.db.clone());
    approval::may_take(&gate, export).await
}
