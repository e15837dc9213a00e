//! Somebody over the years, as GraphQL shows it.

use std::sync::Arc;

use async_graphql::{Context, Object, Result, SimpleObject, connection::Connection};
use entity::{activity, id::PersonId, person};

use crate::{
    activity::graphql::Activity,
    authz::policy::{ViewHistory, ViewRegistration},
    credit,
    error::Failure,
    graphql::Viewer,
    page::Slice,
    person::history::{self, Came},
    registration::graphql::{Registration, of_attendances},
    year::Year,
};

/// What somebody attended in a year.
#[derive(SimpleObject)]
pub struct PersonYear {
    /// Which year: that of a session's start, from 1 January 00:00 to the next in Asia/Shanghai.
    year: i32,
    /// How many activities they attended.
    activities: i64,
    /// How many sessions they attended: PRESENT, LATE or LEFT_EARLY.
    sessions: i64,
    /// The credit hours (学时) of the year, by the local days of the sessions, of all classes. Null for those who may only
    /// see the phone masked.
    credit_hours: Option<String>,
}

impl PersonYear {
    /// Reads it, for whoever may see the person's history.
    /// The credit hours only where `is_open`.
    pub async fn read(
        ctx: &Context<'_>,
        person: &person::Model,
        number: i32,
        is_open: bool,
    ) -> Result<Self> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit_on::<ViewHistory>(person.clone()).await?;
        let reach = viewer.gate.reach::<ViewRegistration>()?;
        let year = Year::of(number)?;
        let it = history::figures(viewer.db.read(), &permit, &reach, &year).await?;
        let credit_hours =
            if is_open { Some(credit_hours(viewer, person.id, number).await?) } else { None };
        Ok(Self { year: number, activities: it.activities, sessions: it.sessions, credit_hours })
    }
}

async fn credit_hours(viewer: &Viewer, id: PersonId, year: i32) -> Result<String, Failure> {
    let shares = credit::of_year(viewer.db.read(), [id], year).await?;
    let total: i64 = shares.iter().map(|it| it.hours).sum();
    Ok(credit::graphql::show(i32::try_from(total).unwrap_or(i32::MAX)))
}

pub struct PersonActivity {
    registration: Registration,
    activity: Arc<activity::Model>,
    came: Came,
}

/// An activity that somebody is or was on, and what came of it. Counted are the sessions whose door has shut, and those
/// with something on record.
#[Object]
impl PersonActivity {
    /// Which one.
    async fn activity(&self) -> Activity {
        Activity::from(activity::Model::clone(&self.activity))
    }

    /// How it stands, with the attendance of each session. Without the ticket code, and with the phone masked.
    async fn registration(&self) -> &Registration {
        &self.registration
    }

    /// How many sessions are counted.
    async fn counted(&self) -> i32 {
        self.came.counted
    }

    /// How many of them they attended.
    async fn attended(&self) -> i32 {
        self.came.attended
    }

    /// How many of those attended they were late for.
    async fn late(&self) -> i32 {
        self.came.late
    }

    /// How many of those attended they left early.
    async fn left_early(&self) -> i32 {
        self.came.left_early
    }

    /// For how many there was leave.
    async fn excused(&self) -> i32 {
        self.came.excused
    }

    /// How many they did not come to.
    async fn absent(&self) -> i32 {
        self.came.absent
    }

    /// How many of the counted they attended, from 0 to 1; null where none is counted.
    async fn attendance_rate(&self) -> Option<f64> {
        let Came { counted, attended, .. } = self.came;
        (counted > 0).then(|| f64::from(attended) / f64::from(counted))
    }
}

/// A page of somebody's activities, newest first.
pub async fn connection(
    ctx: &Context<'_>,
    person: &person::Model,
    year: Option<i32>,
    slice: Slice<entity::id::RegistrationId>,
) -> Result<Connection<String, PersonActivity>> {
    let viewer = Viewer::of(ctx);
    let db = viewer.db.read();
    let permit = viewer.gate.permit_on::<ViewHistory>(person.clone()).await?;
    let reach = viewer.gate.reach::<ViewRegistration>()?;
    let year = year.map(Year::of).transpose()?;
    let mut page = history::list(db, &permit, &reach, year.as_ref(), slice).await?;
    let rows = std::mem::take(&mut page.rows);
    let beside = history::beside(db, &rows, viewer.now).await?;
    let activities: std::collections::HashMap<_, _> =
        beside.activities.into_iter().map(|(id, it)| (id, Arc::new(it))).collect();
    let ahead = [
        ctx.look_ahead().field("edges").field("node").field("registration"),
        ctx.look_ahead().field("nodes").field("registration"),
    ];
    let ids = rows.iter().map(|it| it.id).collect();
    let mut registrations = of_attendances(viewer, ids, &ahead).await?;
    let nodes = rows.into_iter().filter_map(|row| {
        let node = PersonActivity {
            registration: registrations.remove(&row.id)?,
            activity: activities.get(&row.activity_id)?.clone(),
            came: beside.came.get(&row.id).cloned().unwrap_or_default(),
        };
        Some((row.id, node))
    });
    Ok(page.with(nodes))
}
