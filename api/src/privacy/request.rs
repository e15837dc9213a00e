//! The desk for those who ask for their own data to be corrected or erased: whoever keeps the record decides, and says
//! why not.

use chrono::{DateTime, Datelike, Days, NaiveDate, Utc, Weekday};
use chrono_tz::Asia::Shanghai;
use entity::{
    data_request::{self, Changes, Column, Kind, State},
    erasure::Extent,
    id::{DataRequestId, PersonId, RegistrationId},
    organisation, registration,
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait, IntoActiveModel,
    QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, Query},
};

use super::erase::{Obstacle, erase, extent, lock, obstacle};
use crate::{
    authz::{
        Me, Myself, Permit, Reach, Scope,
        policy::{DecideDataRequest, ViewDataRequest},
    },
    db::{begins_with, is_duplicate},
    error::{Error, Failure, Refusal},
    page::{Page, Slice},
    person::{name::Namer, rename::rename},
    refusals,
};

refusals! {
    /// Why a request was not taken, or not decided so.
    DataRequestErrorCode, DataRequestUserError {
        /// Nothing is to be corrected.
        NothingAsked = "请填写要更正的内容", "say what is to be corrected";
        /// The name is missing.
        NameMissing = "姓名不能为空", "the name is missing";
        /// The name is a placeholder, such as 测试.
        NameIsTest = "“{}”不像是姓名", "“{}” is no name";
        /// A text is too long.
        TooLong = "不能超过{}个字符", "must not be longer than {} characters";
        /// Organisation and title are of a registration: say of which. Or it is none of the person's.
        RegistrationUnknown = "请指明本人的报名", "name a registration of the person";
        /// A request of the kind waits already.
        AlreadyAsked = "同类申请正在处理中", "a request of the kind waits already";
        /// The person is on an activity that is not over, or teaches there: cancel that first.
        Upcoming = "尚有未结束的活动，请先取消报名", "on an activity that is not over: cancel that first";
        /// The person has an account here, which is to be closed first.
        HasAccount = "该人员有账号，请先停用并解除关联", "the person has an account, which is to be closed first";
        /// It was decided or taken back already.
        NotOpen = "该申请已办结或撤回", "it was decided or taken back already";
        /// Whoever refuses says why.
        ReasonMissing = "请填写理由", "say why";
        /// There is a record of this name and phone already.
        AlreadyKept = "已有姓名和电话相同的人员", "a person of this name and phone is on record already";
    }
}

/// How many working days a request may take.
const WORKING_DAYS: u32 = 15;

/// The day by which what is asked at `now` is to be decided, in Asia/Shanghai: Mondays to Fridays are counted. Public
/// holidays are not known here, so the day may come early and never late.
#[must_use]
pub fn due_on(now: DateTime<Utc>) -> NaiveDate {
    let mut day = now.with_timezone(&Shanghai).date_naive();
    let mut left = WORKING_DAYS;
    while left > 0 {
        day = day.checked_add_days(Days::new(1)).unwrap_or(day);
        if !matches!(day.weekday(), Weekday::Sat | Weekday::Sun) {
            left -= 1;
        }
    }
    day
}

/// What somebody asks for.
pub struct Asked {
    pub kind: Kind,
    pub registration: Option<RegistrationId>,
    pub changes: Changes,
    pub remark: Option<String>,
}

/// Takes a request.
pub async fn ask(
    tx: &DatabaseTransaction,
    myself: &Myself,
    asked: Asked,
    now: DateTime<Utc>,
) -> Result<data_request::Model, Error<DataRequestErrorCode>> {
    use DataRequestErrorCode as Code;
    let person = &myself.person;
    match asked.kind {
        Kind::Correction => {
            let Changes { name, organisation, title } = &asked.changes;
            let of_registration = organisation.is_some() || title.is_some();
            if name.is_none() && !of_registration {
                return Err(Code::NothingAsked.at(["name"]).into());
            }
            let own = match asked.registration {
                Some(id) => is_own(tx, id, person.id).await?,
                None => !of_registration,
            };
            if !own {
                return Err(Code::RegistrationUnknown.at(["registrationId"]).into());
            }
        }
        Kind::Erasure => stands(obstacle(tx, person.id, now).await?, "personId")?,
    }
    let row = data_request::ActiveModel {
        id: Set(DataRequestId::generate()),
        person_id: Set(person.id),
        organisation_id: Set(person.home_id),
        requester: Set(myself.me().actor()),
        kind: Set(asked.kind),
        registration_id: Set(asked.registration),
        changes: Set(asked.changes),
        remark: Set(asked.remark),
        due_on: Set(due_on(now)),
        state: Set(State::Open),
        created_at: Set(now),
        decided_at: Set(None),
        account_id: Set(None),
        reason: Set(None),
    };
    match row.insert(tx).await {
        Err(error) if is_duplicate(&error) => Err(Code::AlreadyAsked.at(["personId"]).into()),
        row => Ok(row?),
    }
}

fn stands(against: Option<Obstacle>, at: &str) -> Result<(), Error<DataRequestErrorCode>> {
    match against {
        None => Ok(()),
        Some(Obstacle::Upcoming) => Err(DataRequestErrorCode::Upcoming.at([at]).into()),
        Some(Obstacle::Account) => Err(DataRequestErrorCode::HasAccount.at([at]).into()),
    }
}

async fn is_own(
    db: &impl ConnectionTrait,
    id: RegistrationId,
    person: PersonId,
) -> Result<bool, Failure> {
    let found = registration::Entity::find_by_id(id).one(db).await?;
    Ok(found.is_some_and(|it| it.person_id == person))
}

