//! Sessions as other calendars read them (iCalendar, RFC 5545): an event per session, its times in UTC.
//!
//! An event keeps its UID for ever. Its SEQUENCE rises with every change that left an audit event, so that a calendar
//! that has it already takes the newer one.

use std::{collections::HashMap, fmt::Write};

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    activity, audit_event,
    id::{ActivityId, Id, OrganisationId},
    organisation,
    registration::{self, Status},
    session,
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect,
    RelationTrait,
};
use uuid::Uuid;

use crate::{
    db::{CHUNK, begins_with, within},
    error::Failure,
    graphql::Gid,
};

/// What changes an event.
const CHANGES: [&str; 4] = ["CancelActivity", "PublishActivity", "UpdateActivity", "UpdateSession"];

/// The feed has the activities that end no earlier than so long ago …
const PAST: TimeDelta = TimeDelta::days(92);
/// … and the first so many of them.
const MOST: u64 = 500;

/// How often a thing was changed, and when last.
type Changes = HashMap<Uuid, (i64, DateTime<Utc>)>;

/// The sessions of a registration's activity.
pub async fn of_registration(
    db: &impl ConnectionTrait,
    row: &registration::Model,
) -> Result<String, Failure> {
    let activity =
        activity::Entity::find_by_id(row.activity_id).one(db).await?.ok_or(Failure::NotFound)?;
    let sessions = crate::session::schedule(db, activity.id).await?;
    let changes = changes(db, std::slice::from_ref(&activity), &sessions).await?;
    let status = match (activity.status, row.status) {
        (activity::Status::Cancelled, _)
        | (_, Status::Cancelled | Status::Declined | Status::Expired) => "CANCELLED",
        (_, Status::Confirmed) => "CONFIRMED",
        (_, Status::Invited | Status::Pending | Status::Waitlisted | Status::Offered) => {
            "TENTATIVE"
        }
    };
    let mut calendar = Calendar::new(&activity.title, &activity.time_zone)?;
    let several = sessions.len() > 1;
    for it in &sessions {
        let (times, at) = changed(&changes, &activity, it);
        calendar.event(&Event {
            uid: format!("{}.{}@qinglan", Gid(row.id), Gid(it.id)),
            // The seconds from its making to its last status: they rise with every change of it.
            sequence: times + (row.status_at - row.registered_at).num_seconds().max(0),
            changed_at: at.max(row.status_at),
            status,
            activity: &activity,
            session: it,
            several,
        })?;
    }
    calendar.end()
}

/// The sessions of the published activities of an organisation and of those below it.
pub async fn of_organisation(
    db: &impl ConnectionTrait,
    id: OrganisationId,
    now: DateTime<Utc>,
) -> Result<String, Failure> {
    let host = organisation::Entity::find_by_id(id).one(db).await?.ok_or(Failure::NotFound)?;
    let activities = activity::Entity::find()
        .join(JoinType::InnerJoin, activity::Relation::Host.def())
        .filter(begins_with((organisation::Entity, organisation::Column::Path), &host.path))
        .filter(activity::Column::Status.eq(activity::Status::Published))
        .filter(activity::Column::EndsAt.gte(now - PAST))
        .order_by_asc(activity::Column::StartsAt)
        .order_by_asc(activity::Column::Id)
        .limit(MOST)
        .all(db)
        .await?;
    let sessions = crate::session::schedules(db, activities.iter().map(|it| it.id)).await?;
    let changes = changes(db, &activities, &sessions).await?;
    let mut of: HashMap<ActivityId, Vec<&session::Model>> = HashMap::new();
    for it in &sessions {
        of.entry(it.activity_id).or_default().push(it);
    }
    let mut calendar = Calendar::new(&host.name, "Asia/Shanghai")?;
    for activity in &activities {
        let sessions = of.remove(&activity.id).unwrap_or_default();
        let several = sessions.len() > 1;
        for it in sessions {
            let (sequence, changed_at) = changed(&changes, activity, it);
            let uid = format!("{}@qinglan", Gid(it.id));
            let status = "CONFIRMED";
            calendar.event(&Event {
                uid,
                sequence,
                changed_at,
                status,
                activity,
                session: it,
                several,
            })?;
        }
    }
    calendar.end()
}

