//! A person on an activity: how one gets there, and how one leaves.
//!
//! Every way in goes through [`desk::Desk::enrol`]. Pools are locked before registrations, always.

pub mod approval;
pub mod at_door;
pub mod bulk;
pub mod change;
pub mod desk;
pub mod enrolment;
pub mod forget;
pub mod graphql;
pub mod lapse;
mod rows;
pub mod seat;
pub mod transfer;
mod waiting;
pub mod ways;

pub use self::rows::{by_id, by_ids, checked_in, live_of, lock_all, locked};

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, Utc};
use entity::{
    activity, attendance, capacity_pool, category, class_member, decision,
    id::{
        ActivityId, AllocationId, CategoryId, GroupId, OrganisationId, PersonId, RegistrationId,
        SessionId,
    },
    organisation, person,
    question::Stage,
    registration::{self, Column, Status},
    session,
};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    sea_query::{Expr, ExprTrait, Query, SelectStatement},
};
use serde::{Deserialize, Serialize};

use crate::{
    authz::{Action, Permit, Reach, Scope, policy::ViewApprovals},
    db::{begins_with, within},
    error::Failure,
    page::{Page, Slice},
    person::find,
    refusals,
};

refusals! {
    /// Why a person was not registered.
    RegisterAttendeeErrorCode, RegisterAttendeeUserError {
        /// The name is missing.
        NameMissing = "姓名不能为空", "the name is missing";
        /// The name is a placeholder, such as 测试.
        NameIsTest = "“{}”不像是姓名", "“{}” is no name";
        /// The phone is missing.
        PhoneMissing = "电话不能为空", "the phone is missing";
        /// The phone is not a number that can be called.
        PhoneInvalid = "“{}”不是有效的电话号码", "“{}” is not a valid phone number";
        /// The mail address is none.
        EmailInvalid = "“{}”不是有效的邮箱地址", "“{}” is not a mail address";
        /// A text is too long.
        TooLong = "不能超过{}个字符", "must not be longer than {} characters";
        /// Neither or both of `person` and `personId` are given.
        PersonUnclear = "person 与 personId 须且只能给出一个", "give either person or personId";
        /// The activity has no category of this name.
        CategoryUnknown = "没有名为“{}”的类别", "there is no category “{}”";
        /// The activity is closed or cancelled, or a template.
        ActivityNotOpen = "活动已结束或取消，或为模板", "the activity is closed or cancelled, or a template";
        /// An answer cannot be taken; the message says why.
        AnswerInvalid = "{}", "{}";
        /// The person is registered for the activity already.
        AlreadyRegistered = "此人已报名", "this person is registered already";
        /// There is no seat left, and here is no waiting for one.
        Full = "名额已满", "there is no seat left";
        /// The activity has no such allocation for this category, or its time is over.
        AllocationUnknown = "没有可用的名额分配", "there is no such allocation, or its time is over";
        /// No seats are set aside for the organisation or one above it.
        NoAllocation = "本单位没有名额", "no seats are set aside for this organisation";
        /// The reply-by time is over already.
        ReplyByPast = "回复截止时间须在将来", "the reply-by time is over already";
        /// A reason is needed.
        ReasonMissing = "请填写原因", "give a reason";
        /// The registration to be replaced is not live any more.
        NotLive = "报名已不在有效状态", "the registration is not live any more";
        /// The person to be replaced has checked in.
        CheckedIn = "此人已签到", "this person has checked in";
        /// The session takes nobody who is not registered.
        WalkInsRefused = "此场次不接受现场报名", "this session takes nobody who is not registered";
        /// The door of the session takes nobody at this time.
        DoorShut = "此场次当前不签到", "the door of this session takes nobody at this time";
        /// The scan id is on record for somebody else.
        ScanIdReused = "此扫码编号已用于他人", "this scan id was used for somebody else";
    }
}

refusals! {
    /// Why a registration was not changed.
    RegistrationErrorCode, RegistrationUserError {
        /// It is not live any more.
        NotLive = "报名已不在有效状态", "the registration is not live any more";
        /// The person has checked in.
        CheckedIn = "此人已签到", "this person has checked in";
        /// Its status does not allow it, or it has changed in the meantime.
        WrongStatus = "报名当前状态不允许此操作", "the registration's status does not allow it";
        /// The activity is not of an academy's programme.
        NotAClass = "只有学院项目的班级才有入班和退班", "one enrols in and withdraws from an academy's classes only";
        /// The day is behind the last session of the class, or withdrawal would be before enrolment.
        DayInvalid = "日期须不晚于最后一次课，且退班不早于入班", "the day must not be behind the last session, nor withdrawal before enrolment";
        /// There is no seat left.
        Full = "名额已满", "there is no seat left";
        /// The time for an answer is over.
        ReplyTooLate = "已过回复截止时间", "the time for an answer is over";
        /// The activity is closed or cancelled, or a template.
        ActivityNotOpen = "活动已结束或取消，或为模板", "the activity is closed or cancelled, or a template";
        /// The person has another live registration there.
        AlreadyRegistered = "此人已报名", "this person is registered already";
        /// The activity has no category of this name.
        CategoryUnknown = "没有名为“{}”的类别", "there is no category “{}”";
        /// Neither or both of `category` and `toActivityId` are given.
        TargetUnclear = "category 与 toActivityId 须且只能给出一个", "give either category or toActivityId";
        /// The priority is not from -1000 to 1000.
        PriorityOutOfRange = "优先级须在-1000至1000之间", "a priority is from -1000 to 1000";
        /// The activity has no such registration.
        NotThere = "活动没有这条报名", "the activity has no such registration";
        /// Whoever asked for it may not do so any more.
        NotAllowed = "操作人已无权限", "who asked for it may not do so any more";
        /// A reason is needed.
        ReasonMissing = "请填写原因", "give a reason";
        /// A text is too long.
        TooLong = "不能超过{}个字符", "must not be longer than {} characters";
    }
}

