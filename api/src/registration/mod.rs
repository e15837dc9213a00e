//! A person on an activity: how one gets there, and how one leaves.
//!
//! Every way in goes through [`enrol`]. Pools are locked before registrations, always.

pub mod graphql;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::{
    activity, attendance, category,
    id::{ActivityId, CategoryId, PersonId, RegistrationId, RosterBatchId, SessionId},
    person,
    registration::{self, Column, Details, Status},
    session,
};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait,
    DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Query,
};

use crate::{
    authn,
    authz::{
        Action, Permit,
        policy::{CancelRegistration, RegisterAttendee},
    },
    capacity::Pools,
    db::{CHUNK, is_duplicate, within},
    error::{Error, Failure, Refusal},
    page::{Page, Slice},
    person::{Entry, find, name::Namer},
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
        /// A text is too long.
        TooLong = "不能超过{}个字符", "must not be longer than {} characters";
        /// Neither or both of `person` and `personId` are given.
        PersonUnclear = "person 与 personId 须且只能给出一个", "give either person or personId";
        /// The activity has no category of this name.
        CategoryUnknown = "没有名为“{}”的类别", "there is no category “{}”";
        /// The activity is closed or cancelled.
        ActivityNotOpen = "活动已结束或取消", "the activity is closed or cancelled";
        /// The person is registered for the activity already.
        AlreadyRegistered = "此人已报名", "this person is registered already";
    }
}

refusals! {
    /// Why a registration was not cancelled.
    CancelRegistrationErrorCode, CancelRegistrationUserError {
        /// It is not live any more.
        NotLive = "报名已不在有效状态", "the registration is not live any more";
        /// The person has checked in.
        CheckedIn = "此人已签到", "this person has checked in";
        /// A text is too long.
        TooLong = "不能超过{}个字符", "must not be longer than {} characters";
    }
}

/// A registration to be.
pub struct New {
    pub person: PersonId,
    pub category: Option<CategoryId>,
    pub organisation_name: Option<String>,
    pub title: Option<String>,
    pub details: Details,
    /// Whether the person comes. Whoever does not is put on record as DECLINED, without a seat.
    pub attending: bool,
    /// The batch and the row that list it, if a roster does.
    pub listed: Option<(RosterBatchId, i32)>,
}

/// Registers people: the one routine behind every way in. Each takes a seat from all its pools or waits for one, in
/// the order given. What breaks the rule of one live registration per person comes out as the database's error.
pub async fn enrol(
    tx: &DatabaseTransaction,
    pools: &mut Pools,
    activity: ActivityId,
    people: Vec<New>,
    now: DateTime<Utc>,
) -> Result<Vec<registration::Model>, Failure> {
    let mut rows = Vec::with_capacity(people.len());
    for it in people {
        let status = match it.attending {
            false => Status::Declined,
            true if pools.take(it.category) => Status::Confirmed,
            true => Status::Waitlisted,
        };
        let id = RegistrationId::generate();
        let (list_key, list_row) = it.listed.map_or((id.0, 0), |(batch, row)| (batch.0, row));
        rows.push(registration::Model {
            id,
            activity_id: activity,
            person_id: it.person,
            category_id: it.category,
            status,
            ticket_code: authn::ticket_code()?,
            organisation_name: it.organisation_name,
            title: it.title,
            details: it.details,
            list_key,
            list_row,
            batch_id: it.listed.map(|(batch, _)| batch),
            registered_at: now,
            status_at: now,
            cancel_reason: None,
        });
    }
    for chunk in rows.chunks(CHUNK) {
        let chunk =
            chunk.iter().map(|row| registration::ActiveModel::from(row.clone()).reset_all());
        registration::Entity::insert_many(chunk).exec_without_returning(tx).await?;
    }
    Ok(rows)
}

/// Who is to be registered: somebody typed in, or somebody on record.
pub enum Whom {
    Entry(Entry),
    Person(person::Model),
}

