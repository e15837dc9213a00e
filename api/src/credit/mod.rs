//! Credit hours (学时): the rule of a class, the ledger, make-up, course work, and who completes.

pub mod class;
pub mod completion;
pub mod graphql;
pub mod ledger;
pub mod make_up;
pub mod rule;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use entity::{
    activity, course_work,
    credit_entry::{self, Column, Kind},
    credit_rule::{self, Rule},
    id::{ActivityId, CreditEntryId, PersonId, RegistrationId},
    organisation, registration, session,
};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction,
    EntityTrait, FromQueryResult, JoinType, QueryFilter, QueryOrder, QuerySelect, RelationTrait,
    sea_query::OnConflict,
};

use self::class::Class;
use crate::{
    authz::{
        Permit,
        policy::{AdjustCredits, SetCourseWork, SetCreditRule},
    },
    db::{CHUNK, within},
    error::{Error, Failure, Refusal},
    refusals,
};

refusals! {
    /// Why a rule was not set.
    SetCreditRuleErrorCode, SetCreditRuleUserError {
        /// Not a part from 0 to 1, such as `1/7`, of numbers up to 1000.
        RatioInvalid = "“{}”须为0至1之间的分数，如1/7", "“{}” is no part from 0 to 1, such as 1/7";
        /// Not hours from 0 to 1000 with at most two decimals; the unit is above 0.
        HoursInvalid = "学时须为0至1000的数，最多两位小数；计算单位须大于0", "hours are from 0 to 1000, with at most two decimals; the unit is above 0";
        /// A number is not within its limits.
        OutOfRange = "须在{}之间", "must be within {}";
    }
}

refusals! {
    /// Why hours were not put down, or course work not marked.
    CreditErrorCode, CreditUserError {
        /// The hours are not a number from -1000 to 1000 with at most two decimals, or 0.
        HoursInvalid = "学时须为-1000至1000之间的数，不为0，最多两位小数", "hours are from -1000 to 1000 and not 0, with at most two decimals";
        /// More would be taken away than there is.
        BelowZero = "扣减后学时将小于0", "more would be taken away than there is";
        /// The registration holds no seat.
        NotConfirmed = "报名未确认", "the registration is not confirmed";
        /// The day is not in the years from 1949 to 2100.
        DayInvalid = "日期超出范围", "the day is out of range";
        /// A reason is needed.
        ReasonMissing = "请填写原因", "give a reason";
        /// A text is too long.
        TooLong = "不能超过{}个字符", "must not be longer than {} characters";
    }
}

/// The years in which hours are earned.
const YEARS: std::ops::RangeInclusive<i32> = 1949..=2100;

/// Sets the rule of an activity as a further version, by which its whole ledger is derived anew. The same rule again
/// changes nothing.
pub async fn set_rule(
    tx: &DatabaseTransaction,
    permit: &Permit<SetCreditRule>,
    rule: Rule,
    now: DateTime<Utc>,
) -> Result<activity::Model, Failure> {
    put_rule(tx, permit.on().id, rule, now).await
}

/// The same without a permit, for what makes a class of the past.
pub async fn put_rule(
    tx: &DatabaseTransaction,
    id: ActivityId,
    rule: Rule,
    now: DateTime<Utc>,
) -> Result<activity::Model, Failure> {
    // Whoever derives shares this lock.
    let it = activity::Entity::find_by_id(id).lock_exclusive().one(tx).await?;
    let it = it.ok_or(Failure::NotFound)?;
    let class = Class::of(tx, id).await?;
    if class.version > 0 && class.rule == rule {
        return Ok(it);
    }
    keep_rule(tx, id, class.version + 1, rule, now).await?;
    ledger::derive_all(tx, id, now).await?;
    Ok(it)
}