async fn changes(
    db: &impl ConnectionTrait,
    activities: &[activity::Model],
    sessions: &[session::Model],
) -> Result<Changes, Failure> {
    use audit_event::Column;
    let ids: Vec<Uuid> = activities
        .iter()
        .map(|it| it.id.uuid())
        .chain(sessions.iter().map(|it| it.id.uuid()))
        .collect();
    let mut found = Changes::new();
    for chunk in ids.chunks(CHUNK) {
        let rows = audit_event::Entity::find()
            .select_only()
            .column(Column::SubjectId)
            .column_as(Column::Id.count(), "times")
            .column_as(Column::At.max(), "last")
            .filter(within((audit_event::Entity, Column::SubjectId), chunk.iter().copied()))
            .filter(Column::Action.is_in(CHANGES))
            .filter(Column::Outcome.eq(audit_event::Outcome::Done))
            .group_by(Column::SubjectId)
            .into_tuple::<(Uuid, i64, DateTime<Utc>)>()
            .all(db)
            .await?;
        found.extend(rows.into_iter().map(|(id, times, last)| (id, (times, last))));
    }
    Ok(found)
}

fn changed(
    changes: &Changes,
    activity: &activity::Model,
    session: &session::Model,
) -> (i64, DateTime<Utc>) {
    [activity.id.uuid(), session.id.uuid()]
        .iter()
        .filter_map(|id| changes.get(id))
        .fold((0, activity.created_at), |(times, last), (more, at)| (times + more, last.max(*at)))
}

struct Event<'a> {
    uid: String,
    sequence: i64,
    changed_at: DateTime<Utc>,
    status: &'static str,
    activity: &'a activity::Model,
    session: &'a session::Model,
    /// Whether the activity has other sessions, so that their titles tell them apart.
    several: bool,
}

/// A calendar while it is written.
struct Calendar(String);

impl Calendar {
    fn new(name: &str, zone: &str) -> Result<Self, Failure> {
        let mut it = Self(String::new());
        it.line("BEGIN", "VCALENDAR")?;
        it.line("VERSION", "2.0")?;
        it.line("PRODID", "-//Qinglan//Qinglan//ZH")?;
        it.line("CALSCALE", "GREGORIAN")?;
        it.line("METHOD", "PUBLISH")?;
        it.line("X-WR-CALNAME", &escaped(name))?;
        it.line("X-WR-TIMEZONE", &escaped(zone))?;
        Ok(it)
    }

    fn event(&mut self, it: &Event<'_>) -> Result<(), Failure> {
        let at = |at: DateTime<Utc>| at.format("%Y%m%dT%H%M%SZ").to_string();
        let title = if it.several && it.session.title != it.activity.title {
            format!("{}：{}", it.activity.title, it.session.title)
        } else {
            it.activity.title.clone()
        };
        self.line("BEGIN", "VEVENT")?;
        self.line("UID", &it.uid)?;
        self.line("DTSTAMP", &at(it.changed_at))?;
        self.line("LAST-MODIFIED", &at(it.changed_at))?;
        self.line("SEQUENCE", &it.sequence.to_string())?;
        self.line("STATUS", it.status)?;
        self.line("DTSTART", &at(it.session.starts_at))?;
        self.line("DTEND", &at(it.session.ends_at))?;
        self.line("SUMMARY", &escaped(&title))?;
        if let Some(venue) = it.session.venue.as_deref().or(it.activity.venue.as_deref()) {
            self.line("LOCATION", &escaped(venue))?;
        }
        self.line("END", "VEVENT")
    }

    fn end(mut self) -> Result<String, Failure> {
        self.line("END", "VCALENDAR")?;
        Ok(self.0)
    }

    /// A line of content: at most 75 bytes, what is more on lines that begin with a blank.
    fn line(&mut self, name: &str, value: &str) -> Result<(), Failure> {
        let mut used = 0;
        for c in name.chars().chain([':']).chain(value.chars()) {
            if used + c.len_utf8() > 75 {
                self.0.push_str("\r\n ");
                used = 1;
            }
            self.0.push(c);
            used += c.len_utf8();
        }
        write!(self.0, "\r\n").map_err(Failure::internal)
    }
}

/// A text as the value of a property.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | ';' | ',' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}
