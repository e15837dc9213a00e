//! What people register for, from draft to closed.

pub mod graphql;
pub mod series;

use chrono::{DateTime, Utc};
use entity::{
    activity::{self, Column, Status},
    capacity_pool, category,
    id::{ActivityId, CategoryId, OrganisationId, ProgrammeId},
    organisation, programme,
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, Query, SimpleExpr},
};

use crate::{
    authz::{
        Permit, Reach, Scope,
        policy::{
            CancelActivity, CloseActivity, CreateCategory, PublishActivity, SetCapacity,
            SetRegistrationRules, UpdateActivity, ViewActivity,
        },
    },
    capacity,
    db::{begins_with, is_duplicate, within},
    error::{Error, Failure, Refusal, Refused},
    organisation::ids_of,
    page::{Page, Slice},
    refusals,
    registration::desk::Desk,
    session::{self as sessions, Draft as SessionDraft, SessionErrorCode},
};

refusals! {
    /// Why an activity was not made or changed.
    CreateActivityErrorCode, CreateActivityUserError {
        /// A text that is needed is missing.
        Required = "不能为空", "must not be empty";
        /// A text is too long.
        TooLong = "不能超过{}个字符", "must not be longer than {} characters";
        /// No such time zone in the IANA database.
        TimeZoneUnknown = "没有名为“{}”的时区", "there is no time zone “{}”";
        /// A capacity is not a number from 0 to 1,000,000.
        CapacityOutOfRange = "人数须在0至1000000之间", "a capacity is from 0 to 1,000,000";
        /// Two categories have one name.
        CategoryTwice = "类别“{}”重复", "the category “{}” is there twice";
        /// More than 50 categories or 200 sessions.
        TooMany = "最多{}项", "at most {}";
        /// A session does not end after it starts.
        EndsBeforeStart = "结束时间须晚于开始时间", "a session ends after it starts";
        /// A door does not close after it opens.
        ClosesBeforeOpens = "签到截止须晚于签到开始", "a door closes after it opens";
        /// The credit hours are not a number from 0 to 1000 with at most two decimals.
        CreditHoursInvalid = "学时须为0至1000的数，最多两位小数", "credit hours are from 0 to 1000, with at most two decimals";
        /// A session would close itself more than 720 hours after its end, or before it.
        ClosesAfterInvalid = "自动结束考勤须在场次结束后0至720小时", "a session closes itself from 0 to 720 hours after its end";
        /// A day is not in the calendar, which ends with the year 9999.
        DayInvalid = "日期超出范围", "the day is out of the calendar";
        /// The host is neither the programme's owner nor below it.
        HostOutsideProgramme = "主办单位须为项目所属组织或其下级", "the host must be the programme's owner or below it";
    }
}

refusals! {
    /// Why an activity did not go on to its next status.
    ActivityStatusErrorCode, ActivityStatusUserError {
        /// It has no session, so nobody could attend it.
        NoSession = "活动还没有场次", "the activity has no session";
        /// Its status does not allow it.
        WrongStatus = "活动当前状态不允许此操作", "the activity's status does not allow it";
        /// A reason is needed.
        ReasonMissing = "请填写原因", "give a reason";
        /// A text is too long.
        TooLong = "不能超过{}个字符", "must not be longer than {} characters";
        /// A template stays a draft; make an activity from it.
        IsTemplate = "这是模板，请由它新建活动", "this is a template; make an activity from it";
    }
}

refusals! {
    /// Why a category was not added, or the seats not changed.
    CapacityErrorCode, CapacityUserError {
        /// A text that is needed is missing.
        Required = "不能为空", "must not be empty";
        /// A text is too long.
        TooLong = "不能超过{}个字符", "must not be longer than {} characters";
        /// A capacity is not a number from 0 to 1,000,000.
        CapacityOutOfRange = "人数须在0至1000000之间", "a capacity is from 0 to 1,000,000";
        /// The activity has a category of this name.
        CategoryTwice = "类别“{}”重复", "the category “{}” is there already";
        /// The activity has no category of this name.
        CategoryUnknown = "没有名为“{}”的类别", "there is no category “{}”";
        /// More seats are taken than it would have.
        BelowTaken = "已占用或已分配的名额多于此数", "more seats are taken or set aside than that";
    }
}

