//! Every scan at the doors, session by session, in the order in which the server got them (扫码记录).

use std::sync::Arc;

use chrono::{DateTime, Utc};
use entity::{
    account, device,
    id::ScanId,
    person, registration,
    scan::{self, Clock, Direction, Outcome},
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, PaginatorTrait, QueryFilter,
    QueryResult,
    sea_query::{Expr, ExprTrait, Order, Query, SimpleExpr},
};

use super::{Column, List, PAGE, Part};
use crate::{
    attendance::book::Held,
    db::{Reader, at_most},
    error::Failure,
    export::{brief::Brief, cell::Cell},
    registration::Filter,
};

#[derive(Clone, Copy)]
pub enum Field {
    Nth,
    ScannedAt,
    Gate,
    Outcome,
    Name,
    Organisation,
    Phone,
    Clock,
    DeviceAt,
    ReceivedAt,
    By,
    Direction,
    Device,
    Conflict,
    Reason,
}

pub struct ScanLog {
    brief: Arc<Brief>,
}

/// A scan, and whose code it read.
pub struct Line {
    id: ScanId,
    scanned_at: DateTime<Utc>,
    clock: Clock,
    device_at: Option<DateTime<Utc>>,
    received_at: DateTime<Utc>,
    gate: Option<String>,
    outcome: Outcome,
    by: Option<String>,
    name: Option<String>,
    phone: Option<String>,
    organisation: Option<String>,
    direction: Direction,
    device: Option<String>,
    conflict: Option<ScanId>,
    reason: Option<String>,
}

impl FromQueryResult for Line {
    fn from_query_result(row: &QueryResult, _: &str) -> Result<Self, DbErr> {
        Ok(Self {
            id: row.try_get_by_index(0)?,
            scanned_at: row.try_get_by_index(1)?,
            clock: row.try_get_by_index(2)?,
            device_at: row.try_get_by_index(3)?,
            received_at: row.try_get_by_index(4)?,
            gate: row.try_get_by_index(5)?,
            outcome: row.try_get_by_index(6)?,
            by: row.try_get_by_index(7)?,
            name: row.try_get_by_index(8)?,
            phone: row.try_get_by_index(9)?,
            organisation: row.try_get_by_index(10)?,
            direction: row.try_get_by_index(11)?,
            device: row.try_get_by_index(12)?,
            conflict: row.try_get_by_index(13)?,
            reason: row.try_get_by_index(14)?,
        })
    }
}

/// The scans of those registrations that are asked for. Without a filter those of unknown codes are there, too.
fn narrowed(brief: &Brief) -> Option<SimpleExpr> {
    let filter = &brief.filter.registrations;
    (*filter != Filter::default()).then(|| {
        let asked = Query::select()
            .column((registration::Entity, registration::Column::Id))
            .from(registration::Entity)
            .cond_where(brief.registrations())
            .to_owned();
        scan::Column::RegistrationId.in_subquery(asked)
    })
}

impl List for ScanLog {
    type Field = Field;
    type Line = Line;
    type Place = ScanId;

    const TITLE: &'static str = "扫码记录";
    const PART: Option<&'static str> = Some("场次");

    fn columns(_brief: &Brief) -> Vec<Column<Field>> {
        vec![
            Column::usual("nth", "序号", 8.0, Field::Nth),
            Column::usual("scannedAt", "扫码时间", 20.0, Field::ScannedAt),
            Column::usual("gate", "签到口", 10.0, Field::Gate),
            Column::usual("direction", "方向", 8.0, Field::Direction),
            Column::usual("outcome", "结果", 14.0, Field::Outcome),
            Column::usual("name", "姓名", 12.0, Field::Name),
            Column::usual("organisation", "单位", 36.0, Field::Organisation),
            Column::further("phone", "手机号码", 16.0, Field::Phone),
            Column::further("clock", "时间依据", 12.0, Field::Clock),
            Column::further("deviceAt", "设备时间", 20.0, Field::DeviceAt),
            Column::usual("receivedAt", "服务器收到时间", 20.0, Field::ReceivedAt),
            Column::usual("by", "操作账号", 16.0, Field::By),
            Column::usual("device", "签到设备", 16.0, Field::Device),
            Column::usual("conflict", "两门冲突", 10.0, Field::Conflict),
            Column::usual("reason", "原因", 24.0, Field::Reason),
        ]
    }

    async fn count(db: &impl ConnectionTrait, brief: &Brief) -> Result<u64, Failure> {
        let mut scans = scan::Entity::find()
            .filter(scan::Column::SessionId.is_in(brief.sessions.iter().map(|it| it.session.id)));
        if let Some(narrowed) = narrowed(brief) {
            scans = scans.filter(narrowed);
        }
        Ok(scans.count(db).await?)
    }

