//! The academy's classes: series (班次) and their numbered runs (第N期), who holds and who looks after a class.
//!
//! A class is an activity of an academy's programme. What only a class has is kept beside the activity.

pub mod divide;
pub mod graphql;
pub mod group;
pub mod run;
pub mod trainer;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::{
    activity,
    class::{self, CoHosts, Column},
    id::{ActivityId, OrganisationId, PersonId, SeriesId},
    organisation, programme, series,
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    sea_query::{Expr, ExprTrait, OnConflict, Query},
};

use crate::{
    authz::{
        Permit, Reach, Scope,
        policy::{CreateSeries, SetClass, UpdateSeries, ViewSeries},
    },
    db::{begins_with, is_duplicate, within},
    error::{Error, Failure, Refusal},
    leave::ladder::{Ladder, USUAL},
    page::{Page, Slice},
    refusals,
};

refusals! {
    /// Why a series was not made or changed.
    SeriesErrorCode, SeriesUserError {
        /// A text that is needed is missing.
        Required = "不能为空", "must not be empty";
        /// A text is too long.
        TooLong = "不能超过{}个字符", "must not be longer than {} characters";
        /// The organisation has a series with this code.
        CodeTaken = "代码“{}”已被使用", "the code “{}” is in use";
        /// The lengths of leave are not from 0 to 732 half-days, or the second is below the first.
        LadderInvalid = "请假审批时长须为0至732个半天，且教务不低于班主任", "lengths are from 0 to 732 half-days, the academic office's not below the teacher's";
    }
}

refusals! {
    /// Why a class was not changed, or a run not numbered.
    ClassErrorCode, ClassUserError {
        /// The activity is not of an academy's programme.
        NotAClass = "只有学院项目的活动才是班级", "only an activity of an academy's programme is a class";
        /// The series belongs neither to the host nor to an organisation above it.
        SeriesOutsideHost = "班次须属于主办单位或其上级", "the series must belong to the host or to one above it";
        /// The series has a run of this number.
        NumberTaken = "第{}期已存在", "there is a run no. {} already";
        /// A number is not from 1 to 9999.
        NumberOutOfRange = "期数须在1至9999之间", "a run's number is from 1 to 9999";
        /// A number without a series.
        NumberWithoutSeries = "请先选定班次", "a number needs a series";
        /// More than 10 co-hosts, or one of them twice, or the host itself.
        CoHostsInvalid = "协办单位最多10个，不能重复或为主办单位", "at most 10 co-hosts, none twice and not the host";
        /// The lengths of leave are not from 0 to 732 half-days, or the second is below the first.
        LadderInvalid = "请假审批时长须为0至732个半天，且教务不低于班主任", "lengths are from 0 to 732 half-days, the academic office's not below the teacher's";
    }
}

/// The most co-hosts of a class.
pub const MOST_CO_HOSTS: usize = 10;

/// What a series is made from.
pub struct SeriesDraft {
    pub title: String,
    pub code: Option<String>,
    pub ladder: Option<Ladder>,
}

/// Makes a series of the permit's organisation.
pub async fn create_series(
    tx: &DatabaseTransaction,
    permit: &Permit<CreateSeries>,
    draft: SeriesDraft,
    now: DateTime<Utc>,
) -> Result<series::Model, Error<SeriesErrorCode>> {
    insert_series(tx, permit.on().id, draft, now).await
}

/// Keeps a new series. For the command line, which asks nobody.
pub async fn insert_series(
    tx: &impl ConnectionTrait,
    organisation: OrganisationId,
    draft: SeriesDraft,
    now: DateTime<Utc>,
) -> Result<series::Model, Error<SeriesErrorCode>> {
    let code = draft.code.clone();
    let row = series::ActiveModel {
        id: Set(SeriesId::generate()),
        organisation_id: Set(organisation),
        title: Set(draft.title),
        code: Set(draft.code),
        teacher_half_days: Set(draft.ladder.map(|it| it.teacher)),
        academic_half_days: Set(draft.ladder.map(|it| it.academic)),
        created_at: Set(now),
    };
    row.insert(tx).await.map_err(|error| taken(error, code))
}