/// The most seats that a pool can have.
pub const MOST_SEATS: i32 = 1_000_000;

/// How long an offer of a seat stands unless the activity says otherwise: a day.
pub const OFFER_MINUTES: i32 = 24 * 60;

/// A category to be, in the order of the list.
pub struct CategoryDraft {
    pub name: String,
    pub capacity: Option<i32>,
}

/// What an activity is made from.
pub struct Draft {
    pub programme: programme::Model,
    pub host: organisation::Model,
    pub title: String,
    pub venue: Option<String>,
    pub time_zone: String,
    pub capacity: Option<i32>,
    pub categories: Vec<CategoryDraft>,
    pub sessions: Vec<SessionDraft>,
    pub is_template: bool,
}

impl From<SessionErrorCode> for CreateActivityErrorCode {
    fn from(code: SessionErrorCode) -> Self {
        match code {
            SessionErrorCode::Required => Self::Required,
            SessionErrorCode::TooLong => Self::TooLong,
            SessionErrorCode::EndsBeforeStart => Self::EndsBeforeStart,
            SessionErrorCode::ClosesBeforeOpens => Self::ClosesBeforeOpens,
            SessionErrorCode::CreditHoursInvalid => Self::CreditHoursInvalid,
            SessionErrorCode::ClosesAfterInvalid => Self::ClosesAfterInvalid,
        }
    }
}

impl Draft {
    /// What is wrong with it beyond its texts.
    #[must_use]
    pub fn faults(&self, owner_path: &str) -> Vec<Refused<CreateActivityErrorCode>> {
        use CreateActivityErrorCode as Code;
        let mut faults = Vec::new();
        if self.time_zone.parse::<chrono_tz::Tz>().is_err() {
            faults.push(Code::TimeZoneUnknown.at(["timeZone"]).about(&self.time_zone));
        }
        if !self.host.path.starts_with(owner_path) {
            faults.push(Code::HostOutsideProgramme.at(["hostId"]));
        }
        if !seats_are_sane(self.capacity) {
            faults.push(Code::CapacityOutOfRange.at(["capacity"]));
        }
        for (field, count, most) in
            [("categories", self.categories.len(), 50), ("sessions", self.sessions.len(), 200)]
        {
            if count > most {
                faults.push(Code::TooMany.at([field]).about(most));
            }
        }
        for (at, it) in self.categories.iter().enumerate() {
            if !seats_are_sane(it.capacity) {
                faults.push(Code::CapacityOutOfRange.at([
                    "categories",
                    &at.to_string(),
                    "capacity",
                ]));
            }
            if self.categories[..at].iter().any(|other| other.name == it.name) {
                faults.push(
                    Code::CategoryTwice.at(["categories", &at.to_string(), "name"]).about(&it.name),
                );
            }
        }
        for (at, it) in self.sessions.iter().enumerate() {
            let found = it.faults().into_iter();
            faults
                .extend(found.map(|(code, field)| {
                    Code::from(code).at(["sessions", &at.to_string(), field])
                }));
        }
        faults
    }
}

/// Whether a capacity is one that a pool can have.
#[must_use]
pub fn seats_are_sane(capacity: Option<i32>) -> bool {
    capacity.is_none_or(|it| (0..=MOST_SEATS).contains(&it))
}

/// Makes an activity with its categories and sessions, as a draft. The caller holds a permit on the programme or on
/// the host, and has found no faults.
pub async fn create(
    tx: &DatabaseTransaction,
    draft: Draft,
    now: DateTime<Utc>,
) -> Result<activity::Model, Failure> {
    let id = ActivityId::generate();
    let row = activity::Model {
        id,
        programme_id: draft.programme.id,
        kind: draft.programme.kind,
        host_id: draft.host.id,
        title: draft.title,
        venue: draft.venue,
        status: Status::Draft,
        time_zone: draft.time_zone,
        starts_at: draft.sessions.iter().map(|it| it.starts_at).min(),
        ends_at: draft.sessions.iter().map(|it| it.ends_at).max(),
        cancel_reason: None,
        created_at: now,
        approval: activity::Approval::default(),
        offer_minutes: OFFER_MINUTES,
        is_template: draft.is_template,
    };
    let active: activity::ActiveModel = row.clone().into();
    activity::Entity::insert(active.reset_all()).exec_without_returning(tx).await?;
    capacity::open(tx, id, None, draft.capacity).await?;
    for (at, it) in draft.categories.into_iter().enumerate() {
        add_category(tx, id, it, at).await?;
    }
    for it in draft.sessions {
        sessions::insert(tx, it.row(id)).await?;
    }
    Ok(row)
}

