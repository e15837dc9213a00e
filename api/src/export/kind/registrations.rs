//! Everybody who was registered, however it stands, with what they answered (报名名单).

use std::sync::Arc;

use entity::registration::{Status, Way};
use sea_orm::ConnectionTrait;

use super::{
    Column, List, Part, line,
    people::{self, People, Whose},
};
use crate::{
    db::Reader,
    error::Failure,
    export::{brief::Brief, cell::Cell},
};

#[derive(Clone, Copy)]
pub enum Field {
    Person(line::Field),
    Status,
    StatusAt,
    StatusReason,
    RegisteredAt,
    Way,
    ReplyBy,
}

pub struct Registrations {
    people: People,
}

impl List for Registrations {
    type Field = Field;
    type Line = line::Line;
    type Place = people::Place;

    const TITLE: &'static str = "报名名单";

    fn columns(brief: &Brief) -> Vec<Column<Field>> {
        let mut all = line::who(Field::Person);
        all.extend([
            Column::usual("status", "报名状态", 12.0, Field::Status),
            Column::usual("registeredAt", "报名时间", 20.0, Field::RegisteredAt),
            Column::usual("way", "报名方式", 12.0, Field::Way),
            Column::further("statusAt", "状态时间", 20.0, Field::StatusAt),
            Column::further("statusReason", "状态原因", 24.0, Field::StatusReason),
            Column::further("replyBy", "回复截止", 20.0, Field::ReplyBy),
        ]);
        all.extend(line::rest(brief, Field::Person));
        all
    }

    async fn count(db: &impl ConnectionTrait, brief: &Brief) -> Result<u64, Failure> {
        People::count(db, brief, Whose::Everybody).await
    }

    async fn open(db: &Reader, brief: Arc<Brief>, fields: &[Field]) -> Result<Self, Failure> {
        let mut needs = line::Needs::of(fields.iter().filter_map(|it| match it {
            Field::Person(field) => Some(*field),
            _ => None,
        }));
        needs.life = true;
        Ok(Self { people: People::open(db, brief, Whose::Everybody, needs).await? })
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
    ) -> Result<(Vec<line::Line>, Option<people::Place>), Failure> {
        self.people.page(db, None, from).await
    }

    fn cell<'a>(&'a self, _part: usize, nth: u32, field: Field, line: &'a line::Line) -> Cell<'a> {
        let brief = &self.people.brief;
        if let Field::Person(field) = field {
            return line.cell(brief, nth, field);
        }
        let Some(life) = &line.life else { return Cell::Empty };
        match field {
            Field::Status => Cell::Text(status_word(life.status)),
            Field::StatusAt => Cell::Instant(brief.local(life.status_at)),
            Field::StatusReason => Cell::text(life.status_reason.as_ref()),
            Field::RegisteredAt => Cell::Instant(brief.local(life.registered_at)),
            Field::Way => Cell::Text(way_word(life.way)),
            Field::ReplyBy => {
                life.reply_by.map_or(Cell::Empty, |at| Cell::Instant(brief.local(at)))
            }
            Field::Person(_) => Cell::Empty,
        }
    }
}

fn status_word(status: Status) -> &'static str {
    match status {
        Status::Invited => "已邀请",
        Status::Pending => "待审核",
        Status::Confirmed => "已确认",
        Status::Waitlisted => "候补",
        Status::Offered => "待接受",
        Status::Declined => "未通过或谢绝",
        Status::Expired => "逾期未复",
        Status::Cancelled => "已取消",
    }
}

fn way_word(way: Way) -> &'static str {
    match way {
        Way::Organiser => "主办方录入",
        Way::Roster => "名单导入",
        Way::Liaison => "联络员推荐",
        Way::Invitation => "邀请",
        Way::Public => "本人报名",
        Way::WalkIn => "现场登记",
        Way::Replacement => "替会",
    }
}