/// Gives a series another title, another code, another ladder of leave.
pub async fn update_series(
    tx: &DatabaseTransaction,
    permit: &Permit<UpdateSeries>,
    draft: SeriesDraft,
) -> Result<series::Model, Error<SeriesErrorCode>> {
    let code = draft.code.clone();
    let mut row: series::ActiveModel = permit.on().clone().into();
    row.title = Set(draft.title);
    row.code = Set(draft.code);
    row.teacher_half_days = Set(draft.ladder.map(|it| it.teacher));
    row.academic_half_days = Set(draft.ladder.map(|it| it.academic));
    row.update(tx).await.map_err(|error| taken(error, code))
}

fn taken(error: sea_orm::DbErr, code: Option<String>) -> Error<SeriesErrorCode> {
    if is_duplicate(&error) {
        SeriesErrorCode::CodeTaken.at(["code"]).about(code.unwrap_or_default()).into()
    } else {
        error.into()
    }
}

/// The series in reach, newest first. Those of an organisation above are in reach too: it shares them. The same as
/// `authz::place` says of one.
pub async fn list_series(
    db: &impl ConnectionTrait,
    reach: &Reach<ViewSeries>,
    organisation: Option<OrganisationId>,
    slice: Slice<SeriesId>,
) -> Result<Page<series::Model>, Failure> {
    let paths = (organisation::Entity, organisation::Column::Path);
    let runs = |condition| {
        let runs = Query::select()
            .column((class::Entity, Column::SeriesId))
            .from(class::Entity)
            .inner_join(
                activity::Entity,
                Expr::col((activity::Entity, activity::Column::Id))
                    .equals((class::Entity, Column::ActivityId)),
            )
            .and_where(Expr::col((class::Entity, Column::SeriesId)).is_not_null())
            .and_where(condition)
            .to_owned();
        series::Column::Id.in_subquery(runs)
    };
    let mut query = series::Entity::find().filter(reach.condition(|_, scope| match scope {
        Scope::Organisation(_, path) => {
            // The paths above it are its own beginnings.
            let above = path.match_indices('/').skip(1).map(|(at, _)| path[..at].to_owned());
            let owners = Query::select()
                .column(organisation::Column::Id)
                .from(organisation::Entity)
                .and_where(begins_with(paths, path).or(Expr::col(paths).is_in(above)))
                .to_owned();
            series::Column::OrganisationId.in_subquery(owners)
        }
        Scope::Programme(id) => {
            let owner = Query::select()
                .column(programme::Column::OwnerId)
                .from(programme::Entity)
                .and_where(programme::Column::Id.eq(*id))
                .to_owned();
            let own = series::Column::OrganisationId.in_subquery(owner);
            own.or(runs(Expr::col((activity::Entity, activity::Column::ProgrammeId)).eq(*id)))
        }
        Scope::Activity(id) => runs(Expr::col((activity::Entity, activity::Column::Id)).eq(*id)),
    }));
    if let Some(organisation) = organisation {
        query = query.filter(series::Column::OrganisationId.eq(organisation));
    }
    let mut cursor = query.cursor_by(series::Column::Id);
    cursor.desc();
    slice.of(cursor, db).await
}

/// What some activities have as classes; nothing where nothing was said.
pub async fn of_activities(
    db: &impl ConnectionTrait,
    activities: impl IntoIterator<Item = ActivityId>,
) -> Result<HashMap<ActivityId, class::Model>, Failure> {
    let rows = class::Entity::find()
        .filter(within((class::Entity, Column::ActivityId), activities))
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|it| (it.activity_id, it)).collect())
}