async fn add_category(
    tx: &impl ConnectionTrait,
    activity: ActivityId,
    draft: CategoryDraft,
    position: usize,
) -> Result<category::Model, sea_orm::DbErr> {
    let row = category::ActiveModel {
        id: Set(CategoryId::generate()),
        activity_id: Set(activity),
        name: Set(draft.name),
        position: Set(i32::try_from(position).unwrap_or(i32::MAX)),
    };
    let row = row.insert(tx).await?;
    let pool = capacity::open(tx, activity, Some(row.id), draft.capacity).await;
    pool.map_err(|failure| sea_orm::DbErr::Custom(failure.to_string()))?;
    Ok(row)
}

/// What of an activity is to be changed; what is none stays.
#[derive(Default)]
pub struct Change {
    pub title: Option<String>,
    pub venue: Option<String>,
}

/// Changes what an activity says of itself.
pub async fn update(
    tx: &DatabaseTransaction,
    permit: &Permit<UpdateActivity>,
    change: Change,
) -> Result<activity::Model, Failure> {
    let mut row: activity::ActiveModel = permit.on().clone().into();
    if let Some(title) = change.title {
        row.title = Set(title);
    }
    if let Some(venue) = change.venue {
        row.venue = Set(Some(venue));
    }
    Ok(row.update(tx).await?)
}

/// Opens an activity to its audience. Publishing what is published changes nothing.
pub async fn publish(
    tx: &DatabaseTransaction,
    permit: &Permit<PublishActivity>,
) -> Result<activity::Model, Error<ActivityStatusErrorCode>> {
    let it = unless_template(locked(tx, permit.on().id).await?)?;
    match it.status {
        Status::Published => Ok(it),
        Status::Draft if sessions::schedule(tx, it.id).await?.is_empty() => {
            Err(ActivityStatusErrorCode::NoSession.at(["activityId"]).into())
        }
        Status::Draft => Ok(turn(tx, it, Status::Published, None).await?),
        Status::Closed | Status::Cancelled => {
            Err(ActivityStatusErrorCode::WrongStatus.at(["activityId"]).into())
        }
    }
}

/// Closes an activity that is over. Nothing new is registered from then on; doors go by their own times.
pub async fn close(
    tx: &DatabaseTransaction,
    permit: &Permit<CloseActivity>,
) -> Result<activity::Model, Error<ActivityStatusErrorCode>> {
    let it = unless_template(locked(tx, permit.on().id).await?)?;
    match it.status {
        Status::Closed => Ok(it),
        Status::Published => Ok(turn(tx, it, Status::Closed, None).await?),
        Status::Draft | Status::Cancelled => {
            Err(ActivityStatusErrorCode::WrongStatus.at(["activityId"]).into())
        }
    }
}

/// Calls an activity off, for a reason. What is closed cannot be.
pub async fn cancel(
    tx: &DatabaseTransaction,
    permit: &Permit<CancelActivity>,
    reason: String,
) -> Result<activity::Model, Error<ActivityStatusErrorCode>> {
    let it = unless_template(locked(tx, permit.on().id).await?)?;
    match it.status {
        Status::Cancelled => Ok(it),
        Status::Draft | Status::Published => {
            Ok(turn(tx, it, Status::Cancelled, Some(reason)).await?)
        }
        Status::Closed => Err(ActivityStatusErrorCode::WrongStatus.at(["activityId"]).into()),
    }
}

