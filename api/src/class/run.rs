//! The runs of a series and their numbers.

use chrono::{DateTime, NaiveDate, Utc};
use entity::{
    activity,
    class::{self, Column},
    id::{ActivityId, SeriesId},
    organisation, programme, series,
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect,
};

use crate::{
    activity::{
        CreateActivityErrorCode,
        series::{self as copies, Item},
    },
    error::{Error, Failure, Refusal, Refused},
    refusals,
};

refusals! {
    /// Why a run was not made.
    CreateRunErrorCode, CreateRunUserError {
        /// A text is too long.
        TooLong = "不能超过{}个字符", "must not be longer than {} characters";
        /// The series has no run to copy, and nothing else is named.
        NothingToCopy = "班次还没有开过班，请指定要复制的活动", "the series has no run yet; name what is to be copied";
        /// It would not be in an academy's programme.
        NotAClass = "只有学院项目的活动才是班级", "only an activity of an academy's programme is a class";
        /// The series belongs neither to the host nor to an organisation above it.
        SeriesOutsideHost = "班次须属于主办单位或其上级", "the series must belong to the host or to one above it";
        /// The host is neither the programme's owner nor below it.
        HostOutsideProgramme = "主办单位须为项目所属组织或其下级", "the host must be the programme's owner or below it";
        /// A day is not in the calendar, which ends with the year 9999.
        DayInvalid = "日期超出范围", "the day is out of the calendar";
        /// The series has a run of this number.
        NumberTaken = "第{}期已存在", "there is a run no. {} already";
        /// A number is not from 1 to 9999.
        NumberOutOfRange = "期数须在1至9999之间", "a run's number is from 1 to 9999";
    }
}

/// The highest number of a run.
pub const HIGHEST: i32 = 9999;

/// Why a number cannot be had.
pub(super) enum Misnumbered {
    OutOfRange,
    Taken(i32),
}

/// The number of an activity in a series: the one that is wanted, or the one it has, or the next. The series is locked,
/// so that two that come at once get two numbers.
pub(super) async fn number(
    tx: &DatabaseTransaction,
    series: SeriesId,
    activity: Option<ActivityId>,
    wanted: Option<i32>,
) -> Result<Result<i32, Misnumbered>, Failure> {
    series::Entity::find_by_id(series).lock_exclusive().one(tx).await?.ok_or(Failure::NotFound)?;
    let runs = class::Entity::find().filter(Column::SeriesId.eq(series)).all(tx).await?;
    let (own, others): (Vec<_>, Vec<_>) =
        runs.iter().partition(|it| Some(it.activity_id) == activity);
    let own = own.first().and_then(|it| it.run_number);
    let last = others.iter().filter_map(|it| it.run_number).max().unwrap_or(0);
    let number = wanted.or(own).unwrap_or(last + 1);
    Ok(if !(1..=HIGHEST).contains(&number) {
        Err(Misnumbered::OutOfRange)
    } else if others.iter().any(|it| it.run_number == Some(number)) {
        Err(Misnumbered::Taken(number))
    } else {
        Ok(number)
    })
}

/// The run of a series that has the highest number.
pub async fn last(
    db: &impl ConnectionTrait,
    series: SeriesId,
) -> Result<Option<class::Model>, Failure> {
    Ok(class::Entity::find()
        .filter(Column::SeriesId.eq(series))
        .order_by_desc(Column::RunNumber)
        .one(db)
        .await?)
}

/// A run to be, copied from another class.
pub struct Run {
    pub series: series::Model,
    pub from: activity::Model,
    pub programme: programme::Model,
    /// The programme's owner.
    pub owner: organisation::Model,
    pub host: organisation::Model,
    /// None for the series' title with the number.
    pub title: Option<String>,
    pub venue: Option<String>,
    pub first_day: NaiveDate,
    /// None for the next.
    pub number: Option<i32>,
}

/// Makes the next run of a series as a draft: what is copied of an activity is as of `activity::series`, and the co-hosts
/// and the ladder of leave go along. Whoever looks after it, and who teaches, is said anew.
pub async fn create(
    tx: &DatabaseTransaction,
    run: Run,
    now: DateTime<Utc>,
) -> Result<activity::Model, Error<CreateRunErrorCode>> {
    use CreateRunErrorCode as Code;
    if run.programme.kind != programme::Kind::Academy {
        return Err(Code::NotAClass.at(["programmeId"]).into());
    }
    let owner = crate::organisation::find(tx, run.series.organisation_id).await?;
    if !run.host.path.starts_with(&owner.path) {
        return Err(Code::SeriesOutsideHost.at(["seriesId"]).into());
    }
    let number = match number(tx, run.series.id, None, run.number).await? {
        Ok(number) => number,
        Err(Misnumbered::OutOfRange) => return Err(Code::NumberOutOfRange.at(["number"]).into()),
        Err(Misnumbered::Taken(it)) => {
            return Err(Code::NumberTaken.at(["number"]).about(it).into());
        }
    };
    let item = Item {
        path: Vec::new(),
        host: run.host,
        title: run.title.unwrap_or_else(|| format!("{}第{number}期", run.series.title)),
        venue: run.venue,
        first_day: run.first_day,
        as_template: false,
    };
    let made =
        copies::create(tx, &run.from, &run.programme, &run.owner.path, vec![item], now).await;
    let made = made.map_err(of_copy)?.activities.into_iter().next();
    let made = made.ok_or_else(|| Failure::internal("nothing was copied"))?;
    let row = class::Model {
        activity_id: made.id,
        series_id: Some(run.series.id),
        run_number: Some(number),
        teacher_id: None,
        ..super::of(tx, run.from.id).await?
    };
    super::keep(tx, row).await?;
    Ok(made)
}

/// What a copy refuses, as a run says it.
fn of_copy(error: Error<CreateActivityErrorCode>) -> Error<CreateRunErrorCode> {
    let said = |it: Refused<CreateActivityErrorCode>| Refused {
        code: match it.code {
            CreateActivityErrorCode::DayInvalid => CreateRunErrorCode::DayInvalid,
            _ => CreateRunErrorCode::HostOutsideProgramme,
        },
        path: it.path,
        about: it.about,
    };
    match error {
        Error::Refused(all) => Error::Refused(all.into_iter().map(said).collect()),
        Error::Failed(failure) => Error::Failed(failure),
    }
}