/// What an activity has as a class.
pub async fn of(db: &impl ConnectionTrait, activity: ActivityId) -> Result<class::Model, Failure> {
    let found = class::Entity::find_by_id(activity).one(db).await?;
    Ok(found.unwrap_or(class::Model {
        activity_id: activity,
        series_id: None,
        run_number: None,
        teacher_id: None,
        co_hosts: CoHosts::default(),
        teacher_half_days: None,
        academic_half_days: None,
    }))
}

/// Up to which lengths leave from a class is granted by whom.
pub async fn ladder_of(db: &impl ConnectionTrait, activity: ActivityId) -> Result<Ladder, Failure> {
    let it = of(db, activity).await?;
    if let Some(own) = ladder(it.teacher_half_days, it.academic_half_days) {
        return Ok(own);
    }
    let Some(series) = it.series_id else { return Ok(USUAL) };
    let series = series::Entity::find_by_id(series).one(db).await?.ok_or(Failure::NotFound)?;
    Ok(ladder(series.teacher_half_days, series.academic_half_days).unwrap_or(USUAL))
}

/// The ladder of two columns.
#[must_use]
pub fn ladder(teacher: Option<i32>, academic: Option<i32>) -> Option<Ladder> {
    teacher.zip(academic).map(|(teacher, academic)| Ladder { teacher, academic })
}

/// What a class shall be, whole.
pub struct Setting {
    pub series: Option<series::Model>,
    /// None for the one that it has in the series already, or else the next.
    pub number: Option<i32>,
    pub teacher: Option<PersonId>,
    pub co_hosts: Vec<OrganisationId>,
    pub ladder: Option<Ladder>,
}

/// Sets what an activity has as a class.
pub async fn set(
    tx: &DatabaseTransaction,
    permit: &Permit<SetClass>,
    setting: Setting,
) -> Result<activity::Model, Error<ClassErrorCode>> {
    let activity = permit.on();
    if activity.kind != programme::Kind::Academy {
        return Err(ClassErrorCode::NotAClass.at(["activityId"]).into());
    }
    let host = crate::organisation::find(tx, activity.host_id).await?;
    if let Some(series) = &setting.series {
        let owner = crate::organisation::find(tx, series.organisation_id).await?;
        if !host.path.starts_with(&owner.path) {
            return Err(ClassErrorCode::SeriesOutsideHost.at(["seriesId"]).into());
        }
    }
    let number = match &setting.series {
        Some(series) => {
            Some(match run::number(tx, series.id, Some(activity.id), setting.number).await? {
                Ok(number) => number,
                Err(run::Misnumbered::OutOfRange) => {
                    return Err(ClassErrorCode::NumberOutOfRange.at(["runNumber"]).into());
                }
                Err(run::Misnumbered::Taken(number)) => {
                    return Err(ClassErrorCode::NumberTaken.at(["runNumber"]).about(number).into());
                }
            })
        }
        None => None,
    };
    keep(
        tx,
        class::Model {
            activity_id: activity.id,
            series_id: setting.series.map(|it| it.id),
            run_number: number,
            teacher_id: setting.teacher,
            co_hosts: CoHosts(setting.co_hosts),
            teacher_half_days: setting.ladder.map(|it| it.teacher),
            academic_half_days: setting.ladder.map(|it| it.academic),
        },
    )
    .await?;
    Ok(activity.clone())
}

/// Keeps what an activity has as a class. The caller has found that it may, and that the number is free.
pub async fn keep(tx: &impl ConnectionTrait, row: class::Model) -> Result<(), Failure> {
    let columns = [
        Column::SeriesId,
        Column::RunNumber,
        Column::TeacherId,
        Column::CoHosts,
        Column::TeacherHalfDays,
        Column::AcademicHalfDays,
    ];
    let row: class::ActiveModel = row.into();
    class::Entity::insert(row.reset_all())
        .on_conflict(OnConflict::column(Column::ActivityId).update_columns(columns).to_owned())
        .exec_without_returning(tx)
        .await?;
    Ok(())
}
