//! Activities made from another: its questions, categories and sessions, on other days, without anybody on it.

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use entity::{activity, id::ProgrammeId, organisation, programme, session};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, DatabaseTransaction};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{CategoryDraft, CreateActivityErrorCode as Code, Draft, categories};
use crate::{
    capacity,
    error::{Error, Failure, Refusal, Refused},
    form, session as sessions,
    write::Outcome,
};

/// The most activities of one series.
pub const MOST: usize = 60;

/// What is another's on the copy.
pub struct Item {
    /// The way to it in the input.
    pub path: Vec<String>,
    pub host: organisation::Model,
    pub title: String,
    pub venue: Option<String>,
    /// The day of the first session, in the activity's own zone.
    pub first_day: NaiveDate,
    /// A template is made, and not an activity that people come to.
    pub as_template: bool,
}

/// What was made in one go.
#[derive(Serialize, Deserialize)]
pub struct Series {
    programme: ProgrammeId,
    pub activities: Vec<activity::Model>,
}

impl Outcome for Series {
    fn thing(&self) -> (&'static str, Uuid) {
        (<ProgrammeId as entity::id::Id>::PREFIX, self.programme.0)
    }
}

/// Makes an activity for each item, as drafts, or none.
pub async fn create(
    tx: &DatabaseTransaction,
    from: &activity::Model,
    programme: &programme::Model,
    owner_path: &str,
    items: Vec<Item>,
    now: DateTime<Utc>,
) -> Result<Series, Error<Code>> {
    let source = Source::read(tx, from).await?;
    let mut drafts = Vec::with_capacity(items.len());
    let mut faults: Vec<Refused<Code>> = Vec::new();
    for item in items {
        let path = item.path.clone();
        let at = |field: &str| path.iter().cloned().chain([field.to_owned()]).collect::<Vec<_>>();
        if !item.host.path.starts_with(owner_path) {
            faults.push(Code::HostOutsideProgramme.at(at("hostId")));
        }
        match source.draft(programme, item) {
            Some(draft) => drafts.push(draft),
            None => faults.push(Code::DayInvalid.at(at("firstDay"))),
        }
    }
    crate::error::refuse_if_any(faults)?;
    let mut activities = Vec::with_capacity(drafts.len());
    for draft in drafts {
        let row = super::create(tx, draft, now).await?;
        let mut row: activity::ActiveModel = row.into();
        row.approval = Set(from.approval.clone());
        row.offer_minutes = Set(from.offer_minutes);
        let row = row.update(tx).await?;
        form::draft::copy(tx, &source.questions, row.id, now).await?;
        activities.push(row);
    }
    Ok(Series { programme: programme.id, activities })
}

/// What of an activity is copied.
struct Source<'a> {
    row: &'a activity::Model,
    zone: Tz,
    capacity: Option<i32>,
    categories: Vec<(String, Option<i32>)>,
    sessions: Vec<session::Model>,
    questions: Vec<entity::question::Model>,
}

impl<'a> Source<'a> {
    async fn read(tx: &DatabaseTransaction, row: &'a activity::Model) -> Result<Self, Failure> {
        let pools = capacity::of(tx, [row.id]).await?.remove(&row.id).unwrap_or_default();
        let size = |category| {
            let own =
                pools.iter().find(|it| it.category_id == category && it.organisation_id.is_none());
            own.and_then(|it| it.size)
        };
        let mut questions = form::questions(tx, row.id).await?;
        questions.retain(|it| it.archived_at.is_none());
        Ok(Self {
            row,
            zone: row.time_zone.parse().map_err(Failure::internal)?,
            capacity: size(None),
            categories: categories(tx, row.id)
                .await?
                .into_iter()
                .map(|it| {
                    let seats = size(Some(it.id));
                    (it.name, seats)
                })
                .collect(),
            sessions: sessions::schedule(tx, row.id).await?,
            questions,
        })
    }

    /// The copy; none where a day is not in the calendar.
    fn draft(&self, programme: &programme::Model, item: Item) -> Option<Draft> {
        let first = self.sessions.first().map(|it| it.starts_at.with_timezone(&self.zone));
        let days = first.map_or(TimeDelta::zero(), |it| item.first_day - it.date_naive());
        let shift = |at: DateTime<Utc>| shifted(at, self.zone, days);
        let mut sessions = Vec::with_capacity(self.sessions.len());
        for it in &self.sessions {
            // A session at the activity's place moves with it.
            let moves = item.venue.is_some() && it.venue == self.row.venue;
            sessions.push(sessions::Draft {
                title: it.title.clone(),
                venue: if moves { item.venue.clone() } else { it.venue.clone() },
                starts_at: shift(it.starts_at)?,
                ends_at: shift(it.ends_at)?,
                opens_at: Some(shift(it.opens_at)?),
                late_at: Some(shift(it.late_at)?),
                closes_at: Some(shift(it.closes_at)?),
                credit_centihours: it.credit_centihours,
                tracks_exit: it.tracks_exit,
                walk_ins: it.walk_ins,
                self_check_in: it.self_check_in,
                early_at: match it.early_at {
                    Some(at) => Some(shift(at)?),
                    None => None,
                },
                closes_after: it.closes_itself_at.map_or(TimeDelta::zero(), |at| at - it.ends_at),
            });
        }
        let category = |(name, capacity): &(String, Option<i32>)| CategoryDraft {
            name: name.clone(),
            capacity: *capacity,
        };
        Some(Draft {
            programme: programme.clone(),
            host: item.host,
            title: item.title,
            venue: item.venue.or_else(|| self.row.venue.clone()),
            time_zone: self.row.time_zone.clone(),
            capacity: self.capacity,
            categories: self.categories.iter().map(category).collect(),
            sessions,
            is_template: item.as_template,
        })
    }
}

/// The same time of the clock some days later, in a zone. Where the clock skips that time, as many hours later. None
/// beyond the years of four digits.
fn shifted(at: DateTime<Utc>, zone: Tz, days: TimeDelta) -> Option<DateTime<Utc>> {
    let local = at.with_timezone(&zone).naive_local().checked_add_signed(days)?;
    let same = local.and_local_timezone(zone).earliest().map(|it| it.with_timezone(&Utc));
    let moved = same.or_else(|| at.checked_add_signed(days))?;
    (1..=9999).contains(&moved.year()).then_some(moved)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn nine_o_clock_stays_nine_o_clock() {
        let days = TimeDelta::days;
        let shanghai = chrono_tz::Asia::Shanghai;
        // 2026-12-31 00:30 there.
        let night = at("2026-12-30T16:30:00Z");
        assert_eq!(shifted(night, shanghai, days(1)), Some(at("2026-12-31T16:30:00Z")));
        assert_eq!(shifted(night, shanghai, days(4_000_000)), None);
        let berlin = chrono_tz::Europe::Berlin;
        assert_eq!(
            shifted(at("2026-10-24T07:00:00Z"), berlin, days(1)),
            Some(at("2026-10-25T08:00:00Z"))
        );
        // 02:30 is skipped on 29 March.
        assert_eq!(
            shifted(at("2026-03-28T01:30:00Z"), berlin, days(1)),
            Some(at("2026-03-29T01:30:00Z"))
        );
    }
}