async fn keep_rule(
    tx: &DatabaseTransaction,
    activity_id: ActivityId,
    version: i32,
    rule: Rule,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let row = credit_rule::Model { activity_id, version, rule, set_at: now };
    credit_rule::Entity::insert(credit_rule::ActiveModel::from(row).reset_all())
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

/// Gives a copy of an activity the rule of that one, if it has one of its own. The copy is new.
pub async fn copy(
    tx: &DatabaseTransaction,
    from: ActivityId,
    to: ActivityId,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let class = Class::of(tx, from).await?;
    if class.version > 0 {
        keep_rule(tx, to, 1, class.rule, now).await?;
    }
    Ok(())
}

/// The newest rule of an activity; none where it goes by the usual one.
pub async fn rule_of(
    db: &impl ConnectionTrait,
    activity: ActivityId,
) -> Result<Option<credit_rule::Model>, Failure> {
    Ok(credit_rule::Entity::find()
        .filter(credit_rule::Column::ActivityId.eq(activity))
        .order_by_desc(credit_rule::Column::Version)
        .one(db)
        .await?)
}

/// Follows what changed of a closed session itself, such as its hours or its day.
pub async fn session_changed(
    tx: &DatabaseTransaction,
    session: &session::Model,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    if class::is_closed(session) {
        ledger::derive_all(tx, session.activity_id, now).await?;
    }
    Ok(())
}

/// Follows what changed of some registrations' attendance at closed sessions. They are locked.
pub async fn attendances_changed(
    tx: &DatabaseTransaction,
    ids: &BTreeSet<RegistrationId>,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let ids: Vec<RegistrationId> = ids.iter().copied().collect();
    let mut of: BTreeMap<ActivityId, Vec<RegistrationId>> = BTreeMap::new();
    for chunk in ids.chunks(CHUNK) {
        let rows: Vec<(ActivityId, RegistrationId)> = registration::Entity::find()
            .select_only()
            .columns([registration::Column::ActivityId, registration::Column::Id])
            .filter(within((registration::Entity, registration::Column::Id), chunk.iter().copied()))
            .order_by_asc(registration::Column::Id)
            .into_tuple()
            .all(tx)
            .await?;
        for (activity, id) in rows {
            of.entry(activity).or_default().push(id);
        }
    }
    for (activity, ids) in of {
        ledger::derive(tx, activity, &ids, now).await?;
    }
    Ok(())
}

/// Puts hours down by hand, or takes some away, for a reason.
pub async fn adjust(
    tx: &DatabaseTransaction,
    permit: &Permit<AdjustCredits>,
    centihours: i32,
    on: Option<NaiveDate>,
    reason: String,
    now: DateTime<Utc>,
) -> Result<registration::Model, Error<CreditErrorCode>> {
    let row = crate::registration::locked(tx, permit.on().id).await?;
    if row.status != registration::Status::Confirmed {
        return Err(CreditErrorCode::NotConfirmed.at(["registrationId"]).into());
    }
    let class = Class::of(tx, row.activity_id).await?;
    let earned_on = on.unwrap_or_else(|| class.day_of(now));
    if !YEARS.contains(&earned_on.year()) {
        return Err(CreditErrorCode::DayInvalid.at(["on"]).into());
    }
    let there = totals(tx, [row.id]).await?.get(&row.id).copied().unwrap_or_default();
    if there + centihours < 0 {
        return Err(CreditErrorCode::BelowZero.at(["hours"]).into());
    }
    let entry = credit_entry::Model {
        id: CreditEntryId::generate(),
        registration_id: row.id,
        session_id: None,
        make_up_id: None,
        kind: Kind::Adjustment,
        centihours,
        earned_on,
        rule: None,
        reason: Some(reason),
        account_id: Some(permit.actor()),
        posted_at: now,
    };
    credit_entry::Entity::insert(credit_entry::ActiveModel::from(entry).reset_all())
        .exec_without_returning(tx)
        .await?;
    Ok(row)
}

/// Says whether somebody passed the exam or handed in the work; none to take back what was said.
pub async fn set_course_work(
    tx: &DatabaseTransaction,
    permit: &Permit<SetCourseWork>,
    passed: Option<bool>,
    now: DateTime<Utc>,
) -> Result<registration::Model, Error<CreditErrorCode>> {
    use course_work::Column as Of;
    let row = crate::registration::locked(tx, permit.on().id).await?;
    if row.status != registration::Status::Confirmed {
        return Err(CreditErrorCode::NotConfirmed.at(["registrationId"]).into());
    }
    let Some(passed) = passed else {
        course_work::Entity::delete_by_id(row.id).exec(tx).await?;
        return Ok(row);
    };
    let mark = course_work::ActiveModel {
        registration_id: Set(row.id),
        passed: Set(passed),
        account_id: Set(permit.actor()),
        set_at: Set(now),
    };
    let again = OnConflict::column(Of::RegistrationId)
        .update_columns([Of::Passed, Of::AccountId, Of::SetAt])
        .to_owned();
    course_work::Entity::insert(mark).on_conflict(again).exec_without_returning(tx).await?;
    Ok(row)
}

/// The entries of some registrations, in the order in which they were posted first.
pub async fn entries_of(
    db: &impl ConnectionTrait,
    ids: impl IntoIterator<Item = RegistrationId>,
) -> Result<Vec<credit_entry::Model>, Failure> {
    Ok(credit_entry::Entity::find()
        .filter(within((credit_entry::Entity, Column::RegistrationId), ids))
        .order_by_asc(Column::Id)
        .all(db)
        .await?)
}

/// The hours of each of some registrations that has any, in hundredths.
pub async fn totals(
    db: &impl ConnectionTrait,
    ids: impl IntoIterator<Item = RegistrationId>,
) -> Result<HashMap<RegistrationId, i32>, Failure> {
    let ids: Vec<RegistrationId> = ids.into_iter().collect();
    let mut totals = HashMap::with_capacity(ids.len());
    for chunk in ids.chunks(CHUNK) {
        let rows = credit_entry::Entity::find()
            .select_only()
            .column(Column::RegistrationId)
            .column_as(Column::Centihours.sum(), "hours")
            .filter(within((credit_entry::Entity, Column::RegistrationId), chunk.iter().copied()))
            .group_by(Column::RegistrationId)
            .into_tuple::<(RegistrationId, i64)>()
            .all(db)
            .await?;
        let total = |(id, hours)| (id, i32::try_from(hours).unwrap_or(i32::MAX));
        totals.extend(rows.into_iter().map(total));
    }
    Ok(totals)
}

/// What a person earned in one class in a year.
#[derive(FromQueryResult)]
pub struct Share {
    pub person_id: PersonId,
    pub title: String,
    pub host: String,
    pub hours: i64,
}

/// The first day and the last of a year in which hours are earned.
#[must_use]
pub fn days_of(year: i32) -> Option<(NaiveDate, NaiveDate)> {
    let days = NaiveDate::from_ymd_opt(year, 1, 1).zip(NaiveDate::from_ymd_opt(year, 12, 31));
    days.filter(|_| YEARS.contains(&year))
}

/// What some people earned in a year, by the days of the sessions, class by class.
pub async fn of_year(
    db: &impl ConnectionTrait,
    people: impl IntoIterator<Item = PersonId>,
    year: i32,
) -> Result<Vec<Share>, Failure> {
    let (first, last) = days_of(year)
        .ok_or(Failure::BadInput("年份须在1949至2100之间", "the year must be from 1949 to 2100"))?;
    Ok(credit_entry::Entity::find()
        .select_only()
        .column(registration::Column::PersonId)
        .column_as(activity::Column::Title, "title")
        .column_as(organisation::Column::Name, "host")
        .column_as(Column::Centihours.sum(), "hours")
        .join(JoinType::InnerJoin, credit_entry::Relation::Registration.def())
        .join(JoinType::InnerJoin, registration::Relation::Activity.def())
        .join(JoinType::InnerJoin, activity::Relation::Host.def())
        .filter(within((registration::Entity, registration::Column::PersonId), people))
        .filter(Column::EarnedOn.between(first, last))
        .group_by(registration::Column::PersonId)
        .group_by(activity::Column::Id)
        .group_by(activity::Column::Title)
        .group_by(organisation::Column::Name)
        .order_by_asc(registration::Column::PersonId)
        .order_by_asc(activity::Column::Id)
        .into_model::<Share>()
        .all(db)
        .await?)
}