/// Which registrations a list is narrowed to. An export keeps it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Filter {
    pub statuses: Option<Vec<Status>>,
    pub category: Option<String>,
    pub search: Option<String>,
    pub form_due: Option<Stage>,
    /// Those in this group of a class.
    pub group: Option<GroupId>,
    /// Those that wait for this organisation's say.
    pub waits_for: Option<OrganisationId>,
    /// Those recommended by this organisation or one below it, by its path.
    pub recommended_below: Vec<String>,
    pub reply_by_before: Option<DateTime<Utc>>,
}

/// The registrations of the permit's activity, in the order in which they were made.
pub async fn list<A: Action<On = activity::Model>>(
    db: &impl ConnectionTrait,
    permit: &Permit<A>,
    filter: Filter,
    slice: Slice<RegistrationId>,
) -> Result<Page<registration::Model>, Failure> {
    let activity = permit.on().id;
    let query = registration::Entity::find().filter(narrowed(activity, filter));
    slice.below(query, (Column::ActivityId, activity), Column::Id, db).await
}

/// What narrows the registrations of an activity.
#[must_use]
pub fn condition(activity: ActivityId, filter: Filter) -> Condition {
    narrowed(activity, filter).add(Column::ActivityId.eq(activity))
}

/// The same of registrations that are known to be the activity's.
fn narrowed(activity: ActivityId, filter: Filter) -> Condition {
    let mut all = Condition::all();
    if let Some(statuses) = filter.statuses {
        all = all.add(Column::Status.is_in(statuses));
    }
    if let Some(category) = filter.category {
        let named = Query::select()
            .column(category::Column::Id)
            .from(category::Entity)
            .and_where(category::Column::ActivityId.eq(activity))
            .and_where(category::Column::Name.eq(category))
            .to_owned();
        all = all.add(Column::CategoryId.in_subquery(named));
    }
    if let Some(search) = filter.search {
        let people = Query::select()
            .column(person::Column::Id)
            .from(person::Entity)
            .and_where(find::matches(&search))
            .to_owned();
        all = all.add(Column::PersonId.in_subquery(people));
    }
    if let Some(group) = filter.group {
        let members = Query::select()
            .column(class_member::Column::RegistrationId)
            .from(class_member::Entity)
            .and_where(class_member::Column::GroupId.eq(group))
            .to_owned();
        all = all.add(Column::Id.in_subquery(members));
    }
    if let Some(organisation) = filter.waits_for {
        all = all.add(Column::WaitsForId.eq(organisation));
    }
    if let Some(before) = filter.reply_by_before {
        all = all.add(Column::ReplyBy.lt(before));
    }
    if let Some(stage) = filter.form_due {
        all = all.add(crate::form::is_due(activity, stage));
    }
    if !filter.recommended_below.is_empty() {
        let paths = filter.recommended_below.iter().map(String::as_str);
        all = all.add(Column::RecommenderId.in_subquery(below(paths)));
    }
    all
}

/// The organisations at or below some paths.
fn below<'a>(paths: impl Iterator<Item = &'a str>) -> SelectStatement {
    let any = paths.fold(Condition::any(), |any, path| {
        any.add(begins_with((organisation::Entity, organisation::Column::Path), path))
    });
    Query::select()
        .column((organisation::Entity, organisation::Column::Id))
        .from(organisation::Entity)
        .cond_where(any)
        .to_owned()
}

/// The registrations that wait for the say of an organisation in reach, in the order in which they were made.
pub async fn waiting_for(
    db: &impl ConnectionTrait,
    reach: &Reach<ViewApprovals>,
    activity: Option<ActivityId>,
    slice: Slice<RegistrationId>,
) -> Result<Page<registration::Model>, Failure> {
    let mut query = registration::Entity::find().filter(Column::Status.eq(Status::Pending)).filter(
        reach.condition(|_, scope| match scope {
            Scope::Organisation(_, path) => {
                Column::WaitsForId.in_subquery(below(std::iter::once(path.as_str())))
            }
            Scope::Programme(_) | Scope::Activity(_) => Expr::val(1).eq(0),
        }),
    );
    if let Some(activity) = activity {
        query = query.filter(Column::ActivityId.eq(activity));
    }
    slice.of(query.cursor_by(Column::Id), db).await
}

