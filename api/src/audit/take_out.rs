//! The audit log as a file.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDateTime, Utc};
use chrono_tz::Asia::Shanghai;
use entity::{
    account,
    audit_event::{self, Column, Outcome},
    id::AccountId,
};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};
use uuid::Uuid;

use super::list::{self, Filter};
use crate::{
    authz::{Permit, policy::ExportAuditLog},
    db::CHUNK,
    error::{Error, Failure, Refusal},
    export::{cell::Cell, csv::Csv},
    refusals,
};

refusals! {
    /// Why the audit log was not taken out.
    AuditExportErrorCode, AuditExportUserError {
        /// What it is for is not said.
        PurposeMissing = "请填写导出用途", "say what it is for";
        /// A text is too long.
        TooLong = "不能超过{}个字符", "must not be longer than {} characters";
        /// There are more events than are taken out at once.
        TooMany = "一次最多导出{}条，请缩小时间范围", "at most {} events at once; narrow the time down";
    }
}

/// The most that are taken out at once: the file is an answer of the API.
pub const MOST: u64 = 10_000;

/// A file, and how many events are in it.
pub struct File {
    pub name: String,
    pub content: String,
    pub count: u64,
}

const HEADING: [&str; 15] = [
    "编号",
    "时间",
    "账号",
    "设备",
    "操作",
    "对象",
    "结果对象",
    "结果",
    "理由",
    "请求编号",
    "来源地址",
    "详情",
    "链",
    "位置",
    "校验值",
];

/// The events of the permit's organisation that a filter leaves, newest first.
pub async fn take_out(
    db: &impl ConnectionTrait,
    permit: &Permit<ExportAuditLog>,
    filter: Filter,
    now: DateTime<Utc>,
) -> Result<File, Error<AuditExportErrorCode>> {
    let of = permit.on();
    let scope = list::of_organisation(of.parent_id.is_none(), &of.path);
    let rows = audit_event::Entity::find()
        .filter(Condition::all().add(scope).add(filter.condition()))
        .order_by_desc(Column::Id)
        .limit(MOST + 1)
        .all(db)
        .await?;
    let count = rows.len() as u64;
    if count > MOST {
        return Err(AuditExportErrorCode::TooMany.at(["filter"]).about(MOST).into());
    }
    let names = usernames(db, &rows).await?;
    let mut csv = Csv::new();
    csv.row(HEADING).map_err(Failure::internal)?;
    for row in &rows {
        csv.cells(cells(row, &names).iter().map(Written::cell)).map_err(Failure::internal)?;
    }
    let content = String::from_utf8(csv.take().map_err(Failure::internal)?);
    let at = now.with_timezone(&Shanghai).format("%Y%m%d-%H%M");
    let name = format!("审计记录-{at}.csv");
    Ok(File { name, content: content.map_err(Failure::internal)?, count })
}

/// What stands in a cell.
enum Written {
    Text(Option<String>),
    At(NaiveDateTime),
}

impl Written {
    fn cell(&self) -> Cell<'_> {
        match self {
            Self::Text(it) => Cell::text(it.as_ref()),
            Self::At(it) => Cell::Instant(*it),
        }
    }
}

fn cells(row: &audit_event::Model, names: &HashMap<AccountId, String>) -> Vec<Written> {
    let id = |kind: &str, id: Option<Uuid>| id.map(|it| format!("{kind}_{}", it.simple()));
    let result = row.result_kind.as_deref().unwrap_or_default();
    let outcome = match row.outcome {
        Outcome::Done => "已执行",
        Outcome::Refused => "已拒绝",
    };
    let hash = row.hash.as_deref().map(crate::digest::hex);
    let place = row.at.with_timezone(&Shanghai).naive_local();
    let mut cells = vec![Written::Text(id("auditEvent", Some(row.id.0))), Written::At(place)];
    cells.extend(
        [
            row.account_id.and_then(|it| names.get(&it).cloned()),
            id("device", row.device_id.map(|it| it.0)),
            Some(row.action.clone()),
            id(&row.subject_kind, row.subject_id),
            id(result, row.result_id),
            Some(outcome.to_owned()),
            row.reason.clone(),
            Some(row.request_id.to_string()),
            row.address.clone(),
            row.details.clone(),
            Some(row.chain.to_string()),
            Some(row.place.to_string()),
            hash,
        ]
        .map(Written::Text),
    );
    cells
}

async fn usernames(
    db: &impl ConnectionTrait,
    rows: &[audit_event::Model],
) -> Result<HashMap<AccountId, String>, Failure> {
    let mut ids: Vec<AccountId> = rows.iter().filter_map(|it| it.account_id).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut names = HashMap::new();
    for some in ids.chunks(CHUNK) {
        let found = account::Entity::find()
            .filter(account::Column::Id.is_in(some.iter().copied()))
            .all(db)
            .await?;
        names.extend(found.into_iter().map(|it| (it.id, it.username)));
    }
    Ok(names)
}
