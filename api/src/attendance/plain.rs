//! The plain case at the door, in one statement: somebody with a seat comes in for the first time, at a session that is
//! open and takes no exits. Whatever is not so plain is left to [`take`](super::scan::take), which would have done the
//! same with those whom this lets in, in a dozen statements.
//!
//! Only where a statement is a round trip, on PostgreSQL, and in its lanes. The same scan sent twice at one moment makes an
//! index refuse the whole statement; then nothing was done.

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, Utc};
use entity::{
    attendance::{self, Status},
    category,
    id::AttendanceId,
    person, registration,
    scan::{self, Direction, Outcome},
};
use sea_orm::{ActiveEnum, FromQueryResult, IdenStatic, Iterable, QueryResult};
use sqlx::{AssertSqlSafe, Postgres, postgres::PgArguments, query::Query};

use super::{
    book,
    derive::Derived,
    scan::{Answer, Attempt, Shown},
    tally::SHARDS,
};
use crate::{
    authn,
    db::{self, Db},
    error::Failure,
    registration::Beside,
};

/// Lets in whom it can of some attempts by the [`statement`], in a lane of the database: the answers by the place of the
/// attempt.
pub(super) async fn admit(
    db: &Db,
    lane: usize,
    statement: &Arc<str>,
    attempts: &[Attempt],
    now: DateTime<Utc>,
) -> Result<HashMap<usize, Answer>, Failure> {
    if db.lanes() == 0 {
        return Ok(HashMap::new());
    }
    let mut asked = Vec::with_capacity(attempts.len());
    for (at, attempt) in attempts.iter().enumerate() {
        if let Shown::Code(code) = &attempt.shown
            && attempt.direction == Direction::Entry
            && attempt.told.is_none()
        {
            let scan = attempt.scan(None, Outcome::Admitted, None, now);
            asked.push(Asked { at, key: authn::read_ticket_code(code), scan });
        }
    }
    if asked.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = match db.in_lane(lane, query(statement.clone(), &asked, now)).await {
        Ok(rows) => rows,
        // Somebody takes the same scan at this moment.
        Err(error) if db::is_duplicate(&error) => return Ok(HashMap::new()),
        Err(error) => return Err(error.into()),
    };
    let mut asked: Vec<Option<Asked>> = asked.into_iter().map(Some).collect();
    rows.iter().map(|row| answer(row, &mut asked)).collect()
}

/// An attempt of the plain case, as far as it can be told.
struct Asked {
    at: usize,
    key: String,
    scan: scan::Model,
}

/// The statement with a column of each thing that it takes.
fn query(
    statement: Arc<str>,
    asked: &[Asked],
    now: DateTime<Utc>,
) -> Query<'static, Postgres, PgArguments> {
    fn column<T>(asked: &[Asked], of: impl Fn(&Asked) -> T) -> Vec<T> {
        asked.iter().map(of).collect()
    }
    // All of them add to the same part of the figures, whichever: those of a rival add to another.
    let shard = asked.first().map_or(0, |it| it.scan.id.0.as_bytes()[15] % SHARDS);
    sqlx::query(AssertSqlSafe(statement))
        .bind(column(asked, |it| it.scan.id.0))
        .bind(column(asked, |_| AttendanceId::generate().0))
        .bind(column(asked, |it| it.scan.session_id.0))
        .bind(column(asked, |it| it.scan.client_id))
        .bind(column(asked, |it| it.key.clone()))
        .bind(column(asked, |it| it.scan.code.clone()))
        .bind(column(asked, |it| it.scan.gate.clone()))
        .bind(column(asked, |it| it.scan.scanned_at))
        .bind(column(asked, |it| it.scan.clock.to_value()))
        .bind(column(asked, |it| it.scan.device_at))
        .bind(column(asked, |it| it.scan.clock_offset_ms))
        .bind(column(asked, |it| it.scan.account_id.map(|it| it.0)))
        .bind(column(asked, |it| it.scan.device_id.map(|it| it.0)))
        .bind(now)
        .bind(i16::from(shard))
}

fn answer(row: &QueryResult, asked: &mut [Option<Asked>]) -> Result<(usize, Answer), Failure> {
    let at = usize::try_from(row.try_get::<i64>("", "at")?).map_err(Failure::internal)?;
    let place = at.checked_sub(1).and_then(|it| asked.get_mut(it));
    let found = place.and_then(Option::take);
    let Asked { at, mut scan, .. } = found.ok_or_else(|| Failure::internal("a scan of nobody"))?;
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
        people: [(person.id, person.into())].into(),
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
/// lock on the registration is that of `take`. Whoever has an attendance is told by its index. What is shown of people is
/// fetched at the end, because each step sets up all columns that go through it.
pub(super) fn statement() -> Arc<str> {
    format!(
        "WITH asked AS (
  SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::text[],
    $8::timestamptz[], $9::text[], $10::timestamptz[], $11::bigint[], $12::uuid[], $13::uuid[])
    WITH ORDINALITY AS it(scan, attendance, session, client, key, code, gate, scanned, clock, device, ms, account,
      by_device, at)
), found AS (
  SELECT asked.*, r.id AS registration, CASE WHEN scanned < s.late_at THEN 'PRESENT' ELSE 'LATE' END AS status
  FROM asked
  JOIN session s ON s.id = asked.session
  JOIN activity a ON a.id = s.activity_id
  JOIN registration r ON r.ticket_code = asked.key AND r.activity_id = s.activity_id
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
    device, ms, $14, account, by_device FROM admitted
), counted AS (
  INSERT INTO tally (session_id, shard, present, late, left_early, excused, absent, unexpected, inside)
  SELECT session, $15, count(*) FILTER (WHERE status = 'PRESENT'), count(*) FILTER (WHERE status = 'LATE'),
    0, 0, 0, 0, count(*) FROM admitted GROUP BY session ORDER BY session
  ON CONFLICT (session_id, shard) DO UPDATE SET present = tally.present + excluded.present,
    late = tally.late + excluded.late, inside = tally.inside + excluded.inside
)
SELECT admitted.at, admitted.attendance, admitted.status, {registration}, {person}, {category} FROM admitted
JOIN registration r ON r.id = admitted.registration JOIN person p ON p.id = r.person_id
LEFT JOIN category c ON c.id = r.category_id",
        registration = columns::<registration::Column>("r", "r_"),
        person = columns::<person::Column>("p", "p_"),
        category = columns::<category::Column>("c", "c_"),
    )
    .into()
}
