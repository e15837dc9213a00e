//! Taking the attendance list out: what is asked for is kept on record, and made when it is fetched.

pub mod csv;
pub mod file;
pub mod graphql;
pub mod xlsx;

use std::pin::Pin;

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    activity, attendance, category,
    export::{self, Format, Sort},
    id::{ActivityId, ExportId, RegistrationId, SessionId},
    person, question, registration,
    registration::Details,
};
use futures_util::{Stream, TryStreamExt};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, DatabaseConnection, DatabaseTransaction, EntityTrait, FromQueryResult, JoinType,
    QueryFilter, QueryOrder, QuerySelect, RelationTrait,
    sea_query::{Expr, ExprTrait, IntoCondition},
};

use crate::{
    authz::{Permit, policy::CreateExport},
    db::CHUNK,
    error::{Error, Failure},
    refusals,
};

refusals! {
    /// Why a list was not taken out.
    CreateExportErrorCode, CreateExportUserError {
        /// What it is for is not said.
        PurposeMissing = "请填写导出用途", "say what it is for";
        /// A text is too long.
        TooLong = "不能超过{}个字符", "must not be longer than {} characters";
    }
}

/// How long the address of an export opens it.
const OPEN: TimeDelta = TimeDelta::hours(1);

/// Puts on record who takes what out, and what for.
pub async fn create(
    tx: &DatabaseTransaction,
    permit: &Permit<CreateExport>,
    format: Format,
    sort: Sort,
    purpose: String,
    now: DateTime<Utc>,
) -> Result<export::Model, Error<CreateExportErrorCode>> {
    let row = export::ActiveModel {
        id: Set(ExportId::generate()),
        activity_id: Set(permit.on().id),
        account_id: Set(permit.actor()),
        format: Set(format),
        sort: Set(sort),
        purpose: Set(purpose),
        created_at: Set(now),
        expires_at: Set(now + OPEN),
    };
    Ok(row.insert(tx).await?)
}

/// One person of an attendance list.
#[derive(FromQueryResult)]
pub struct Line {
    pub id: RegistrationId,
    pub name: String,
    pub phone: Option<String>,
    pub organisation_name: Option<String>,
    pub title: Option<String>,
    pub details: Details,
    pub category: Option<String>,
    pub attendance: Option<attendance::Status>,
    pub first_in_at: Option<DateTime<Utc>>,
    pub first_gate: Option<String>,
    /// To the questions of the form, in its order; empty where there is none.
    #[sea_orm(skip)]
    pub answers: Vec<String>,
}

impl Line {
    /// What the list said under `key`, if that is a text.
    #[must_use]
    pub fn detail(&self, key: &str) -> &str {
        self.details.0.get(key).and_then(serde_json::Value::as_str).unwrap_or_default()
    }
}

/// Lines as the database gives them, one after another.
pub type Lines<'a> = Pin<Box<dyn Stream<Item = Result<Line, Failure>> + Send + 'a>>;

/// Whoever holds a seat on an activity, with what is known of them at one of its sessions. Nobody who waits, declined
/// or was cancelled is among them.
pub async fn lines<'a>(
    db: &'a DatabaseConnection,
    activity: &activity::Model,
    session: Option<SessionId>,
    sort: Sort,
    form: &'a [question::Model],
) -> Result<Lines<'a>, Failure> {
    let at_session = move |_left, right| {
        let of = Expr::col((right, attendance::Column::SessionId));
        // Without a session nobody's attendance is asked for.
        session.map_or_else(|| of.clone().is_null(), |id| of.clone().eq(id)).into_condition()
    };
    let query = registration::Entity::find()
        .select_only()
        .column(registration::Column::Id)
        .column_as(person::Column::Name, "name")
        .column_as(person::Column::Phone, "phone")
        .column(registration::Column::OrganisationName)
        .column(registration::Column::Title)
        .column(registration::Column::Details)
        .column_as(category::Column::Name, "category")
        .column_as(attendance::Column::Status, "attendance")
        .column_as(attendance::Column::FirstInAt, "first_in_at")
        .column_as(attendance::Column::FirstGate, "first_gate")
        .join(JoinType::InnerJoin, registration::Relation::Person.def())
        .join(JoinType::LeftJoin, registration::Relation::Category.def())
        .join(JoinType::LeftJoin, registration::Relation::Attendance.def().on_condition(at_session))
        .filter(registration::Column::ActivityId.eq(activity.id))
        .filter(registration::Column::Status.eq(registration::Status::Confirmed));
    let query = match sort {
        Sort::List => query
            .order_by_asc(registration::Column::ListKey)
            .order_by_asc(registration::Column::ListRow),
        Sort::Pinyin => query.order_by_asc(person::Column::PinyinKey),
        Sort::Strokes => query.order_by_asc(person::Column::StrokeKey),
    };
    let stream =
        query.order_by_asc(registration::Column::Id).into_model::<Line>().stream(db).await?;
    let lines = stream.map_err(Failure::from);
    if form.is_empty() {
        return Ok(Box::pin(lines));
    }
    // Some lines at a time, so that their answers take one statement.
    let answered = lines
        .try_chunks(CHUNK)
        .map_err(|error| error.1)
        .and_then(move |lines| answer(db, form, lines))
        .map_ok(|lines| futures_util::stream::iter(lines.into_iter().map(Ok)))
        .try_flatten();
    Ok(Box::pin(answered))
}

/// Puts what was answered into some lines.
async fn answer(
    db: &DatabaseConnection,
    form: &[question::Model],
    mut lines: Vec<Line>,
) -> Result<Vec<Line>, Failure> {
    let mut columns = crate::form::columns(db, form, lines.iter().map(|it| it.id)).await?;
    for line in &mut lines {
        let given = columns.remove(&line.id).unwrap_or_default();
        line.answers = if given.is_empty() { vec![String::new(); form.len()] } else { given };
    }
    Ok(lines)
}

/// The activity of an export.
pub async fn activity_of(
    db: &DatabaseConnection,
    id: ActivityId,
) -> Result<activity::Model, Failure> {
    activity::Entity::find_by_id(id).one(db).await?.ok_or(Failure::NotFound)
}

/// An export on record.
pub async fn find(db: &DatabaseConnection, id: ExportId) -> Result<export::Model, Failure> {
    export::Entity::find_by_id(id).one(db).await?.ok_or(Failure::NotFound)
}
