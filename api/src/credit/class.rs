//! An activity as its ledger sees it: its rule, its sessions, and what is known of people at those that are closed.

use std::collections::{BTreeSet, HashMap};

use chrono::NaiveDate;
use chrono_tz::Tz;
use entity::{
    activity,
    attendance::{self, Status},
    credit_rule::{self, Column, Rule},
    id::{ActivityId, RegistrationId, SessionId},
    registration, session,
};
use sea_orm::{ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};

use super::rule::{self, Seen, Worth};
use crate::{db::within, error::Failure, session as sessions};

/// An activity with its rule and all of its sessions, in the order in which they take place.
pub struct Class {
    pub activity: activity::Model,
    pub rule: Rule,
    /// 0 where it is the usual one.
    pub version: i32,
    pub sessions: Vec<session::Model>,
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
            let sessions = schedules.remove(&id).unwrap_or_default();
            Ok((id, Self { activity, rule, version, sessions, zone }))
        };
        activities.into_iter().map(class).collect()
    }

    /// The session of this id, if it is one of the class and closed.
    #[must_use]
    pub fn closed(&self, id: SessionId) -> Option<&session::Model> {
        self.sessions.iter().find(|it| it.id == id && is_closed(it))
    }

    /// The day of a session, where the class is held.
    #[must_use]
    pub fn day(&self, session: &session::Model) -> NaiveDate {
        self.day_of(session.starts_at)
    }

    /// The day of an instant, where the class is held.
    #[must_use]
    pub fn day_of(&self, at: chrono::DateTime<chrono::Utc>) -> NaiveDate {
        at.with_timezone(&self.zone).date_naive()
    }

    /// The hours of all sessions together, in hundredths.
    #[must_use]
    pub fn planned(&self) -> i32 {
        self.sessions.iter().map(|it| it.credit_centihours).sum()
    }

    /// Whether somebody is to come to a session, by the days from which and until which they are in the class.
    #[must_use]
    pub fn expects(&self, who: &registration::Model, session: &session::Model) -> bool {
        let _ = (who, session);
        who.status == registration::Status::Confirmed
    }
}

/// Whether the list of a session's attendances is closed; only then does anything count.
#[must_use]
pub fn is_closed(session: &session::Model) -> bool {
    session.closes_at < session.ends_at
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
        let seen = Seen { status: it.status, minutes: None };
        ((it.registration_id, it.session_id), seen)
    };
    Ok(rows.into_iter().map(seen).collect())
}
