//! A sheet to sign in on (签到表): whoever holds a seat, session by session or day by day.

use std::sync::Arc;

use chrono::{NaiveDate, NaiveDateTime, Timelike};
use entity::{
    attendance,
    export::{SheetGroups, Sheets},
};
use pdf::{Document, Fact, Group};
use sea_orm::ConnectionTrait;

use super::{
    Column, List, Part, line,
    people::{self, People, Whose},
};
use crate::{
    db::Reader,
    error::Failure,
    export::{brief::Brief, cell::Cell, make::paper::Paper},
    organisation,
};

#[derive(Clone, Copy)]
pub enum Field {
    Person(line::Field),
    Signature,
}

pub struct SignInSheet {
    people: People,
    host: String,
    venue: Option<String>,
    sheets: Vec<Sheet>,
}

/// The sessions that a sheet is for, as places in the brief; none where the activity has none yet.
struct Sheet {
    sessions: Vec<usize>,
}

impl List for SignInSheet {
    type Field = Field;
    type Line = line::Line;
    type Place = people::Place;

    const TITLE: &'static str = "签到表";
    const PART: Option<&'static str> = Some("场次");
    const PAPER: Option<Paper<Self>> = Some(Paper { piece: usize::MAX, set });

    fn columns(_brief: &Brief) -> Vec<Column<Field>> {
        use line::Field::{Category, District, Group, Name, Note, Nth, Organisation, Phone, Title};
        let person = Field::Person;
        vec![
            Column::usual("nth", "序号", 6.0, person(Nth)),
            Column::usual("name", "姓名", 12.0, person(Name)),
            Column::usual("organisation", "单位", 36.0, person(Organisation)),
            Column::usual("title", "职务", 18.0, person(Title)),
            Column::further("category", "参会类别", 12.0, person(Category)),
            Column::further("district", "县（市、区）", 12.0, person(District)),
            Column::further("group", "小组", 10.0, person(Group)),
            Column::usual("signature", "签名", 20.0, Field::Signature),
            Column::further("phone", "联系电话", 16.0, person(Phone)),
            Column::usual("note", "备注", 16.0, person(Note)),
        ]
    }

    async fn count(db: &impl ConnectionTrait, brief: &Brief) -> Result<u64, Failure> {
        let sheets = sheets(brief).len() as u64;
        Ok(People::count(db, brief, Whose::Seated).await? * sheets)
    }

    async fn open(db: &Reader, brief: Arc<Brief>, fields: &[Field]) -> Result<Self, Failure> {
        use line::Field::{District, Group, Note};
        let shown = fields.iter().filter_map(|it| match it {
            Field::Person(field) => Some(*field),
            Field::Signature => None,
        });
        // Whatever columns there are: a sheet on paper goes by these.
        let needs = line::Needs::of(shown.chain([District, Group, Note]));
        let activity = brief.activity()?;
        let host = organisation::find(db, activity.host_id).await?.name;
        let venue = activity.venue.clone();
        let sheets = sheets(&brief);
        let people = People::open(db, brief, Whose::Seated, needs).await?;
        Ok(Self { people, host, venue, sheets })
    }

    fn parts(&self) -> Vec<Part> {
        let brief = &self.people.brief;
        let part = |sheet: &Sheet| {
            let name = match sheet.sessions[..] {
                [] => Self::TITLE.to_owned(),
                [one] => brief.sessions[one].session.title.clone(),
                [first, ..] => day(brief.sessions[first].day),
            };
            Part { title: self.title(sheet), name }
        };
        self.sheets.iter().map(part).collect()
    }

    async fn page(
        &self,
        db: &Reader,
        part: usize,
        from: Option<people::Place>,
    ) -> Result<(Vec<line::Line>, Option<people::Place>), Failure> {
        // Whoever belongs to the first session of a sheet is on it.
        let first = self.sheets.get(part).and_then(|it| it.sessions.first());
        let first = first.and_then(|it| self.people.brief.sessions.get(*it));
        self.people.page(db, first, from).await
    }

    fn cell<'a>(&'a self, _part: usize, nth: u32, field: Field, line: &'a line::Line) -> Cell<'a> {
        match field {
            Field::Person(field) => line.cell(&self.people.brief, nth, field),
            Field::Signature => Cell::Empty,
        }
    }
}

/// The sheets of an export: one for each session, or for each day with a column for each of its sessions.
fn sheets(brief: &Brief) -> Vec<Sheet> {
    let mut sheets: Vec<Sheet> = Vec::new();
    for (at, held) in brief.sessions.iter().enumerate() {
        match sheets.last_mut() {
            Some(last)
                if brief.export.layout.sheets == Sheets::Day
                    && last.sessions.len() < MOST_COLUMNS
                    && last
                        .sessions
                        .first()
                        .is_some_and(|it| brief.sessions[*it].day == held.day) =>
            {
                last.sessions.push(at);
            }
            _ => sheets.push(Sheet { sessions: vec![at] }),
        }
    }
    if sheets.is_empty() {
        sheets.push(Sheet { sessions: vec![] });
    }
    sheets
}

