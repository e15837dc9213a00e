//! Who holds a seat and who came, session by session (签到名单).

use std::sync::Arc;

use sea_orm::ConnectionTrait;

use super::{
    Column, List, Part,
    line::{self, attendance_word},
    people::{self, People, Whose},
};
use crate::{
    attendance::book::Held,
    db::Reader,
    error::Failure,
    export::{brief::Brief, cell::Cell},
};

#[derive(Clone, Copy)]
pub enum Field {
    Person(line::Field),
    Attendance,
    FirstInAt,
    FirstGate,
    LastOutAt,
    Minutes,
    Corrected,
}

pub struct AttendanceList {
    people: People,
}

impl List for AttendanceList {
    type Field = Field;
    type Line = line::Line;
    type Place = people::Place;

    const TITLE: &'static str = "签到名单";
    const PART: Option<&'static str> = Some("场次");

    fn columns(brief: &Brief) -> Vec<Column<Field>> {
        let mut all = line::who(Field::Person);
        all.extend([
            Column::usual("attendance", "签到状态", 10.0, Field::Attendance),
            Column::usual("firstInAt", "签到时间", 20.0, Field::FirstInAt),
            Column::usual("firstGate", "签到口", 10.0, Field::FirstGate),
            Column::further("lastOutAt", "离场时间", 20.0, Field::LastOutAt),
            Column::further("minutes", "在场分钟", 10.0, Field::Minutes),
            Column::further("corrected", "人工更正", 10.0, Field::Corrected),
        ]);
        all.extend(line::rest(brief, Field::Person));
        all
    }

    async fn count(db: &impl ConnectionTrait, brief: &Brief) -> Result<u64, Failure> {
        let sheets = brief.sessions.len().max(1) as u64;
        Ok(People::count(db, brief, Whose::Seated).await? * sheets)
    }

    async fn open(db: &Reader, brief: Arc<Brief>, fields: &[Field]) -> Result<Self, Failure> {
        let mut needs = line::Needs::of(fields.iter().filter_map(|it| match it {
            Field::Person(field) => Some(*field),
            _ => None,
        }));
        needs.stay = fields
            .iter()
            .any(|it| matches!(it, Field::LastOutAt | Field::Minutes | Field::Corrected));
        Ok(Self { people: People::open(db, brief, Whose::Seated, needs).await? })
    }

    /// One for each session, or one without where there is none yet.
    fn parts(&self) -> Vec<Part> {
        let brief = &self.people.brief;
        if brief.sessions.is_empty() {
            return vec![Part { name: "名单".to_owned(), title: brief.title.clone() }];
        }
        let part = |held: &Held| {
            let it = &held.session;
            let starts = brief.local(it.starts_at).format("%Y-%m-%d %H:%M");
            let title = format!("{} {} {}（{starts}）", brief.title, it.title, Self::TITLE);
            Part { name: it.title.clone(), title }
        };
        brief.sessions.iter().map(part).collect()
    }

    async fn page(
        &self,
        db: &Reader,
        part: usize,
        from: Option<people::Place>,
    ) -> Result<(Vec<line::Line>, Option<people::Place>), Failure> {
        self.people.page(db, self.people.brief.sessions.get(part), from).await
    }

    fn cell<'a>(&'a self, part: usize, nth: u32, field: Field, line: &'a line::Line) -> Cell<'a> {
        let brief = &self.people.brief;
        match field {
            Field::Person(field) => line.cell(brief, nth, field),
            Field::Attendance => match brief.sessions.get(part) {
                Some(session) => Cell::Text(attendance_word(session, line.attendance, brief.now)),
                None => Cell::Empty,
            },
            Field::FirstInAt => {
                line.first_in_at.map_or(Cell::Empty, |at| Cell::Instant(brief.local(at)))
            }
            Field::FirstGate => Cell::text(line.first_gate.as_ref()),
            Field::LastOutAt => {
                line.last_out_at.map_or(Cell::Empty, |at| Cell::Instant(brief.local(at)))
            }
            Field::Minutes => line.minutes.map_or(Cell::Empty, |it| Cell::Number(it.into())),
            Field::Corrected if line.is_corrected == Some(true) => Cell::Text("是"),
            Field::Corrected => Cell::Empty,
        }
    }
}
