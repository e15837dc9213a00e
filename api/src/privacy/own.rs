//! All that is on record of one person, for that person: table by table, so that nothing is left out.

use aws_lc_rs::digest::{SHA256, digest};
use chrono::{DateTime, Utc};
use entity::{
    account, answer, attendance, bulk_row, certificate, certificate_face, class_group,
    class_member, consent, correction, course_work, credit_entry, data_request, decision, excuse,
    form_reply,
    id::{CertificateId, RegistrationId},
    leave, make_up, message, notice_sent, person, position, registration, roster_row, scan,
    self_scan, ticket_revocation, trainer, withdrawal,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{
    db::{Reader, within},
    error::Failure,
    form,
    person::sealed,
    roster,
    vault::Vault,
};

/// A file of somebody's own data.
pub struct OwnData {
    pub file_name: String,
    /// JSON.
    pub content: String,
    pub sha256: Vec<u8>,
}

/// Why a table is not in it that has to do with people; all others that name a person or a registration are.
pub const LEFT_OUT: &[(&str, &str)] = &[
    ("person_term", "the name once more, cut up for the search"),
    (
        "answer_file",
        "the organiser hands the file itself out; its name, kind and size are with the answer",
    ),
    ("erasure", "there is nothing left to be asked for"),
    ("registration_gone", "only the id of what is no more, for devices at doors"),
    (
        "export_people",
        "ids by which an export is known to have had somebody in it, which `Person.exports` shows",
    ),
];

/// How many rows of a table go into the file: more than anybody has.
const MOST: u64 = 10_000;

/// What of a row is of no use to anybody but the service.
const INTERNAL: [&str; 6] =
    ["pinyin_key", "stroke_key", "list_key", "list_row", "undo", "password_hash"];

fn shown<M: Serialize>(rows: Vec<M>) -> Result<Vec<Value>, Failure> {
    let one = |row: M| {
        let mut value = serde_json::to_value(row).map_err(Failure::internal)?;
        if let Some(fields) = value.as_object_mut() {
            fields.retain(|key, _| !INTERNAL.contains(&key.as_str()));
        }
        Ok(value)
    };
    rows.into_iter().map(one).collect()
}

/// A person's record as it was before it was kept: the ID number whole.
fn opened(vault: &Vault, it: &person::Model) -> Result<person::Model, Failure> {
    let id_no = sealed::id_number(vault, it)?;
    Ok(person::Model { id_no, id_mark: None, ..it.clone() })
}

/// Answers with ID numbers whole.
fn opened_answers(vault: &Vault, rows: Vec<answer::Model>) -> Result<Vec<answer::Model>, Failure> {
    let one = |row: answer::Model| {
        let answer::Value::IdNumber(kept) = &row.value else { return Ok(row) };
        let value = answer::Value::Text(form::sealed::id_number(vault, &row, kept)?);
        Ok(answer::Model { value, ..row })
    };
    rows.into_iter().map(one).collect()
}

/// Rows of lists with ID numbers whole.
fn opened_rows(
    vault: &Vault,
    rows: Vec<roster_row::Model>,
) -> Result<Vec<roster_row::Model>, Failure> {
    let one = |mut row: roster_row::Model| {
        let kept = row.record.as_mut().and_then(|it| it.get_mut("id_no"));
        if let Some(kept) = kept
            && let Some(text) = kept.as_str()
        {
            let place = roster::sealed::place(row.batch_id, row.row);
            *kept = vault.open_text(&place, text)?.into();
        }
        Ok(row)
    };
    rows.into_iter().map(one).collect()
}

/// Reads all that is on record of a person.
pub async fn collect(
    db: &Reader,
    vault: &Vault,
    it: &person::Model,
    now: DateTime<Utc>,
) -> Result<OwnData, Failure> {
    let registrations: Vec<registration::Model> = registration::Entity::find()
        .filter(registration::Column::PersonId.eq(it.id))
        .limit(MOST)
        .all(db)
        .await?;
    let own: Vec<RegistrationId> = registrations.iter().map(|row| row.id).collect();
    let mut tables = Map::new();
    let mut keep = |name: &str, title: &str, rows: Vec<Value>| {
        tables.insert(name.to_owned(), json!({ "title": title, "rows": rows }));
    };
    keep("person", "人员", shown(vec![opened(vault, it)?])?);
    keep("registration", "报名", shown(registrations)?);
    /// The rows of a table with one of these values in a column.
    macro_rules! of {
        ($table:ident, $column:ident, $values:expr, $title:literal) => {
            of!($table, $column, $values, $title, Ok::<_, Failure>)
        };
        ($table:ident, $column:ident, $values:expr, $title:literal, $opened:expr) => {
            let column = ($table::Entity, $table::Column::$column);
            let found =
                $table::Entity::find().filter(within(column, $values)).limit(MOST).all(db).await?;
            keep(stringify!($table), $title, shown(($opened)(found)?)?);
        };
    }
    of!(position, PersonId, [it.id], "任职");
    of!(trainer, PersonId, [it.id], "授课");
    of!(consent, PersonId, [it.id], "同意");
    of!(withdrawal, PersonId, [it.id], "撤回同意");
    of!(data_request, PersonId, [it.id], "更正与删除申请");
    let ids = || own.iter().copied();
    of!(answer, RegistrationId, ids(), "表单答案", |it| opened_answers(vault, it));
    of!(form_reply, RegistrationId, ids(), "表单填写情况");
    of!(attendance, RegistrationId, ids(), "出勤");
    of!(scan, RegistrationId, ids(), "扫码记录");
    of!(self_scan, RegistrationId, ids(), "自助签到");
    of!(correction, RegistrationId, ids(), "出勤更正");
    of!(excuse, RegistrationId, ids(), "准假场次");
    of!(leave, RegistrationId, ids(), "请假");
    of!(make_up, RegistrationId, ids(), "补课");
    of!(credit_entry, RegistrationId, ids(), "学时");
    of!(course_work, RegistrationId, ids(), "考核");
    of!(class_member, RegistrationId, ids(), "班级");
    of!(class_group, LeaderId, ids(), "担任组长");
    of!(decision, RegistrationId, ids(), "审核");
    of!(message, RegistrationId, ids(), "消息");
    of!(notice_sent, RegistrationId, ids(), "告知");
    of!(roster_row, RegistrationId, ids(), "名单行", |it| opened_rows(vault, it));
    of!(bulk_row, RegistrationId, ids(), "批量操作");
    of!(ticket_revocation, RegistrationId, ids(), "作废的参会码");
    of!(certificate, RegistrationId, ids(), "结业证书");
    let column = (certificate::Entity, certificate::Column::RegistrationId);
    let certificates: Vec<CertificateId> = certificate::Entity::find()
        .select_only()
        .column(certificate::Column::Id)
        .filter(within(column, ids()))
        .into_tuple()
        .all(db)
        .await?;
    of!(certificate_face, CertificateId, certificates, "证书内容");
    let accounts = account::Entity::find()
        .filter(account::Column::PersonId.eq(it.id))
        .all(db)
        .await?
        .into_iter()
        .map(|it| json!({"username": it.username, "created_at": it.created_at}))
        .collect();
    keep("account", "账号", accounts);
    let content = json!({
        "service": "青蓝 Qinglan",
        "about": it.name,
        "made_at": now,
        "tables": tables,
    });
    let content = serde_json::to_string_pretty(&content).map_err(Failure::internal)?;
    let sha256 = digest(&SHA256, content.as_bytes()).as_ref().to_vec();
    let day = now.with_timezone(&chrono_tz::Asia::Shanghai).format("%Y-%m-%d");
    Ok(OwnData { file_name: format!("个人信息_{}_{day}.json", it.name), content, sha256 })
}