/// Registers one person. Full means WAITLISTED.
#[expect(clippy::too_many_arguments, reason = "the permit, the tools, and the fields of one form")]
pub async fn register(
    tx: &DatabaseTransaction,
    permit: &Permit<RegisterAttendee>,
    namer: &Namer,
    whom: Whom,
    organisation_name: Option<String>,
    title: Option<String>,
    category: Option<category::Model>,
    now: DateTime<Utc>,
) -> Result<registration::Model, Error<RegisterAttendeeErrorCode>> {
    let activity = permit.on();
    let mut pools = Pools::lock(tx, activity.id).await?;
    refuse_unless_open(tx, activity.id).await?;
    let person = match whom {
        Whom::Person(person) => person,
        Whom::Entry(entry) => {
            let found =
                crate::person::recognise_or_make(tx, namer, activity.host_id, &[entry], now)
                    .await?;
            found
                .into_iter()
                .next()
                .map(|(person, _)| person)
                .ok_or_else(|| Failure::internal("nobody was made"))?
        }
    };
    let new = New {
        person: person.id,
        category: category.map(|it| it.id),
        organisation_name,
        title,
        details: Details::default(),
        attending: true,
        listed: None,
    };
    let rows = match enrol(tx, &mut pools, activity.id, vec![new], now).await {
        Err(Failure::Db(error)) if is_duplicate(&error) => {
            return Err(RegisterAttendeeErrorCode::AlreadyRegistered.at(["person"]).into());
        }
        rows => rows?,
    };
    pools.settle(tx).await?;
    rows.into_iter().next().ok_or_else(|| Failure::internal("nobody was enrolled").into())
}

/// A rival may have closed or cancelled the activity since the permit was given.
async fn refuse_unless_open(
    tx: &DatabaseTransaction,
    activity: ActivityId,
) -> Result<(), Error<RegisterAttendeeErrorCode>> {
    if is_open(tx, activity).await? {
        Ok(())
    } else {
        Err(RegisterAttendeeErrorCode::ActivityNotOpen.at(["activityId"]).into())
    }
}

/// Whether people can still be registered: organisers begin while the activity is a draft.
pub async fn is_open(tx: &DatabaseTransaction, activity: ActivityId) -> Result<bool, Failure> {
    let row = activity::Entity::find_by_id(activity)
        .lock_shared()
        .one(tx)
        .await?
        .ok_or(Failure::NotFound)?;
    Ok(matches!(row.status, activity::Status::Draft | activity::Status::Published))
}

/// Cancels a registration and frees its seat. Sent twice, the second is told that it is not live any more.
pub async fn cancel(
    tx: &DatabaseTransaction,
    permit: &Permit<CancelRegistration>,
    reason: Option<String>,
    now: DateTime<Utc>,
) -> Result<registration::Model, Error<CancelRegistrationErrorCode>> {
    let mut pools = Pools::lock(tx, permit.on().activity_id).await?;
    let it = locked(tx, permit.on().id).await?;
    if !it.status.is_live() {
        return Err(CancelRegistrationErrorCode::NotLive.at(["registrationId"]).into());
    }
    if !checked_in(tx, [it.id]).await?.is_empty() {
        return Err(CancelRegistrationErrorCode::CheckedIn.at(["registrationId"]).into());
    }
    let row = withdraw(tx, &mut pools, it, reason, now).await?;
    pools.settle(tx).await?;
    Ok(row)
}

/// Takes back a live registration and frees its seat. The caller has locked both and settles the pools.
pub async fn withdraw(
    tx: &DatabaseTransaction,
    pools: &mut Pools,
    it: registration::Model,
    reason: Option<String>,
    now: DateTime<Utc>,
) -> Result<registration::Model, Failure> {
    if it.status.holds_seat() {
        pools.free(it.category_id);
    }
    let mut row: registration::ActiveModel = it.into();
    row.status = Set(Status::Cancelled);
    row.status_at = Set(now);
    row.cancel_reason = Set(reason);
    Ok(row.update(tx).await?)
}

