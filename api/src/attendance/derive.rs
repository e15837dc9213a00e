//! What the scans, the leave and the corrections of one registration at one session come to. Pure: the same facts give
//! the same, in whatever order they became known.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use entity::{
    attendance::{self, Status},
    correction,
    id::ScanId,
    scan::{self, Direction, Outcome},
    session,
};

/// All that is known of one registration at one session.
#[derive(Default)]
pub struct Facts {
    /// Every scan of it, whatever came of it.
    pub scans: Vec<scan::Model>,
    /// Whether leave was granted for the session.
    pub is_excused: bool,
    /// The last correction.
    pub correction: Option<correction::Model>,
}

/// Somebody went in or out.
struct Step<'a> {
    at: DateTime<Utc>,
    scan: &'a scan::Model,
}

impl Facts {
    /// The scans by which somebody went in or out and which were not undone, in the order of their times.
    fn steps(&self) -> Vec<Step<'_>> {
        let undone: HashSet<ScanId> = self.scans.iter().filter_map(|it| it.undoes_id).collect();
        let counts = |it: &&scan::Model| {
            matches!(it.outcome, Outcome::Admitted | Outcome::AlreadyIn | Outcome::Exited)
                && !undone.contains(&it.id)
        };
        let mut steps: Vec<Step<'_>> = self
            .scans
            .iter()
            .filter(counts)
            .map(|scan| Step { at: scan.scanned_at, scan })
            .collect();
        steps.sort_by_key(|it| (it.at, it.scan.id));
        steps
    }

    /// The scan that let the person in already, as seen from `at`: the last step before it or the first one after it
    /// is an entry. The one after it counts because scans arrive in any order.
    #[must_use]
    pub fn let_in(&self, at: DateTime<Utc>) -> Option<&scan::Model> {
        let steps = self.steps();
        let after = steps.partition_point(|it| it.at <= at);
        let beside = [after.checked_sub(1).and_then(|it| steps.get(it)), steps.get(after)];
        beside.into_iter().flatten().map(|it| it.scan).find(|it| it.direction == Direction::Entry)
    }

    /// What is to be stored, beside the ids; none where nothing is known.
    #[must_use]
    pub fn derive(&self, session: &session::Model, expected: Option<bool>) -> Option<Derived> {
        let mut it = Derived::default();
        let mut inside_since = None;
        let mut seconds = 0;
        let mut during = |from: DateTime<Utc>, until: DateTime<Utc>| {
            let span =
                std::cmp::min(until, session.ends_at) - std::cmp::max(from, session.starts_at);
            seconds += span.num_seconds().max(0);
        };
        for step in self.steps() {
            if step.scan.direction == Direction::Exit {
                if let Some(since) = inside_since.take() {
                    during(since, step.at);
                }
                it.last_out_at = Some(step.at);
                continue;
            }
            if it.first_in_at.is_none() {
                it.first_in_at = Some(step.at);
                it.first_gate.clone_from(&step.scan.gate);
                it.first_scan_id = Some(step.scan.id);
            }
            if inside_since.is_none() {
                inside_since = Some(step.at);
                it.last_in_at = Some(step.at);
            }
            it.has_conflict |= step.scan.conflicts_with_id.is_some();
        }
        if let Some(since) = inside_since {
            during(since, session.ends_at);
        }
        it.is_inside = inside_since.is_some();
        it.by_scans = match it.first_in_at {
            Some(first) => Some(judge(session, first, it.last_out_at.filter(|_| !it.is_inside))),
            None => self.is_excused.then_some(Status::Excused),
        };
        if session.tracks_exit && it.first_in_at.is_some() {
            it.minutes = i32::try_from(seconds / 60).ok();
        }
        let correction = self.correction.as_ref().and_then(|it| it.status);
        it.is_corrected = correction.is_some();
        // Whoever was expected when the session was closed, and did not come, is absent.
        let absent = (expected == Some(true)).then_some(Status::Absent);
        it.status = correction.or(it.by_scans).or(absent)?;
        it.expected = expected;
        Some(it)
    }
}

/// How whoever came in first at `first`, and left for good at `left`, attended the session.
fn judge(session: &session::Model, first: DateTime<Utc>, left: Option<DateTime<Utc>>) -> Status {
    if left.zip(session.early_at).is_some_and(|(left, early)| left < early) {
        Status::LeftEarly
    } else if first < session.late_at {
        Status::Present
    } else {
        Status::Late
    }
}

/// An attendance without its ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Derived {
    pub status: Status,
    pub by_scans: Option<Status>,
    pub first_in_at: Option<DateTime<Utc>>,
    pub first_gate: Option<String>,
    pub first_scan_id: Option<ScanId>,
    pub last_in_at: Option<DateTime<Utc>>,
    pub last_out_at: Option<DateTime<Utc>>,
    pub is_inside: bool,
    pub minutes: Option<i32>,
    pub is_corrected: bool,
    pub has_conflict: bool,
    pub expected: Option<bool>,
}

impl Default for Derived {
    fn default() -> Self {
        Self {
            status: Status::Absent,
            by_scans: None,
            first_in_at: None,
            first_gate: None,
            first_scan_id: None,
            last_in_at: None,
            last_out_at: None,
            is_inside: false,
            minutes: None,
            is_corrected: false,
            has_conflict: false,
            expected: None,
        }
    }
}

impl From<&attendance::Model> for Derived {
    fn from(it: &attendance::Model) -> Self {
        Self {
            status: it.status,
            by_scans: it.by_scans,
            first_in_at: it.first_in_at,
            first_gate: it.first_gate.clone(),
            first_scan_id: it.first_scan_id,
            last_in_at: it.last_in_at,
            last_out_at: it.last_out_at,
            is_inside: it.is_inside,
            minutes: it.minutes,
            is_corrected: it.is_corrected,
            has_conflict: it.has_conflict,
            expected: it.expected,
        }
    }
}