/// The activity as it is now, locked against rivals that would change its status.
async fn locked(tx: &DatabaseTransaction, id: ActivityId) -> Result<activity::Model, Failure> {
    activity::Entity::find_by_id(id).lock_exclusive().one(tx).await?.ok_or(Failure::NotFound)
}

/// Refuses to take a template any further.
fn unless_template(
    it: activity::Model,
) -> Result<activity::Model, Refused<ActivityStatusErrorCode>> {
    if it.is_template {
        return Err(ActivityStatusErrorCode::IsTemplate.at(["activityId"]));
    }
    Ok(it)
}

/// Gives an activity another status; the reason goes with CANCELLED alone. The caller has found that it may.
pub async fn turn(
    tx: &DatabaseTransaction,
    it: activity::Model,
    status: Status,
    reason: Option<String>,
) -> Result<activity::Model, Failure> {
    let mut row: activity::ActiveModel = it.into();
    row.status = Set(status);
    row.cancel_reason = Set(reason);
    Ok(row.update(tx).await?)
}

/// Adds a category behind those that are there.
pub async fn create_category(
    tx: &DatabaseTransaction,
    permit: &Permit<CreateCategory>,
    draft: CategoryDraft,
) -> Result<category::Model, Error<CapacityErrorCode>> {
    let name = draft.name.clone();
    let there = categories(tx, permit.on().id).await?.len();
    add_category(tx, permit.on().id, draft, there).await.map_err(|error| {
        if is_duplicate(&error) {
            CapacityErrorCode::CategoryTwice.at(["name"]).about(name).into()
        } else {
            error.into()
        }
    })
}

/// Gives the whole activity, or a category of it, another number of seats; none for as many as come. New seats are
/// offered to those who wait.
pub async fn set_capacity(
    tx: &DatabaseTransaction,
    permit: &Permit<SetCapacity>,
    category: Option<&str>,
    capacity: Option<i32>,
    now: DateTime<Utc>,
) -> Result<activity::Model, Error<CapacityErrorCode>> {
    let category = match category {
        None => None,
        Some(name) => match category_named(tx, permit.on().id, name).await? {
            None => {
                return Err(CapacityErrorCode::CategoryUnknown.at(["category"]).about(name).into());
            }
            found => found.map(|it| it.id),
        },
    };
    let mut desk = Desk::open(tx, permit.on().id, now).await?;
    if !desk.pools.resize(category, capacity).ok_or(Failure::NotFound)? {
        return Err(CapacityErrorCode::BelowTaken.at(["capacity"]).into());
    }
    desk.close().await?;
    Ok(permit.on().clone())
}

/// The categories of an activity, in their order.
pub async fn categories(
    db: &impl ConnectionTrait,
    activity: ActivityId,
) -> Result<Vec<category::Model>, Failure> {
    Ok(category::Entity::find()
        .filter(category::Column::ActivityId.eq(activity))
        .order_by_asc(category::Column::Position)
        .order_by_asc(category::Column::Id)
        .all(db)
        .await?)
}

/// The categories of some activities, in no order.
pub async fn categories_of(
    db: &impl ConnectionTrait,
    activities: impl IntoIterator<Item = ActivityId>,
) -> Result<Vec<category::Model>, Failure> {
    Ok(category::Entity::find()
        .filter(within((category::Entity, category::Column::ActivityId), activities))
        .all(db)
        .await?)
}

/// The category of an activity that has this name.
pub async fn category_named(
    db: &impl ConnectionTrait,
    activity: ActivityId,
    name: &str,
) -> Result<Option<category::Model>, Failure> {
    Ok(category::Entity::find()
        .filter(category::Column::ActivityId.eq(activity))
        .filter(category::Column::Name.eq(name))
        .one(db)
        .await?)
}

/// That an activity of an organisation above takes people from `path`: it sets seats aside for them, or takes
/// recommendations. The same as `authz::place` says of one.
fn is_open_to(path: &str) -> SimpleExpr {
    let line: Vec<OrganisationId> = ids_of(path).collect();
    let set_aside = Query::select()
        .column(capacity_pool::Column::ActivityId)
        .from(capacity_pool::Entity)
        .and_where(Expr::col(capacity_pool::Column::OrganisationId).is_in(line.iter().copied()))
        .to_owned();
    let recommended = Expr::col((activity::Entity, Column::Approval))
        .cast_as("text")
        .ne("[]")
        .and(Column::HostId.is_in(line));
    Column::Status.ne(Status::Draft).and(Column::Id.in_subquery(set_aside).or(recommended))
}