/// More columns to sign in than these do not fit on a sheet.
const MOST_COLUMNS: usize = 3;

impl SignInSheet {
    fn title(&self, sheet: &Sheet) -> String {
        let brief = &self.people.brief;
        let activity = &brief.title;
        match sheet.sessions[..] {
            [one] if brief.sessions[one].session.title != *activity => {
                format!("{activity} {} 签到表", brief.sessions[one].session.title)
            }
            _ => format!("{activity}签到表"),
        }
    }

    fn facts(&self, sheet: &Sheet) -> Vec<Fact> {
        let brief = &self.people.brief;
        let mut facts = Vec::new();
        let mut say = |label: &str, text: String| {
            facts.push(Fact { label: label.to_owned(), text });
        };
        let sessions = || sheet.sessions.iter().map(|it| &brief.sessions[*it].session);
        if let (Some(first), Some(last)) = (sessions().next(), sessions().next_back()) {
            say("时间", span(brief.local(first.starts_at), brief.local(last.ends_at)));
        }
        let venue = sessions().find_map(|it| it.venue.as_ref()).or(self.venue.as_ref());
        if let Some(venue) = venue {
            say("地点", venue.clone());
        }
        say("主办", self.host.clone());
        facts
    }

    /// The headings of the columns to sign in: one, or the half-days or titles of the sessions.
    fn signatures(&self, sheet: &Sheet) -> Vec<String> {
        let brief = &self.people.brief;
        if sheet.sessions.len() < 2 {
            return vec!["签名".to_owned()];
        }
        let sessions = || sheet.sessions.iter().map(|it| &brief.sessions[*it].session);
        let halves: Vec<_> = sessions().map(|it| half(brief.local(it.starts_at))).collect();
        if halves.windows(2).all(|it| it[0] != it[1]) {
            return halves.into_iter().map(str::to_owned).collect();
        }
        sessions().map(|it| it.title.clone()).collect()
    }
}

fn set(
    list: &SignInSheet,
    part: usize,
    lines: &[line::Line],
    document: &mut Document,
) -> Result<(), Failure> {
    let Some(sheet) = list.sheets.get(part) else { return Ok(()) };
    let brief = &list.people.brief;
    let layout = &brief.export.layout;
    let sheet = pdf::SignInSheet {
        title: list.title(sheet),
        facts: list.facts(sheet),
        signatures: list.signatures(sheet),
        has_phones: layout.has_phones,
        groups: groups(brief, lines),
        blank: layout.blank_lines.try_into().unwrap_or_default(),
        printed: brief.watermark(),
    };
    document.add(&sheet).map_err(Failure::internal)
}

/// The people in groups, in the order in which the groups first come; those without one are the last.
fn groups(brief: &Brief, lines: &[line::Line]) -> Vec<Group> {
    let named = |it: &line::Line| match brief.export.layout.groups {
        SheetGroups::None => None,
        SheetGroups::Category => brief.category(it.category).cloned(),
        SheetGroups::District => it.district.clone(),
        SheetGroups::Group => it.group.clone(),
    };
    let mut groups: Vec<Group> = Vec::new();
    let mut others = Vec::new();
    for it in lines {
        let line = line(it);
        match named(it) {
            None => others.push(line),
            Some(name) => match groups.iter_mut().find(|it| it.name.as_ref() == Some(&name)) {
                Some(group) => group.lines.push(line),
                None => groups.push(Group { name: Some(name), lines: vec![line] }),
            },
        }
    }
    if !others.is_empty() {
        let name = (!groups.is_empty()).then(|| "其他".to_owned());
        groups.push(Group { name, lines: others });
    }
    groups
}

fn line(it: &line::Line) -> pdf::Line {
    let leave = (it.attendance == Some(attendance::Status::Excused)).then_some("请假");
    let note = leave.into_iter().chain(it.note.as_deref()).collect::<Vec<_>>().join(" ");
    let organisation = [it.organisation.as_deref(), it.title.as_deref()];
    pdf::Line {
        name: it.name.clone(),
        organisation: organisation.into_iter().flatten().collect::<Vec<_>>().join(" "),
        phone: it.phone.clone().unwrap_or_default(),
        note,
    }
}

/// `2026年3月2日`.
#[must_use]
pub fn day(day: NaiveDate) -> String {
    day.format("%Y年%-m月%-d日").to_string()
}

/// `2026年3月2日 09:00–11:30`.
fn span(from: NaiveDateTime, until: NaiveDateTime) -> String {
    let until = if from.date() == until.date() {
        until.format("%H:%M").to_string()
    } else {
        format!("{} {}", day(until.date()), until.format("%H:%M"))
    };
    format!("{} {}–{until}", day(from.date()), from.format("%H:%M"))
}

fn half(at: NaiveDateTime) -> &'static str {
    match at.hour() {
        0..12 => "上午",
        12..18 => "下午",
        _ => "晚上",
    }
}
