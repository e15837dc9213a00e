//! An activity as its ledger sees it: its rule, its sessions, and what is known of people at those that are closed.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use entity::{
    activity,
    attendance::{self, Status},
    credit_rule::{self, Column, Rule},
    id::{ActivityId, RegistrationId, SessionId},
    session,
};
use sea_orm::{ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};

use super::rule::{self, Seen, Worth};
use crate::{
    attendance::book::{self, Held},
    db::within,
    error::Failure,
    session as sessions,
};

/// An activity with its rule and all of its sessions, in the order in which they take place.
pub struct Class {
    pub activity: activity::Model,
    pub rule: Rule,
    /// 0 where it is the usual one.
    pub version: i32,
    pub sessions: Vec<Held>,
    zone: Tz,
}

impl Class {
    pub async fn of(db: &impl ConnectionTrait, id: ActivityId) -> Result<Self, Failure> {
        Self::all(db, [id]).await?.remove(&id).ok_or(Failure::NotFound)
    }

    /// Some classes, with three statements.
    pub async fn all(
        db: &impl ConnectionTrait,
        ids: impl IntoIterator<Item = ActivityId>,
    ) -> Result<HashMap<ActivityId, Self>, Failure> {
        let ids: BTreeSet<ActivityId> = ids.into_iter().collect();
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let activities = activity::Entity::find()
            .filter(within((activity::Entity, activity::Column::Id), ids.iter().copied()))
            .all(db)
            .await?;
        let mut rules = rules(db, ids.iter().copied()).await?;
        let mut schedules: HashMap<ActivityId, Vec<session::Model>> = HashMap::new();
        for it in sessions::schedules(db, ids.iter().copied()).await? {
            schedules.entry(it.activity_id).or_default().push(it);
        }
        let class = |activity: activity::Model| {
            let id = activity.id;
            let (version, rule) = match rules.remove(&id) {
                Some(row) => (row.version, row.rule),
                None => (0, rule::usual()),
            };
            let zone = activity.time_zone.parse().map_err(Failure::internal)?;
            let sessions = schedules.remove(&id).unwrap_or_default().into_iter();
            let sessions = sessions.map(|it| book::beside(it, &activity));
            let sessions = sessions.collect::<Result<_, Failure>>()?;
            Ok((id, Self { activity, rule, version, sessions, zone }))
        };
        activities.into_iter().map(class).collect()
    }

    /// The session of this id, if it is one of the class and closed.
    #[must_use]
    pub fn closed(&self, id: SessionId) -> Option<&Held> {
        self.sessions.iter().find(|it| it.session.id == id && is_closed(&it.session))
    }

    /// The day of an instant, where the class is held.
    #[must_use]
    pub fn day_of(&self, at: DateTime<Utc>) -> NaiveDate {
        at.with_timezone(&self.zone).date_naive()
    }

    /// The hours of all sessions together, in hundredths.
    #[must_use]
    pub fn planned(&self) -> i32 {
        self.sessions.iter().map(|it| it.session.credit_centihours).sum()
    }
}

/// Whether the list of a session's attendances is closed; only then does anything count.
#[must_use]
pub fn is_closed(session: &session::Model) -> bool {
    session.closed_at.is_some()
}

/// What a session is worth.
#[must_use]
pub fn worth(session: &session::Model) -> Worth {
    let minutes = (session.ends_at - session.starts_at).num_minutes();
    Worth {
        centihours: session.credit_centihours,
        minutes: i32::try_from(minutes).unwrap_or(i32::MAX),
    }
}

/// Whether this attendance means that somebody was there.
#[must_use]
pub fn came(seen: Option<&Seen>) -> bool {
    seen.is_some_and(|it| !matches!(it.status, Status::Excused | Status::Absent))
}

/// The rule that holds of each of some activities that have one of their own.
async fn rules(
    db: &impl ConnectionTrait,
    ids: impl Iterator<Item = ActivityId>,
) -> Result<HashMap<ActivityId, credit_rule::Model>, Failure> {
    let rows = credit_rule::Entity::find()
        .filter(within((credit_rule::Entity, Column::ActivityId), ids))
        .order_by_asc(Column::Version)
        .all(db)
        .await?;
    // Of several versions the newest comes last, and stays.
    Ok(rows.into_iter().map(|it| (it.activity_id, it)).collect())
}

/// What is known of some registrations at each session, closed or not.
pub async fn seen(
    db: &impl ConnectionTrait,
    registrations: impl IntoIterator<Item = RegistrationId>,
) -> Result<HashMap<(RegistrationId, SessionId), Seen>, Failure> {
    let rows = attendance::Entity::find()
        .filter(within((attendance::Entity, attendance::Column::RegistrationId), registrations))
        .all(db)
        .await?;
    let seen = |it: attendance::Model| {
        // What somebody corrected goes by the status that was said, and not by the scans.
        let minutes = it.minutes.filter(|_| !it.is_corrected);
        let seen = Seen { status: it.status, minutes };
        ((it.registration_id, it.session_id), seen)
    };
    Ok(rows.into_iter().map(seen).collect())
}