    async fn open(_db: &Reader, brief: Arc<Brief>, _fields: &[Field]) -> Result<Self, Failure> {
        Ok(Self { brief })
    }

    fn parts(&self) -> Vec<Part> {
        let brief = &self.brief;
        if brief.sessions.is_empty() {
            return vec![Part { name: Self::TITLE.to_owned(), title: brief.title.clone() }];
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
        from: Option<ScanId>,
    ) -> Result<(Vec<Line>, Option<ScanId>), Failure> {
        let Some(held) = self.brief.sessions.get(part) else { return Ok((Vec::new(), None)) };
        let own = |column: scan::Column| Expr::col((scan::Entity, column));
        let mut select = Query::select();
        select
            .exprs([
                own(scan::Column::Id),
                own(scan::Column::ScannedAt),
                own(scan::Column::Clock),
                own(scan::Column::DeviceAt),
                own(scan::Column::ReceivedAt),
                own(scan::Column::Gate),
                own(scan::Column::Outcome),
                Expr::col((account::Entity, account::Column::Username)),
                Expr::col((person::Entity, person::Column::Name)),
                Expr::col((person::Entity, person::Column::Phone)),
                Expr::col((registration::Entity, registration::Column::OrganisationName)),
                own(scan::Column::Direction),
                Expr::col((device::Entity, device::Column::Name)),
                own(scan::Column::ConflictsWithId),
                own(scan::Column::Reason),
            ])
            .from(scan::Entity)
            .left_join(
                account::Entity,
                own(scan::Column::AccountId).equals((account::Entity, account::Column::Id)),
            )
            .left_join(
                device::Entity,
                own(scan::Column::DeviceId).equals((device::Entity, device::Column::Id)),
            )
            .left_join(
                registration::Entity,
                own(scan::Column::RegistrationId)
                    .equals((registration::Entity, registration::Column::Id)),
            )
            .left_join(
                person::Entity,
                Expr::col((registration::Entity, registration::Column::PersonId))
                    .equals((person::Entity, person::Column::Id)),
            )
            .and_where(own(scan::Column::SessionId).eq(held.session.id))
            .order_by((scan::Entity, scan::Column::Id), Order::Asc);
        if let Some(from) = from {
            select.and_where(own(scan::Column::Id).gt(from));
        }
        if let Some(narrowed) = narrowed(&self.brief) {
            select.and_where(narrowed);
        }
        let mut lines: Vec<Line> = at_most(db, &select, PAGE).await?;
        for line in &mut lines {
            line.phone = self.brief.phone(line.phone.take());
        }
        let next = lines.last().filter(|_| lines.len() == PAGE).map(|it| it.id);
        Ok((lines, next))
    }

    fn cell<'a>(&'a self, _part: usize, nth: u32, field: Field, line: &'a Line) -> Cell<'a> {
        let instant = |at| Cell::Instant(self.brief.local(at));
        match field {
            Field::Nth => Cell::count(nth),
            Field::ScannedAt => instant(line.scanned_at),
            Field::Gate => Cell::text(line.gate.as_ref()),
            Field::Outcome => Cell::Text(outcome_word(line.outcome)),
            Field::Name => Cell::text(line.name.as_ref()),
            Field::Organisation => Cell::text(line.organisation.as_ref()),
            Field::Phone => Cell::text(line.phone.as_ref()),
            Field::Clock => Cell::Text(match line.clock {
                Clock::Device => "设备",
                Clock::Server => "服务器",
            }),
            Field::DeviceAt => line.device_at.map_or(Cell::Empty, instant),
            Field::ReceivedAt => instant(line.received_at),
            Field::By => Cell::text(line.by.as_ref()),
            Field::Direction => Cell::Text(match line.direction {
                Direction::Entry => "入",
                Direction::Exit => "出",
                Direction::Undo => "撤销",
            }),
            Field::Device => Cell::text(line.device.as_ref()),
            Field::Conflict if line.conflict.is_some() => Cell::Text("是"),
            Field::Conflict => Cell::Empty,
            Field::Reason => Cell::text(line.reason.as_ref()),
        }
    }
}

fn outcome_word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Admitted => "入场",
        Outcome::AlreadyIn => "已入场",
        Outcome::UnknownCode => "无此码",
        Outcome::WrongActivity => "非本活动",
        Outcome::TooEarly => "未到时间",
        Outcome::TooLate => "已过时间",
        Outcome::NotConfirmed => "未确认",
        Outcome::Cancelled => "已取消",
        Outcome::NeedsConfirmation => "待确认",
        Outcome::Exited => "离场",
        Outcome::Undone => "已撤销",
    }
}
