//! The plain case at the door, in one statement: somebody with a seat comes in for the first time, at a session that is
//! open and takes no exits. Whatever is not so plain is left to [`take`](super::scan::take), which would have done the
//! same with those whom this lets in, in a dozen statements.
//!
//! Only where a statement is a round trip, on PostgreSQL. The same scan sent twice at one moment makes an index refuse the
//! whole statement; then nothing was done.

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, Utc};
use entity::{
    attendance::{self, Status},
    category,
    id::AttendanceId,
    person, registration,
    scan::{self, Direction, Outcome},
};
use sea_orm::{FromQueryResult, IdenStatic, Iterable, QueryResult};
use serde_json::json;

use super::{
    book,
    derive::Derived,
    scan::{Answer, Attempt, Shown},
};
use crate::{
    authn,
    db::{self, Db},
    error::Failure,
    registration::Beside,
};

/// Lets in whom it can of some attempts: the answers by the place of the attempt.
pub(super) async fn admit(
    db: &Db,
    attempts: &[Attempt],
    now: DateTime<Utc>,
) -> Result<HashMap<usize, Answer>, Failure> {
    if !db.is_remote() {
        return Ok(HashMap::new());
    }
    let mut asked = Vec::with_capacity(attempts.len());
    let mut scans = HashMap::new();
    for (at, attempt) in attempts.iter().enumerate() {
        let Shown::Code(code) = &attempt.shown else { continue };
        if attempt.direction != Direction::Entry || attempt.told.is_some() {
            continue;
        }
        let scan = attempt.scan(None, Outcome::Admitted, None, now);
        asked.push(json!({
            "at": at,
            "scan": scan.id,
            "attendance": AttendanceId::generate(),
            "session": scan.session_id,
            "client": scan.client_id,
            "key": authn::read_ticket_code(code),
            "code": code,
            "gate": scan.gate,
            "scanned": scan.scanned_at,
            "clock": scan.clock,
            "device": scan.device_at,
            "ms": scan.clock_offset_ms,
            "received": now,
            "account": scan.account_id,
            "by_device": scan.device_id,
        }));
        scans.insert(at, scan);
    }
    if asked.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = match db.one_statement(&statement(), json!(asked)).await {
        Ok(rows) => rows,
        // Somebody takes the same scan at this moment.
        Err(error) if db::is_duplicate(&error) => return Ok(HashMap::new()),
        Err(error) => return Err(error.into()),
    };
    rows.iter().map(|row| answer(row, &mut scans)).collect()
}

fn answer(
    row: &QueryResult,
    scans: &mut HashMap<usize, scan::Model>,
) -> Result<(usize, Answer), Failure> {
    let at = usize::try_from(row.try_get::<i32>("", "at")?).map_err(Failure::internal)?;
    let mut scan = scans.remove(&at).ok_or_else(|| Failure::internal("a scan of nobody"))?;
    let registration = registration::Model::from_query_result(row, "r_")?;
    let person = person::Model::from_query_result(row, "p_")?;
    let category = category::Model::from_query_result_optional(row, "c_")?;
    scan.registration_id = Some(registration.id);
    let status: Status = row.try_get("", "status")?;
    let derived = Derived {
        status,
        by_scans: Some(status),
        first_in_at: Some(scan.scanned_at),
        first_gate: scan.gate.clone(),
        first_scan_id: Some(scan.id),
        last_in_at: Some(scan.scanned_at),
        is_inside: true,
        ..Derived::default()
    };
    let attendance: AttendanceId = row.try_get("", "attendance")?;
    let attendance: attendance::Model =
        book::row(attendance, (scan.session_id, registration.id), derived, None);
    let beside = Beside {
        people: [(person.id, person)].into(),
        categories: category.into_iter().map(|it| (it.id, it)).collect(),
        ..Beside::default()
    };
    let answer = Answer {
        scan,
        replayed: false,
        registration: Some(registration),
        attendance: Some(attendance),
        beside: Some(Arc::new(beside)),
    };
    Ok((at, answer))
}

/// The columns of a table, each under its name behind `prefix`.
fn columns<C: Iterable + IdenStatic>(of: &str, prefix: &str) -> String {
    let named = |it: C| format!("{of}.{0} AS {prefix}{0}", it.as_str());
    C::iter().map(named).collect::<Vec<_>>().join(", ")
}

/// What [`Held::has`](super::book::Held::has), the verdict, the judgement and the tally come to for the plain case. The
/// lock on the registration is that of `take`. Whoever has an attendance is told by its index, and not by a look at the
/// table: a plan made while the table was empty would read the whole of it for each scan for as long as the plan is kept.
fn statement() -> String {
    format!(
        "WITH asked AS (
  SELECT * FROM jsonb_to_recordset($1) AS it(at integer, scan uuid, attendance uuid, session uuid, client uuid,
    key text, code text, gate text, scanned timestamptz, clock text, device timestamptz, ms bigint,
    received timestamptz, account uuid, by_device uuid)
), found AS (
  SELECT asked.*, r.id AS registration, CASE WHEN scanned < s.late_at THEN 'PRESENT' ELSE 'LATE' END AS status,
    CAST(get_byte(uuid_send(r.id), 15) % {shards} AS smallint) AS shard, {registration}, {person}, {category}
  FROM asked
  JOIN session s ON s.id = asked.session
  JOIN activity a ON a.id = s.activity_id
  JOIN registration r ON r.ticket_code = asked.key AND r.activity_id = s.activity_id
  JOIN person p ON p.id = r.person_id
  LEFT JOIN category c ON c.id = r.category_id
  WHERE r.status = 'CONFIRMED' AND r.enrolled_on IS NULL AND r.withdrawn_on IS NULL
    AND s.closed_at IS NULL AND NOT s.tracks_exit AND s.opens_at <= scanned AND scanned < s.closes_at
    AND a.status <> 'CANCELLED'
  ORDER BY r.id
  FOR UPDATE OF r
), noted AS (
  INSERT INTO attendance (id, session_id, registration_id, status, by_scans, first_in_at, first_gate, first_scan_id,
    last_in_at, is_inside, is_corrected, has_conflict)
  SELECT attendance, session, registration, status, status, scanned, gate, scan, scanned, true, false, false FROM found
  ON CONFLICT (session_id, registration_id) DO NOTHING
  RETURNING id
), admitted AS (
  SELECT found.* FROM found JOIN noted ON noted.id = found.attendance
), kept AS (
  INSERT INTO scan (id, session_id, client_id, registration_id, code, gate, direction, outcome, scanned_at, clock,
    device_at, clock_offset_ms, received_at, account_id, device_id)
  SELECT scan, session, client, registration, code, gate, 'ENTRY', 'ADMITTED', scanned, clock,
    device, ms, received, account, by_device FROM admitted
), counted AS (
  INSERT INTO tally (session_id, shard, present, late, left_early, excused, absent, unexpected, inside)
  SELECT session, shard, count(*) FILTER (WHERE status = 'PRESENT'), count(*) FILTER (WHERE status = 'LATE'),
    0, 0, 0, 0, count(*) FROM admitted GROUP BY session, shard ORDER BY session, shard
  ON CONFLICT (session_id, shard) DO UPDATE SET present = tally.present + excluded.present,
    late = tally.late + excluded.late, inside = tally.inside + excluded.inside
)
SELECT * FROM admitted",
        shards = super::tally::SHARDS,
        registration = columns::<registration::Column>("r", "r_"),
        person = columns::<person::Column>("p", "p_"),
        category = columns::<category::Column>("c", "c_"),
    )
}