/// Takes back what was asked for by the same phone.
pub async fn take_back(
    tx: &DatabaseTransaction,
    me: &Me,
    id: DataRequestId,
    now: DateTime<Utc>,
) -> Result<data_request::Model, Error<DataRequestErrorCode>> {
    let row = locked(tx, id).await?;
    if row.requester != me.actor() {
        return Err(Failure::NotFound.into());
    }
    is_open(&row)?;
    let mut row = row.into_active_model();
    (row.state, row.decided_at) = (Set(State::Withdrawn), Set(Some(now)));
    Ok(row.update(tx).await?)
}

async fn locked(
    tx: &DatabaseTransaction,
    id: DataRequestId,
) -> Result<data_request::Model, Failure> {
    let found = data_request::Entity::find_by_id(id).lock_exclusive().one(tx).await?;
    found.ok_or(Failure::NotFound)
}

fn is_open(row: &data_request::Model) -> Result<(), Error<DataRequestErrorCode>> {
    if row.state == State::Open {
        return Ok(());
    }
    Err(DataRequestErrorCode::NotOpen.at(["requestId"]).into())
}

/// Says yes, and does it, or says no. What was erased as far as it can be is accepted.
pub async fn decide(
    tx: &DatabaseTransaction,
    permit: &Permit<DecideDataRequest>,
    namer: &Namer,
    accept: bool,
    reason: Option<String>,
    now: DateTime<Utc>,
) -> Result<data_request::Model, Error<DataRequestErrorCode>> {
    use DataRequestErrorCode as Code;
    let row = locked(tx, permit.on().id).await?;
    is_open(&row)?;
    if !accept && reason.is_none() {
        return Err(Code::ReasonMissing.at(["reason"]).into());
    }
    let mut reason = reason;
    // Before it is erased, since that also takes out what was asked for.
    let mut decided = row.clone().into_active_model();
    decided.state = Set(if accept { State::Accepted } else { State::Refused });
    decided.decided_at = Set(Some(now));
    decided.account_id = Set(Some(permit.actor()));
    if accept {
        let person = lock(tx, row.person_id).await?;
        match row.kind {
            Kind::Correction => correct(tx, namer, &row, &person).await?,
            Kind::Erasure => {
                stands(obstacle(tx, person.id, now).await?, "requestId")?;
                let extent = extent(tx, person.id, now).await?;
                if extent == Extent::Restricted {
                    let kept = "结业证书须存档，姓名与证书仅作存储，其余已删除";
                    reason = Some(reason.map_or(kept.to_owned(), |it| format!("{it}（{kept}）")));
                }
                erase(tx, namer, &person, extent, now).await?;
            }
        }
    }
    decided.reason = Set(reason);
    decided.changes = sea_orm::ActiveValue::NotSet;
    decided.remark = sea_orm::ActiveValue::NotSet;
    Ok(decided.update(tx).await?)
}

async fn correct(
    tx: &DatabaseTransaction,
    namer: &Namer,
    row: &data_request::Model,
    person: &entity::person::Model,
) -> Result<(), Error<DataRequestErrorCode>> {
    if let Some(name) = row.changes.name.clone()
        && !rename(tx, namer, person, name).await?
    {
        return Err(DataRequestErrorCode::AlreadyKept.at(["requestId"]).into());
    }
    if let Some(id) = row.registration_id
        && is_own(tx, id, person.id).await?
    {
        let Changes { organisation, title, .. } = row.changes.clone();
        crate::registration::forget::correct(tx, id, organisation, title).await?;
    }
    Ok(())
}

/// The requests in reach, the newest first; of one state only, if one is given.
pub async fn list(
    db: &impl ConnectionTrait,
    reach: &Reach<ViewDataRequest>,
    state: Option<State>,
    slice: Slice<DataRequestId>,
) -> Result<Page<data_request::Model>, Failure> {
    let within = |path: &str| {
        let below = Query::select()
            .column(organisation::Column::Id)
            .from(organisation::Entity)
            .and_where(begins_with((organisation::Entity, organisation::Column::Path), path))
            .to_owned();
        Column::OrganisationId.in_subquery(below)
    };
    let mut all = Condition::all().add(reach.condition(|_, scope| match scope {
        Scope::Organisation(_, path) => within(path),
        Scope::Programme(_) | Scope::Activity(_) => Expr::val(1).eq(0),
    }));
    if let Some(state) = state {
        all = all.add(Column::State.eq(state));
    }
    let mut cursor = data_request::Entity::find().filter(all).cursor_by(Column::Id);
    cursor.desc();
    slice.of(cursor, db).await
}

/// What was asked for by a phone, the newest first; at most 100.
pub async fn mine(db: &impl ConnectionTrait, me: &Me) -> Result<Vec<data_request::Model>, Failure> {
    Ok(data_request::Entity::find()
        .filter(Column::Requester.eq(me.actor()))
        .order_by_desc(Column::Id)
        .limit(100)
        .all(db)
        .await?)
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;

    use super::*;

    #[test]
    fn fifteen_working_days_are_three_weeks() {
        let at = |day, hour| Utc.with_ymd_and_hms(2026, 11, day, hour, 0, 0).unwrap();
        let on = |month, day| NaiveDate::from_ymd_opt(2026, month, day).unwrap();
        // A Monday, a Saturday, and a Sunday that is Monday already in Shanghai.
        assert_eq!(due_on(at(2, 1)), on(11, 23));
        assert_eq!(due_on(at(7, 1)), on(11, 27));
        assert_eq!(due_on(at(1, 17)), on(11, 23));
    }
}
