//! What came of a year for an organisation, as GraphQL shows it.

use async_graphql::{Context, Enum, Object, Result, connection::Connection};
use entity::organisation;

use crate::{
    authz::policy::{ListParticipants, ViewFigures},
    graphql::Viewer,
    organisation::participation::{Among, Figures, Ledger, Side, Taken},
    page::Slice,
    person::graphql::Person,
    year::Year,
};

/// Which of those who attended in a year.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Among")]
pub enum ParticipantGroup {
    /// Everybody.
    All,
    /// 首次参加: who had never attended anything in the whole federation before the year.
    FirstTimers,
    /// 常客: who attended three or more activities in the year.
    Regulars,
}

pub struct OrganisationYear {
    organisation: organisation::Model,
    number: i32,
    year: Year,
    side: Side,
    figures: Figures,
    held: (i64, i64),
}

impl OrganisationYear {
    /// Reads it, for whoever may see figures of the organisation.
    pub async fn read(
        ctx: &Context<'_>,
        organisation: &organisation::Model,
        number: i32,
        side: Side,
    ) -> Result<Self> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit_on::<ViewFigures>(organisation.clone()).await?;
        let year = Year::of(number)?;
        let ledger = Ledger::of(&permit, &year, side);
        let figures = ledger.figures(viewer.db.read()).await?;
        let held = ledger.held(viewer.db.read()).await?;
        Ok(Self { organisation: permit.into_row(), number, year, side, figures, held })
    }
}

/// What came of a year for an organisation and all below it. A year is that of a session's start, from 1 January 00:00 to
/// the next in Asia/Shanghai. Who attended is PRESENT, LATE or LEFT_EARLY.
#[Object]
impl OrganisationYear {
    /// Which year.
    async fn year(&self) -> i32 {
        self.number
    }

    /// How many activities.
    async fn activities(&self) -> i64 {
        self.held.0
    }

    /// How many sessions.
    async fn sessions(&self) -> i64 {
        self.held.1
    }

    /// How many people attended, each once.
    async fn people(&self) -> i64 {
        self.figures.people
    }

    /// How often somebody attended a session (人次).
    async fn person_times(&self) -> i64 {
        self.figures.times
    }

    /// How many of the people had never attended anything in the whole federation before the year.
    async fn first_timers(&self) -> i64 {
        self.figures.first_timers
    }

    /// How many of the people attended three or more activities in the year.
    async fn regulars(&self) -> i64 {
        self.figures.regulars
    }

    /// How often somebody was expected at a session that is closed.
    async fn expected(&self) -> i64 {
        self.figures.expected
    }

    /// How many of those expected attended, from 0 to 1; null where nobody was.
    async fn attendance_rate(&self) -> Option<f64> {
        // Counts of a year are far below what such a number holds whole.
        #[expect(clippy::cast_precision_loss, reason = "a rate")]
        let rate = self.figures.attended as f64 / self.figures.expected as f64;
        (self.figures.expected > 0).then_some(rate)
    }

    /// The people behind the figures, in the order in which their records were made. For ORG_ADMIN and ORGANISER.
    #[graphql(complexity = "crate::schema::list_cost(first, last, child_complexity)")]
    async fn participants(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        #[graphql(desc = "Which of them.", default_with = "ParticipantGroup::All")]
        among: ParticipantGroup,
    ) -> Result<Connection<String, Participant>> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit_on::<ListParticipants>(self.organisation.clone()).await?;
        let slice = Slice::parse(first, after.as_deref(), last, before.as_deref())?;
        let ledger = Ledger::of(&permit, &self.year, self.side);
        let page = ledger.people(viewer.db.read(), among.into(), slice).await?;
        Ok(page.connection(
            |(row, _)| row.id,
            |(row, taken)| Participant { person: Person::new(row, true), taken },
        ))
    }
}

pub struct Participant {
    person: Person,
    taken: Taken,
}

/// Somebody who attended in a year, and how often.
#[Object]
impl Participant {
    /// Who.
    async fn person(&self) -> &Person {
        &self.person
    }

    /// How many activities they attended.
    async fn activities(&self) -> i64 {
        self.taken.activities
    }

    /// How many sessions they attended.
    async fn sessions(&self) -> i64 {
        self.taken.sessions
    }

    /// Whether they had never attended anything in the whole federation before the year.
    async fn is_first_timer(&self) -> bool {
        self.taken.is_first_timer
    }

    /// Whether they attended three or more activities.
    async fn is_regular(&self) -> bool {
        self.taken.is_regular()
    }
}
