//! Table cards (桌牌) of whoever holds a seat.

use std::sync::Arc;

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
};

pub struct TableCards(People);

impl List for TableCards {
    type Field = Field;
    type Line = line::Line;
    type Place = people::Place;

    const TITLE: &'static str = "桌牌";
    const PAPER: Option<Paper<Self>> = Some(Paper { piece: 100, set });

    fn columns(_brief: &Brief) -> Vec<Column<Field>> {
        vec![
            Column::usual("nth", "序号", 6.0, Field::Nth),
            Column::usual("name", "姓名", 12.0, Field::Name),
            Column::further("organisation", "单位", 36.0, Field::Organisation),
            Column::further("title", "职务", 18.0, Field::Title),
        ]
    }

    async fn count(db: &impl ConnectionTrait, brief: &Brief) -> Result<u64, Failure> {
        People::count(db, brief, Whose::Seated).await
    }

    async fn open(db: &Reader, brief: Arc<Brief>, _fields: &[Field]) -> Result<Self, Failure> {
        let needs = line::Needs::default();
        Ok(Self(People::open(db, brief, Whose::Seated, needs).await?))
    }

    fn parts(&self) -> Vec<Part> {
        let title = format!("{} {}", self.0.brief.title, Self::TITLE);
        vec![Part { name: Self::TITLE.to_owned(), title }]
    }

    async fn page(
        &self,
        db: &Reader,
        _part: usize,
        from: Option<people::Place>,
    ) -> Result<(Vec<line::Line>, Option<people::Place>), Failure> {
        self.0.page(db, None, from).await
    }

    fn cell<'a>(&'a self, _part: usize, nth: u32, field: Field, line: &'a line::Line) -> Cell<'a> {
        line.cell(&self.0.brief, nth, field)
    }
}

fn set(
    _list: &TableCards,
    _part: usize,
    lines: &[line::Line],
    document: &mut Document,
) -> Result<(), Failure> {
    let card = |it: &line::Line| pdf::TableCard { name: it.name.clone() };
    let people = lines.iter().map(card).collect();
    document.add(&pdf::TableCards { people }).map_err(Failure::internal)
}
