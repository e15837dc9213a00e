//! The valid certificates (结业证书) of an activity, in the order of their numbers.

use std::{collections::HashSet, sync::Arc};

use chrono::{Datelike, NaiveDate};
use entity::{id::RegistrationId, registration};
use pdf::Document;
use sea_orm::{ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};

use super::{Column, List, Part, sign_in_sheet::day};
use crate::{
    certificate::face::{Face, faces},
    db::Reader,
    error::Failure,
    export::{brief::Brief, cell::Cell, make::paper::Paper},
    qr,
    session::show_hours,
};

#[derive(Clone, Copy)]
pub enum Field {
    Nth,
    Number,
    Name,
    Class,
    Run,
    StartsOn,
    EndsOn,
    Hours,
    Issuer,
    IssuedOn,
    VerifyUrl,
}

pub struct Certificates {
    brief: Arc<Brief>,
}

impl List for Certificates {
    type Field = Field;
    type Line = Face;
    /// All of an activity are read at once.
    type Place = ();

    const TITLE: &'static str = "结业证书";
    const PAPER: Option<Paper<Self>> = Some(Paper { piece: 100, set });

    fn columns(_brief: &Brief) -> Vec<Column<Field>> {
        vec![
            Column::usual("nth", "序号", 6.0, Field::Nth),
            Column::usual("number", "证书编号", 32.0, Field::Number),
            Column::usual("name", "姓名", 12.0, Field::Name),
            Column::usual("class", "班次", 36.0, Field::Class),
            Column::usual("run", "期次", 8.0, Field::Run),
            Column::usual("startsOn", "开始日期", 12.0, Field::StartsOn),
            Column::usual("endsOn", "结束日期", 12.0, Field::EndsOn),
            Column::usual("hours", "学时", 8.0, Field::Hours),
            Column::usual("issuer", "发证单位", 30.0, Field::Issuer),
            Column::usual("issuedOn", "发证日期", 12.0, Field::IssuedOn),
            Column::further("verifyUrl", "核验地址", 50.0, Field::VerifyUrl),
        ]
    }

    async fn count(db: &impl ConnectionTrait, brief: &Brief) -> Result<u64, Failure> {
        Ok(read(db, brief).await?.len() as u64)
    }

    async fn open(_db: &Reader, brief: Arc<Brief>, _fields: &[Field]) -> Result<Self, Failure> {
        Ok(Self { brief })
    }

    fn parts(&self) -> Vec<Part> {
        let title = format!("{} {}", self.brief.title, Self::TITLE);
        vec![Part { name: Self::TITLE.to_owned(), title }]
    }

    async fn page(
        &self,
        db: &Reader,
        _part: usize,
        _from: Option<()>,
    ) -> Result<(Vec<Face>, Option<()>), Failure> {
        Ok((read(db, &self.brief).await?, None))
    }

    fn cell<'a>(&'a self, _part: usize, nth: u32, field: Field, line: &'a Face) -> Cell<'a> {
        match field {
            Field::Nth => Cell::count(nth),
            Field::Number => Cell::Text(&line.number),
            Field::Name => Cell::Text(&line.name),
            Field::Class => Cell::Text(&line.title),
            Field::Run => line.run.map_or(Cell::Empty, |it| Cell::Number(it.into())),
            Field::StartsOn => line.starts_on.map_or(Cell::Empty, Cell::Day),
            Field::EndsOn => line.ends_on.map_or(Cell::Empty, Cell::Day),
            Field::Hours => Cell::Number(f64::from(line.centihours) / 100.0),
            Field::Issuer => Cell::Text(&line.issuer),
            Field::IssuedOn => Cell::Day(line.issued_on),
            Field::VerifyUrl => Cell::Text(&line.verify_url),
        }
    }
}

/// Those of the registrations that the export is narrowed to.
async fn read(db: &impl ConnectionTrait, brief: &Brief) -> Result<Vec<Face>, Failure> {
    let named: Vec<RegistrationId> = registration::Entity::find()
        .select_only()
        .column(registration::Column::Id)
        .filter(brief.registrations())
        .into_tuple()
        .all(db)
        .await?;
    let named: HashSet<RegistrationId> = named.into_iter().collect();
    faces(db, brief.activity()?.id, Some(&named), &brief.public_url).await
}

fn set(
    _list: &Certificates,
    _part: usize,
    lines: &[Face],
    document: &mut Document,
) -> Result<(), Failure> {
    let mut people = Vec::with_capacity(lines.len());
    for it in lines {
        let run = it.run.map(|it| format!("（第{it}期）")).unwrap_or_default();
        people.push(pdf::Certificate {
            number: it.number.clone(),
            name: it.name.clone(),
            class: format!("{}{run}", it.title),
            days: days(it.starts_on, it.ends_on),
            hours: show_hours(it.centihours),
            issuer: it.issuer.clone(),
            issued_on: day(it.issued_on),
            verify_at: it.verify_url.clone(),
            qr: Some(qr::svg(&it.verify_url)?),
        });
    }
    document.add(&pdf::Certificates { people }).map_err(Failure::internal)
}

/// `2026年3月2日至3月6日`; of whatever is known.
fn days(from: Option<NaiveDate>, until: Option<NaiveDate>) -> String {
    match (from, until) {
        (Some(from), Some(until)) if from == until => day(from),
        (Some(from), Some(until)) if from.year() == until.year() => {
            format!("{}至{}", day(from), until.format("%-m月%-d日"))
        }
        (Some(from), Some(until)) => format!("{}至{}", day(from), day(until)),
        (Some(one), None) | (None, Some(one)) => day(one),
        (None, None) => String::new(),
    }
}
