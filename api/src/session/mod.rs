//! The spans of time at which attendance is taken, and when their doors are open.

pub mod graphql;

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    activity, attendance,
    id::{ActivityId, SessionId},
    registration,
    session::{self, Column},
};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction,
    EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect, RelationTrait,
};

use crate::{
    authz::{
        Permit,
        policy::{CreateSession, UpdateSession, ViewAttendance, ViewSession},
    },
    db::within,
    error::{Error, Failure, Refusal},
    page::{Page, Slice},
    refusals,
};

refusals! {
    /// Why a session was not made or changed.
    SessionErrorCode, SessionUserError {
        /// A text that is needed is missing.
        Required = "不能为空", "must not be empty";
        /// A text is too long.
        TooLong = "不能超过{}个字符", "must not be longer than {} characters";
        /// The session does not end after it starts.
        EndsBeforeStart = "结束时间须晚于开始时间", "a session ends after it starts";
        /// The door does not close after it opens.
        ClosesBeforeOpens = "签到截止须晚于签到开始", "a door closes after it opens";
        /// The credit hours are not a number from 0 to 1000 with at most two decimals.
        CreditHoursInvalid = "学时须为0至1000的数，最多两位小数", "credit hours are from 0 to 1000, with at most two decimals";
    }
}

/// The door opens so long before the start, unless it says otherwise.
pub const OPENS_BEFORE: TimeDelta = TimeDelta::hours(2);
/// Whoever comes so long after the start is late, unless it says otherwise.
pub const LATE_AFTER: TimeDelta = TimeDelta::minutes(10);

/// What a session is made from. What is not given of the door's times follows from the start and the end.
#[derive(Clone, Debug)]
pub struct Draft {
    pub title: String,
    pub venue: Option<String>,
    pub starts_at: DateTime<Utc>,
    pub ends_at: DateTime<Utc>,
    pub opens_at: Option<DateTime<Utc>>,
    pub late_at: Option<DateTime<Utc>>,
    pub closes_at: Option<DateTime<Utc>>,
    pub credit_centihours: i32,
}

impl Draft {
    /// What is wrong with its times, and where: the field at fault.
    #[must_use]
    pub fn faults(&self) -> Vec<(SessionErrorCode, &'static str)> {
        let mut faults = Vec::new();
        if self.ends_at <= self.starts_at {
            faults.push((SessionErrorCode::EndsBeforeStart, "endsAt"));
        } else if self.closes_at() <= self.opens_at() {
            faults.push((SessionErrorCode::ClosesBeforeOpens, "closesAt"));
        }
        faults
    }

    fn opens_at(&self) -> DateTime<Utc> {
        self.opens_at.unwrap_or(self.starts_at - OPENS_BEFORE)
    }

    fn closes_at(&self) -> DateTime<Utc> {
        self.closes_at.unwrap_or(self.ends_at)
    }

    /// The row of this session on an activity.
    #[must_use]
    pub fn row(self, activity: ActivityId) -> session::Model {
        session::Model {
            id: SessionId::generate(),
            activity_id: activity,
            starts_at: self.starts_at,
            ends_at: self.ends_at,
            opens_at: self.opens_at(),
            late_at: self.late_at.unwrap_or(self.starts_at + LATE_AFTER),
            closes_at: self.closes_at(),
            credit_centihours: self.credit_centihours,
            title: self.title,
            venue: self.venue,
        }
    }
}

/// Hundredths of an hour from a decimal such as `4`, `0.5` or `1.25`.
#[must_use]
pub fn read_hours(text: &str) -> Option<i32> {
    let (whole, part) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let digits = |it: &str| it.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || whole.len() > 4 || part.len() > 2 || !digits(whole) || !digits(part) {
        return None;
    }
    let hundredths =
        whole.parse::<i32>().ok()? * 100 + format!("{part:0<2}").parse::<i32>().ok()?;
    (hundredths <= 100_000).then_some(hundredths)
}