/// A registration as it is now, locked. Its activity's pools are locked before, where they are needed.
pub async fn locked(
    tx: &DatabaseTransaction,
    id: RegistrationId,
) -> Result<registration::Model, Failure> {
    registration::Entity::find_by_id(id).lock_exclusive().one(tx).await?.ok_or(Failure::NotFound)
}

/// One registration by its id.
pub async fn find(
    db: &impl ConnectionTrait,
    id: RegistrationId,
) -> Result<registration::Model, Failure> {
    registration::Entity::find_by_id(id).one(db).await?.ok_or(Failure::NotFound)
}

/// Those of some registrations whose person came to a session.
pub async fn checked_in(
    db: &impl ConnectionTrait,
    ids: impl IntoIterator<Item = RegistrationId>,
) -> Result<std::collections::HashSet<RegistrationId>, Failure> {
    let ids: Vec<RegistrationId> = ids.into_iter().collect();
    let mut inside = std::collections::HashSet::new();
    // A list may have more rows than a statement takes parameters.
    for chunk in ids.chunks(CHUNK) {
        let rows = attendance::Entity::find()
            .select_only()
            .column(attendance::Column::RegistrationId)
            .filter(within(
                (attendance::Entity, attendance::Column::RegistrationId),
                chunk.iter().copied(),
            ))
            .filter(attendance::Column::FirstInAt.is_not_null())
            .into_tuple::<RegistrationId>()
            .all(db)
            .await?;
        inside.extend(rows);
    }
    Ok(inside)
}

/// Which registrations a list is narrowed to.
#[derive(Default)]
pub struct Filter {
    pub statuses: Option<Vec<Status>>,
    pub category: Option<String>,
    pub search: Option<String>,
}

/// The registrations of the permit's activity, in the order in which they were made.
pub async fn list<A: Action<On = activity::Model>>(
    db: &impl ConnectionTrait,
    permit: &Permit<A>,
    filter: Filter,
    slice: Slice<RegistrationId>,
) -> Result<Page<registration::Model>, Failure> {
    let mut all = Condition::all().add(Column::ActivityId.eq(permit.on().id));
    if let Some(statuses) = filter.statuses {
        all = all.add(Column::Status.is_in(statuses));
    }
    if let Some(category) = filter.category {
        let named = Query::select()
            .column(category::Column::Id)
            .from(category::Entity)
            .and_where(category::Column::ActivityId.eq(permit.on().id))
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
    slice.of(registration::Entity::find().filter(all).cursor_by(Column::Id), db).await
}

/// What is shown beside some registrations, each kind fetched with one statement for all of them.
#[derive(Default)]
pub struct Beside {
    /// Whether an absent entry of `attendances` means that there is none.
    pub attendances_were_wanted: bool,
    pub people: HashMap<PersonId, person::Model>,
    pub categories: HashMap<CategoryId, category::Model>,
    pub attendances: HashMap<RegistrationId, Vec<attendance::Model>>,
    pub sessions: HashMap<SessionId, session::Model>,
}

/// Which kinds are wanted.
#[derive(Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "four kinds, each wanted or not")]
pub struct Wanted {
    pub people: bool,
    pub categories: bool,
    pub attendances: bool,
    pub sessions: bool,
}

/// Fetches what is wanted beside these registrations.
pub async fn beside(
    db: &impl ConnectionTrait,
    rows: &[registration::Model],
    wanted: Wanted,
) -> Result<Beside, Failure> {
    let mut beside = Beside { attendances_were_wanted: wanted.attendances, ..Beside::default() };
    if rows.is_empty() {
        return Ok(beside);
    }
    if wanted.people {
        let found = person::Entity::find().filter(within(
            (person::Entity, person::Column::Id),
            rows.iter().map(|it| it.person_id),
        ));
        beside.people = found.all(db).await?.into_iter().map(|it| (it.id, it)).collect();
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