/// What is shown beside some registrations, each kind fetched with one statement for all of them.
#[derive(Default)]
pub struct Beside {
    /// Whether an absent entry of `attendances` means that there is none.
    pub attendances_were_wanted: bool,
    /// Whether an absent entry of `decisions` means that there is none.
    pub decisions_were_wanted: bool,
    pub organisations: HashMap<OrganisationId, organisation::Model>,
    pub allocations: HashMap<AllocationId, capacity_pool::Model>,
    pub decisions: HashMap<RegistrationId, Vec<decision::Model>>,
    pub people: HashMap<PersonId, Arc<person::Model>>,
    pub categories: HashMap<CategoryId, category::Model>,
    pub attendances: HashMap<RegistrationId, Vec<attendance::Model>>,
    pub sessions: HashMap<SessionId, session::Model>,
    pub form: Option<crate::form::Answered>,
    pub credits: Option<HashMap<RegistrationId, i32>>,
    pub completions: Option<HashMap<RegistrationId, crate::credit::rule::Completion>>,
}

/// Which kinds are wanted.
#[derive(Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "kinds of things, each wanted or not")]
pub struct Wanted {
    pub people: bool,
    pub categories: bool,
    pub attendances: bool,
    pub sessions: bool,
    pub organisations: bool,
    pub allocations: bool,
    pub decisions: bool,
    pub answers: bool,
    pub credits: bool,
    pub completions: bool,
}

/// Fetches what is wanted beside these registrations.
pub async fn beside(
    db: &impl ConnectionTrait,
    rows: &[registration::Model],
    wanted: Wanted,
) -> Result<Beside, Failure> {
    let mut beside = Beside {
        attendances_were_wanted: wanted.attendances,
        decisions_were_wanted: wanted.decisions,
        ..Beside::default()
    };
    if rows.is_empty() {
        return Ok(beside);
    }
    if wanted.people {
        let found = person::Entity::find().filter(within(
            (person::Entity, person::Column::Id),
            rows.iter().map(|it| it.person_id),
        ));
        beside.people = found.all(db).await?.into_iter().map(|it| (it.id, it.into())).collect();
    }
    if wanted.categories {
        let ids: std::collections::BTreeSet<CategoryId> =
            rows.iter().filter_map(|it| it.category_id).collect();
        if !ids.is_empty() {
            let found = category::Entity::find()
                .filter(within((category::Entity, category::Column::Id), ids));
            beside.categories = found.all(db).await?.into_iter().map(|it| (it.id, it)).collect();
        }
    }
    if wanted.attendances {
        let found = attendance::Entity::find()
            .filter(within(
                (attendance::Entity, attendance::Column::RegistrationId),
                rows.iter().map(|it| it.id),
            ))
            .order_by_asc(attendance::Column::Id);
        for it in found.all(db).await? {
            beside.attendances.entry(it.registration_id).or_default().push(it);
        }
    }
    if wanted.attendances && wanted.sessions {
        let activities: std::collections::BTreeSet<ActivityId> =
            rows.iter().map(|it| it.activity_id).collect();
        let found = crate::session::schedules(db, activities).await?;
        beside.sessions = found.into_iter().map(|it| (it.id, it)).collect();
    }
    if wanted.answers {
        beside.form = Some(crate::form::answered(db, rows).await?);
    }
    if wanted.credits {
        let ids = rows.iter().map(|it| it.id);
        beside.credits = Some(crate::credit::totals(db, ids).await?);
    }
    if wanted.completions {
        beside.completions = Some(crate::credit::completion::of(db, rows).await?);
    }
    if wanted.organisations {
        let ids: std::collections::BTreeSet<OrganisationId> =
            rows.iter().flat_map(|it| [it.recommender_id, it.waits_for_id]).flatten().collect();
        if !ids.is_empty() {
            let found = organisation::Entity::find()
                .filter(within((organisation::Entity, organisation::Column::Id), ids));
            beside.organisations = found.all(db).await?.into_iter().map(|it| (it.id, it)).collect();
        }
    }
    if wanted.allocations {
        let ids: std::collections::BTreeSet<AllocationId> =
            rows.iter().filter_map(|it| it.allocation_id).collect();
        if !ids.is_empty() {
            let found = capacity_pool::Entity::find()
                .filter(within((capacity_pool::Entity, capacity_pool::Column::Id), ids));
            beside.allocations = found.all(db).await?.into_iter().map(|it| (it.id, it)).collect();
        }
    }
    if wanted.decisions {
        beside.decisions = approval::decisions(db, rows.iter().map(|it| it.id)).await?;
    }
    Ok(beside)
}

/// The attendances of one registration, in the order in which they were taken.
pub async fn attendances(
    db: &impl ConnectionTrait,
    registration: RegistrationId,
) -> Result<Vec<attendance::Model>, Failure> {
    Ok(attendance::Entity::find()
        .filter(attendance::Column::RegistrationId.eq(registration))
        .order_by_asc(attendance::Column::Id)
        .all(db)
        .await?)
}