/// The shortest decimal of some hundredths of an hour.
#[must_use]
pub fn show_hours(hundredths: i32) -> String {
    let text = format!("{}.{:02}", hundredths / 100, hundredths % 100);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Adds a session to an activity, whose span grows to hold it.
pub async fn create(
    tx: &DatabaseTransaction,
    permit: &Permit<CreateSession>,
    draft: Draft,
) -> Result<session::Model, Error<SessionErrorCode>> {
    refuse_faults(&draft)?;
    let row = insert(tx, draft.row(permit.on().id)).await?;
    stretch(tx, row.activity_id).await?;
    Ok(row)
}

/// Gives a session other times, another place, another title. Who was late is judged again by the new times.
pub async fn update(
    tx: &DatabaseTransaction,
    permit: &Permit<UpdateSession>,
    draft: Draft,
    now: DateTime<Utc>,
) -> Result<session::Model, Error<SessionErrorCode>> {
    refuse_faults(&draft)?;
    let old = permit.on();
    let row: session::ActiveModel =
        session::Model { id: old.id, ..draft.row(old.activity_id) }.into();
    let row =
        session::ActiveModel { id: sea_orm::ActiveValue::Unchanged(old.id), ..row.reset_all() };
    let row = row.update(tx).await?;
    stretch(tx, row.activity_id).await?;
    if row.late_at != old.late_at {
        crate::attendance::judge_again(tx, &row).await?;
    }
    crate::credit::session_changed(tx, &row, now).await?;
    Ok(row)
}

fn refuse_faults(draft: &Draft) -> Result<(), Error<SessionErrorCode>> {
    crate::error::refuse_if_any(
        draft.faults().into_iter().map(|(code, field)| code.at(["session", field])).collect(),
    )
}

/// Keeps the row of a session.
pub async fn insert(
    tx: &impl ConnectionTrait,
    row: session::Model,
) -> Result<session::Model, Failure> {
    let active: session::ActiveModel = row.clone().into();
    session::Entity::insert(active.reset_all()).exec_without_returning(tx).await?;
    Ok(row)
}

/// Sets an activity's start and end by its sessions.
pub async fn stretch(tx: &impl ConnectionTrait, activity: ActivityId) -> Result<(), Failure> {
    let rows = session::Entity::find().filter(Column::ActivityId.eq(activity)).all(tx).await?;
    let row = activity::ActiveModel {
        id: sea_orm::ActiveValue::Unchanged(activity),
        starts_at: Set(rows.iter().map(|it| it.starts_at).min()),
        ends_at: Set(rows.iter().map(|it| it.ends_at).max()),
        ..Default::default()
    };
    activity::Entity::update(row).exec(tx).await?;
    Ok(())
}

/// The sessions of an activity, in the order in which they take place.
pub async fn schedule(
    db: &impl ConnectionTrait,
    activity: ActivityId,
) -> Result<Vec<session::Model>, Failure> {
    Ok(session::Entity::find()
        .filter(Column::ActivityId.eq(activity))
        .order_by_asc(Column::StartsAt)
        .order_by_asc(Column::Id)
        .all(db)
        .await?)
}

/// The sessions of some activities, in the order in which they take place.
pub async fn schedules(
    db: &impl ConnectionTrait,
    activities: impl IntoIterator<Item = ActivityId>,
) -> Result<Vec<session::Model>, Failure> {
    Ok(session::Entity::find()
        .filter(within((session::Entity, Column::ActivityId), activities))
        .order_by_asc(Column::StartsAt)
        .order_by_asc(Column::Id)
        .all(db)
        .await?)
}

/// How a session stands: everyone who is expected is in exactly one of the other five.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    pub expected: i32,
    pub present: i32,
    pub late: i32,
    pub excused: i32,
    pub absent: i32,
    pub not_yet: i32,
}

#[derive(FromQueryResult)]
struct Counted {
    status: attendance::Status,
    count: i64,
}

/// Counts who holds a seat and what is known of their attendance. While the door is open, whoever is not there is not
/// there yet; once it has closed, absent.
pub async fn summary(
    db: &impl ConnectionTrait,
    permit: &Permit<ViewSession>,
    now: DateTime<Utc>,
) -> Result<Summary, Failure> {
    let session = permit.on();
    let expected = registration::Entity::find()
        .filter(registration::Column::ActivityId.eq(session.activity_id))
        .filter(registration::Column::Status.eq(registration::Status::Confirmed));
    let expected = sea_orm::PaginatorTrait::count(expected, db).await?;
    let counted = attendance::Entity::find()
        .select_only()
        .column(attendance::Column::Status)
        .column_as(attendance::Column::Id.count(), "count")
        .filter(attendance::Column::SessionId.eq(session.id))
        .join(sea_orm::JoinType::InnerJoin, attendance::Relation::Registration.def())
        .filter(registration::Column::Status.eq(registration::Status::Confirmed))
        .group_by(attendance::Column::Status)
        .into_model::<Counted>()
        .all(db)
        .await?;
    let count = |status| {
        let found = counted.iter().find(|it| it.status == status).map_or(0, |it| it.count);
        i32::try_from(found).unwrap_or(i32::MAX)
    };
    let mut it = Summary {
        expected: i32::try_from(expected).unwrap_or(i32::MAX),
        present: count(attendance::Status::Present),
        late: count(attendance::Status::Late),
        excused: count(attendance::Status::Excused),
        absent: count(attendance::Status::Absent),
        not_yet: 0,
    };
    let rest = it.expected - it.present - it.late - it.excused - it.absent;
    if now < session.closes_at {
        it.not_yet = rest;
    } else {
        it.absent += rest;
    }
    Ok(it)
}

/// The attendances of a session, in the order in which people first came.
pub async fn attendances(
    db: &impl ConnectionTrait,
    permit: &Permit<ViewAttendance>,
    slice: Slice<entity::id::AttendanceId>,
) -> Result<Page<attendance::Model>, Failure> {
    let rows = attendance::Entity::find().filter(attendance::Column::SessionId.eq(permit.on().id));
    slice.of(rows.cursor_by(attendance::Column::Id), db).await
}

/// The scans of a session, newest first.
pub async fn scans(
    db: &impl ConnectionTrait,
    permit: &Permit<ViewAttendance>,
    slice: Slice<entity::id::ScanId>,
) -> Result<Page<entity::scan::Model>, Failure> {
    let rows =
        entity::scan::Entity::find().filter(entity::scan::Column::SessionId.eq(permit.on().id));
    let mut cursor = rows.cursor_by(entity::scan::Column::Id);
    cursor.desc();
    slice.of(cursor, db).await
}
