//! Name badges (胸卡) of whoever holds a seat, with the code to be scanned at the door.

use std::sync::Arc;

use entity::export::BadgeSize;
use pdf::Document;
use sea_orm::ConnectionTrait;

use super::{
    Column, List, Part,
    line::{self, Field},
    people::{self, People, Whose},
};
use crate::{
    db::Reader,
    error::Failure,
    export::{brief::Brief, cell::Cell, make::paper::Paper},
    organisation, qr,
};

pub struct Badges {
    people: People,
    host: String,
}

/// The bands of the categories, in their order; from the beginning again beyond the last.
const COLOURS: [&str; 8] =
    ["#a3161c", "#1d4f91", "#2f7a3f", "#b8860b", "#6a3d9a", "#00757a", "#8c4a1f", "#4a5568"];

impl List for Badges {
    type Field = Field;
    type Line = line::Line;
    type Place = people::Place;

    const TITLE: &'static str = "胸卡";
    const PAPER: Option<Paper<Self>> = Some(Paper { piece: 100, set });

    fn columns(_brief: &Brief) -> Vec<Column<Field>> {
        vec![
            Column::usual("nth", "序号", 6.0, Field::Nth),
            Column::usual("name", "姓名", 12.0, Field::Name),
            Column::usual("organisation", "单位", 36.0, Field::Organisation),
            Column::usual("title", "职务", 18.0, Field::Title),
            Column::usual("category", "参会类别", 12.0, Field::Category),
            Column::usual("group", "小组", 10.0, Field::Group),
            Column::usual("seat", "座位", 10.0, Field::Seat),
            Column::usual("code", "参会码", 16.0, Field::Code),
        ]
    }

    async fn count(db: &impl ConnectionTrait, brief: &Brief) -> Result<u64, Failure> {
        People::count(db, brief, Whose::Seated).await
    }

    async fn open(db: &Reader, brief: Arc<Brief>, _fields: &[Field]) -> Result<Self, Failure> {
        let host = organisation::find(db, brief.activity()?.host_id).await?.name;
        let needs = line::Needs::of([Field::Group, Field::Seat, Field::Code]);
        Ok(Self { people: People::open(db, brief, Whose::Seated, needs).await?, host })
    }

    fn parts(&self) -> Vec<Part> {
        vec![Part {
            name: Self::TITLE.to_owned(),
            title: format!("{} {}", self.people.brief.title, Self::TITLE),
        }]
    }

    async fn page(
        &self,
        db: &Reader,
        _part: usize,
        from: Option<people::Place>,
    ) -> Result<(Vec<line::Line>, Option<people::Place>), Failure> {
        self.people.page(db, None, from).await
    }

    fn cell<'a>(&'a self, _part: usize, nth: u32, field: Field, line: &'a line::Line) -> Cell<'a> {
        line.cell(&self.people.brief, nth, field)
    }
}

fn set(
    list: &Badges,
    _part: usize,
    lines: &[line::Line],
    document: &mut Document,
) -> Result<(), Failure> {
    let brief = &list.people.brief;
    let mut people = Vec::with_capacity(lines.len());
    for it in lines {
        let place = brief.category_place(it.category);
        people.push(pdf::Badge {
            name: it.name.clone(),
            organisation: it.organisation.clone().unwrap_or_default(),
            title: it.title.clone().unwrap_or_default(),
            category: brief.category(it.category).cloned().unwrap_or_default(),
            colour: COLOURS[place.unwrap_or(COLOURS.len() - 1) % COLOURS.len()].to_owned(),
            // Where nobody said who sits where, a group has its table.
            seat: it.seat.clone().or_else(|| it.group.clone()).unwrap_or_default(),
            qr: it.code.as_deref().map(qr::svg).transpose()?,
        });
    }
    let size = match brief.export.layout.badges {
        BadgeSize::Card => pdf::BadgeSize::Card,
        BadgeSize::Lanyard => pdf::BadgeSize::Lanyard,
    };
    let (event, host) = (brief.title.clone(), list.host.clone());
    document.add(&pdf::Badges { event, host, size, people }).map_err(Failure::internal)
}
