//! Who is the same person, and what becomes of their rows (§4).

use std::collections::HashMap;

use crate::report::{Outcome, Row};
use crate::{Code, Moment, Profile};

/// Joins rows of the same person and flags different persons who look alike.
pub(crate) fn join(rows: &mut [Row], profile: Profile) {
    if profile == Profile::Form {
        withdraw(rows);
    }
    for mut members in persons(rows) {
        let kept = match profile {
            Profile::Event | Profile::Class => members[0],
            Profile::Form => latest(rows, &members),
        };
        members.retain(|&member| member != kept);
        if profile != Profile::Form {
            fill(rows, kept, &members);
        }
        for &member in &members {
            rows[member].outcome = Outcome::Merged { into: rows[kept].number };
            rows[member].codes.retain(|code| *code == Code::HiddenRow);
        }
        let mut merged: Vec<u32> = members.iter().map(|&member| rows[member].number).collect();
        merged.sort_unstable();
        rows[kept].outcome = Outcome::Kept { merged };
    }
    flag_alike(rows);
}

/// Refusals of consent by one name and phone.
#[derive(Default)]
struct Refusals {
    /// The latest with a time, and its row.
    timed: Option<(Moment, u32)>,
    /// The last row without a time.
    untimed: u32,
    /// The last row of all.
    last: u32,
}

impl Refusals {
    /// Whether one came later than this row: by time when both have one, else by place in the list.
    fn follow(&self, row: &Row) -> bool {
        match row.record.submitted_at {
            Some(at) => self.timed > Some((at, row.number)) || self.untimed > row.number,
            None => self.last > row.number,
        }
    }
}

/// A later row rejected for its missing consent alone withdraws the earlier ones.
fn withdraw(rows: &mut [Row]) {
    let mut refusals: HashMap<(String, String), Refusals> = HashMap::new();
    for row in rows.iter().filter(|row| row.is_rejected()) {
        let mut reasons = row.codes.iter().filter(|code| code.rejects());
        if reasons.next() == Some(&Code::ConsentMissing)
            && reasons.next().is_none()
            && let Some(key) = key(row)
        {
            let refusals = refusals.entry(key).or_default();
            refusals.last = refusals.last.max(row.number);
            match row.record.submitted_at {
                Some(at) => refusals.timed = refusals.timed.max(Some((at, row.number))),
                None => refusals.untimed = refusals.untimed.max(row.number),
            }
        }
    }
    for row in rows.iter_mut().filter(|row| !row.is_rejected()) {
        if key(row).and_then(|key| refusals.get(&key)).is_some_and(|r| r.follow(row)) {
            row.outcome = Outcome::Rejected;
            row.codes.retain(|code| *code == Code::HiddenRow);
            row.codes.insert(Code::ConsentWithdrawn);
        }
    }
}

fn key(row: &Row) -> Option<(String, String)> {
    Some((row.record.name.clone()?, row.record.phone.clone()?))
}

/// The groups that share a name and phone.
struct Namesakes {
    first: usize,
    /// The one whose id is not known yet.
    without_id: Option<usize>,
}

/// Groups accepted rows by person, each group in the order of the list.
///
/// Ids decide when both sides have one, else name and phone do. A row is compared with all rows of a
/// person, so somebody known by id is also found by the phone that only their second row has.
fn persons(rows: &[Row]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut has_id: Vec<bool> = Vec::new();
    let mut by_id: HashMap<&str, usize> = HashMap::new();
    let mut by_name: HashMap<(&str, &str), Namesakes> = HashMap::new();
    for (at, row) in rows.iter().enumerate().filter(|(_, row)| !row.is_rejected()) {
        let id = row.record.id_no.as_deref();
        let Some(key) = row.record.name.as_deref().zip(row.record.phone.as_deref()) else {
            continue;
        };
        let namesakes = by_name.get(&key);
        let found = match id {
            Some(id) => by_id
                .get(id)
                .copied()
                .or_else(|| namesakes.and_then(|n| n.without_id).filter(|&group| !has_id[group])),
            None => namesakes.map(|n| n.first),
        };
        let group = found.unwrap_or_else(|| {
            groups.push(Vec::new());
            has_id.push(false);
            groups.len() - 1
        });
        groups[group].push(at);
        if let Some(id) = id {
            has_id[group] = true;
            by_id.insert(id, group);
        }
        by_name.entry(key).or_insert_with(|| Namesakes {
            first: group,
            without_id: (!has_id[group]).then_some(group),
        });
    }
    groups
}

/// The row submitted last; without times, or with the same, the one further down.
fn latest(rows: &[Row], members: &[usize]) -> usize {
    let when = |&&at: &&usize| (rows[at].record.submitted_at, rows[at].number);
    members.iter().max_by_key(when).copied().unwrap_or(members[0])
}

fn fill(rows: &mut [Row], kept: usize, members: &[usize]) {
    let mut record = std::mem::take(&mut rows[kept].record);
    let mut differs = false;
    for &member in members {
        differs |= record.fill_from(&rows[member].record);
    }
    rows[kept].record = record;
    if differs {
        rows[kept].codes.insert(Code::DupConflict);
    }
}

/// Flags persons who share a phone or a name. They are never merged.
fn flag_alike(rows: &mut [Row]) {
    let mut phones: HashMap<&str, usize> = HashMap::new();
    let mut names: HashMap<&str, usize> = HashMap::new();
    for row in rows.iter().filter(|row| row.is_kept()) {
        *phones.entry(row.record.phone.as_deref().unwrap_or_default()).or_default() += 1;
        *names.entry(row.record.name.as_deref().unwrap_or_default()).or_default() += 1;
    }
    let shared =
        |seen: &HashMap<&str, usize>, what: Option<&str>| seen[what.unwrap_or_default()] > 1;
    let found: Vec<(usize, bool, bool)> = rows
        .iter()
        .enumerate()
        .filter(|(_, row)| row.is_kept())
        .map(|(at, row)| {
            let record = &row.record;
            (at, shared(&phones, record.phone.as_deref()), shared(&names, record.name.as_deref()))
        })
        .collect();
    for (at, phone, name) in found {
        rows[at].codes.extend(phone.then_some(Code::PhoneShared));
        rows[at].codes.extend(name.then_some(Code::SameName));
    }
}
