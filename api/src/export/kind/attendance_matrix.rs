//! Who holds a seat, with a column for each session, and what it comes to (出勤总表).
//!
//! Counted are the sessions that somebody belongs to whose door has shut, and those with something on record.

use std::{collections::HashMap, sync::Arc};

use entity::{
    attendance::{self, Status},
    id::{RegistrationId, SessionId},
};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};

use super::{
    Column, List, Part,
    line::{self, attendance_word},
    people::{self, People, Whose},
};
use crate::{
    attendance::book::Held,
    db::{Reader, within},
    error::Failure,
    export::{brief::Brief, cell::Cell},
    graphql::Gid,
};

/// How many attendances are read at a time.
const CELLS: usize = 10_000;

#[derive(Clone, Copy)]
pub enum Field {
    Person(line::Field),
    /// At the nth session.
    Session(usize),
    Counted,
    Attended,
    Late,
    LeftEarly,
    Excused,
    Absent,
    /// Of the counted.
    Rate,
    /// Of those counted for which there was no leave.
    RateWithoutLeave,
}

pub struct AttendanceMatrix {
    people: People,
}

/// A person, with how they attended each session.
pub struct Line {
    person: line::Line,
    statuses: Vec<Option<Status>>,
}

impl Line {
    /// Whether the person is expected at a session. Once it is closed, whoever was is on record.
    fn belongs_to(&self, held: &Held) -> bool {
        held.session.closed_at.is_none()
            && self
                .person
                .life
                .as_ref()
                .is_some_and(|it| held.takes(it.status, it.enrolled_on, it.withdrawn_on))
    }
}

impl AttendanceMatrix {
    /// How many of the counted sessions somebody attended in a way.
    fn count_of(&self, line: &Line, is_it: impl Fn(Option<Status>) -> bool) -> u32 {
        let brief = &self.people.brief;
        let counted = brief.sessions.iter().zip(&line.statuses).filter(|(held, status)| {
            let is_over = brief.now >= held.session.closes_at && line.belongs_to(held);
            (status.is_some() || is_over) && is_it(**status)
        });
        u32::try_from(counted.count()).unwrap_or(u32::MAX)
    }
}

fn came(status: Option<Status>) -> bool {
    matches!(status, Some(Status::Present | Status::Late | Status::LeftEarly))
}

fn share(part: u32, whole: u32) -> Cell<'static> {
    if whole == 0 { Cell::Empty } else { Cell::Share(f64::from(part) / f64::from(whole)) }
}

impl List for AttendanceMatrix {
    type Field = Field;
    type Line = Line;
    type Place = people::Place;

    const TITLE: &'static str = "出勤总表";

    fn columns(brief: &Brief) -> Vec<Column<Field>> {
        let mut all = line::who(Field::Person);
        all.extend(brief.sessions.iter().enumerate().map(|(nth, held)| {
            let it = &held.session;
            let title = format!("{}（{}）", it.title, brief.local(it.starts_at).format("%m-%d"));
            Column::usual(format!("session:{}", Gid(it.id)), title, 12.0, Field::Session(nth))
        }));
        all.extend([
            Column::usual("counted", "应到场次", 10.0, Field::Counted),
            Column::usual("attended", "实到", 8.0, Field::Attended),
            Column::usual("late", "其中迟到", 10.0, Field::Late),
            Column::usual("leftEarly", "其中早退", 10.0, Field::LeftEarly),
            Column::usual("excused", "请假", 8.0, Field::Excused),
            Column::usual("absent", "缺席", 8.0, Field::Absent),
            Column::usual("rate", "出勤率", 10.0, Field::Rate),
            Column::usual("rateWithoutLeave", "出勤率（不计请假）", 18.0, Field::RateWithoutLeave),
        ]);
        let rest = line::rest(brief, Field::Person);
        all.extend(rest.into_iter().map(|it| Column { is_usual: false, ..it }));
        all
    }

    async fn count(db: &impl ConnectionTrait, brief: &Brief) -> Result<u64, Failure> {
        People::count(db, brief, Whose::Seated).await
    }

    async fn open(db: &Reader, brief: Arc<Brief>, fields: &[Field]) -> Result<Self, Failure> {
        let mut needs = line::Needs::of(fields.iter().filter_map(|it| match it {
            Field::Person(field) => Some(*field),
            _ => None,
        }));
        needs.life = true;
        Ok(Self { people: People::open(db, brief, Whose::Seated, needs).await? })
    }

    fn parts(&self) -> Vec<Part> {
        let title = format!("{} {}", self.people.brief.title, Self::TITLE);
        vec![Part { name: Self::TITLE.to_owned(), title }]
    }

    async fn page(
        &self,
        db: &Reader,
        _part: usize,
        from: Option<people::Place>,
    ) -> Result<(Vec<Line>, Option<people::Place>), Failure> {
        let (people, next) = self.people.page(db, None, from).await?;
        let sessions = &self.people.brief.sessions;
        let places: HashMap<SessionId, usize> =
            sessions.iter().enumerate().map(|(at, it)| (it.session.id, at)).collect();
        let mut lines: Vec<Line> = people
            .into_iter()
            .map(|person| Line { person, statuses: vec![None; sessions.len()] })
            .collect();
        if sessions.is_empty() {
            return Ok((lines, next));
        }
        for chunk in lines.chunks_mut((CELLS / sessions.len()).max(1)) {
            let ids = chunk.iter().map(|it| it.person.id);
            let rows: Vec<(RegistrationId, SessionId, Status)> = attendance::Entity::find()
                .select_only()
                .column(attendance::Column::RegistrationId)
                .column(attendance::Column::SessionId)
                .column(attendance::Column::Status)
                .filter(within((attendance::Entity, attendance::Column::RegistrationId), ids))
                .filter(attendance::Column::SessionId.is_in(places.keys().copied()))
                .into_tuple()
                .all(db)
                .await?;
            let mut known: HashMap<RegistrationId, Vec<(usize, Status)>> = HashMap::new();
            for (registration, session, status) in rows {
                if let Some(at) = places.get(&session) {
                    known.entry(registration).or_default().push((*at, status));
                }
            }
            for line in chunk {
                for (at, status) in known.remove(&line.person.id).unwrap_or_default() {
                    line.statuses[at] = Some(status);
                }
            }
        }
        Ok((lines, next))
    }

    fn cell<'a>(&'a self, _part: usize, nth: u32, field: Field, line: &'a Line) -> Cell<'a> {
        let brief = &self.people.brief;
        let counted = || self.count_of(line, |_| true);
        let excused = || self.count_of(line, |it| it == Some(Status::Excused));
        let attended = || self.count_of(line, came);
        match field {
            Field::Person(field) => line.person.cell(brief, nth, field),
            Field::Session(at) => match (brief.sessions.get(at), line.statuses.get(at)) {
                (Some(held), Some(status)) if status.is_some() || line.belongs_to(held) => {
                    Cell::Text(attendance_word(held, *status, brief.now))
                }
                // Somebody who came later, or left before.
                _ => Cell::Empty,
            },
            Field::Counted => Cell::count(counted()),
            Field::Attended => Cell::count(attended()),
            Field::Late => Cell::count(self.count_of(line, |it| it == Some(Status::Late))),
            Field::LeftEarly => {
                Cell::count(self.count_of(line, |it| it == Some(Status::LeftEarly)))
            }
            Field::Excused => Cell::count(excused()),
            Field::Absent => Cell::count(counted() - attended() - excused()),
            Field::Rate => share(attended(), counted()),
            Field::RateWithoutLeave => share(attended(), counted() - excused()),
        }
    }
}