/// Which activities a list is narrowed to.
#[derive(Default)]
pub struct Filter {
    pub programme: Option<ProgrammeId>,
    pub kind: Option<programme::Kind>,
    pub year: Option<i32>,
    pub statuses: Option<Vec<Status>>,
    pub starts_from: Option<DateTime<Utc>>,
    pub starts_before: Option<DateTime<Utc>>,
    pub title: Option<String>,
    /// Templates alone; they are in no other list.
    pub templates: bool,
}

/// What narrows activities to those in reach.
fn in_reach(reach: &Reach<ViewActivity>) -> Condition {
    reach.condition(|_, scope| match scope {
        Scope::Organisation(_, path) => {
            let hosted = Query::select()
                .column(organisation::Column::Id)
                .from(organisation::Entity)
                .and_where(begins_with((organisation::Entity, organisation::Column::Path), path))
                .to_owned();
            Column::HostId.in_subquery(hosted).or(is_open_to(path))
        }
        Scope::Programme(id) => Column::ProgrammeId.eq(*id),
        Scope::Activity(id) => Column::Id.eq(*id),
    })
}

/// Those of some activities that are in reach.
pub async fn seen(
    db: &impl ConnectionTrait,
    reach: &Reach<ViewActivity>,
    ids: impl IntoIterator<Item = ActivityId>,
) -> Result<Vec<activity::Model>, Failure> {
    let some = within((activity::Entity, Column::Id), ids);
    Ok(activity::Entity::find().filter(in_reach(reach)).filter(some).all(db).await?)
}

/// The activities in reach, newest first.
pub async fn list(
    db: &impl ConnectionTrait,
    reach: &Reach<ViewActivity>,
    filter: Filter,
    slice: Slice<ActivityId>,
) -> Result<Page<activity::Model>, Failure> {
    let mut all =
        Condition::all().add(in_reach(reach)).add(Column::IsTemplate.eq(filter.templates));
    if let Some(id) = filter.programme {
        all = all.add(Column::ProgrammeId.eq(id));
    }
    if let Some(kind) = filter.kind {
        all = all.add(Column::Kind.eq(kind));
    }
    if let Some(year) = filter.year {
        let of_year = Query::select()
            .column(programme::Column::Id)
            .from(programme::Entity)
            .and_where(programme::Column::Year.eq(year))
            .to_owned();
        all = all.add(Column::ProgrammeId.in_subquery(of_year));
    }
    if let Some(statuses) = filter.statuses {
        all = all.add(Column::Status.is_in(statuses));
    }
    if let Some(from) = filter.starts_from {
        all = all.add(Column::StartsAt.gte(from));
    }
    if let Some(before) = filter.starts_before {
        all = all.add(Column::StartsAt.lt(before));
    }
    if let Some(title) = filter.title {
        all = all.add(Column::Title.contains(title));
    }
    let mut cursor = activity::Entity::find().filter(all).cursor_by(Column::Id);
    cursor.desc();
    slice.of(cursor, db).await
}

/// How registrations of an activity are dealt with.
pub struct Rules {
    /// The steps by which recommended ones are approved, at most three and each once; none where none is needed.
    pub approval: Vec<activity::Step>,
    /// How long an offer of a seat stands, in minutes.
    pub offer_minutes: i32,
}

/// Says how registrations of an activity are dealt with. What waits for approval already stays at its step.
pub async fn set_rules(
    tx: &DatabaseTransaction,
    permit: &Permit<SetRegistrationRules>,
    rules: Rules,
) -> Result<activity::Model, Failure> {
    let it = locked(tx, permit.on().id).await?;
    let mut row: activity::ActiveModel = it.into();
    row.approval = Set(activity::Approval(rules.approval));
    row.offer_minutes = Set(rules.offer_minutes);
    Ok(row.update(tx).await?)
}
