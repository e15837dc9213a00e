//! What a rule says: the hours that a session earns, and whether somebody completes. Pure; touches nothing.

use entity::{
    attendance::Status,
    credit_entry::Kind,
    credit_rule::{Earning, Ratio, Rule},
};

/// The rule of an activity that has none of its own: whoever comes has the hours, also late; leave above a seventh of
/// the planned hours fails, and six sevenths of them must be earned.
#[must_use]
pub fn usual() -> Rule {
    Rule {
        earning: Earning::FullIfPresent,
        unit: 50,
        late: WHOLE,
        left_early: WHOLE,
        left_early_by_minutes: false,
        lates_per_absence: None,
        most_leave: Some(Ratio { parts: 1, whole: 7 }),
        most_absences: None,
        least_hours: None,
        least_ratio: Some(Ratio { parts: 6, whole: 7 }),
        needs_course_work: false,
    }
}

const WHOLE: Ratio = Ratio { parts: 1, whole: 1 };

/// A part from 0 to 1, as `1/7`, `1` or `0`; neither number is above 1000.
#[must_use]
pub fn read_ratio(text: &str) -> Option<Ratio> {
    let (parts, whole) = text.split_once('/').unwrap_or((text, "1"));
    let number = |text: &str| {
        let text = text.trim();
        let is_plain = (1..=4).contains(&text.len()) && text.bytes().all(|it| it.is_ascii_digit());
        is_plain.then(|| text.parse::<u16>().ok()).flatten().filter(|it| *it <= 1000)
    };
    let ratio = Ratio { parts: number(parts)?, whole: number(whole)? };
    (ratio.whole > 0 && ratio.parts <= ratio.whole).then_some(ratio)
}

/// A part as it is read.
#[must_use]
pub fn show_ratio(it: Ratio) -> String {
    match it {
        Ratio { parts, whole: 1 } => parts.to_string(),
        Ratio { parts, whole } => format!("{parts}/{whole}"),
    }
}

/// What is known of somebody at a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    pub status: Status,
    /// Whole minutes inside, where exits are scanned and nobody corrected what the scans say.
    pub minutes: Option<i32>,
}

/// What a session is worth.
#[derive(Clone, Copy, Debug)]
pub struct Worth {
    pub centihours: i32,
    /// From its start to its end.
    pub minutes: i32,
}

/// What was earned of a session; none where nothing was.
#[must_use]
pub fn earned(rule: &Rule, worth: Worth, seen: Seen) -> Option<(Kind, i32)> {
    let by_minutes = |counts: bool| {
        let inside = seen.minutes.filter(|_| counts)?.clamp(0, worth.minutes);
        Some(part(rule, worth.centihours, inside, worth.minutes))
    };
    let in_part = |it: Ratio| part(rule, worth.centihours, it.parts.into(), it.whole.into());
    let minutes_count = rule.earning == Earning::ByMinutes;
    let (kind, centihours) = match seen.status {
        Status::Present => match by_minutes(minutes_count) {
            Some(hours) if hours < worth.centihours => (Kind::Partial, hours),
            _ => (Kind::Attended, worth.centihours),
        },
        Status::Late => {
            (Kind::Late, by_minutes(minutes_count).unwrap_or_else(|| in_part(rule.late)))
        }
        Status::LeftEarly => {
            let counts = minutes_count || rule.left_early_by_minutes;
            (Kind::Partial, by_minutes(counts).unwrap_or_else(|| in_part(rule.left_early)))
        }
        Status::Excused | Status::Absent => return None,
    };
    (centihours > 0).then_some((kind, centihours))
}

/// A part of some hours, rounded down to the unit. The whole is the whole, whatever the unit.
fn part(rule: &Rule, centihours: i32, parts: i32, whole: i32) -> i32 {
    if parts >= whole {
        return centihours;
    }
    let exact = i64::from(centihours) * i64::from(parts) / i64::from(whole.max(1));
    let exact = i32::try_from(exact).unwrap_or(i32::MAX);
    exact - exact % rule.unit.max(1)
}

/// What there is of somebody in a class, counted. Hours are in hundredths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Of all sessions of the class.
    pub planned: i32,
    pub earned: i32,
    /// Of the sessions that are still to be closed.
    pub to_come: i32,
    pub sessions: i32,
    pub closed: i32,
    /// Hours of the sessions that somebody was excused from and did not make up.
    pub leave: i32,
    /// Sessions that were neither attended nor excused nor made up.
    pub absences: i32,
    /// How often late or gone early.
    pub lates: i32,
    pub course_work: Option<bool>,
    pub withdrawn: bool,
}

/// Whether somebody completes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Completed,
    NotYet,
    Failed,
}

/// Whether one condition is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Met,
    /// It can still be met without anything being mended.
    Open,
    Failed,
}

/// One condition, with what is there and what there should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Hundredths of hours: at least.
    Hours { earned: i32, least: i32 },
    /// Hundredths of hours: at most.
    Leave { taken: i32, most: i32 },
    /// At most.
    Absences { counted: i32, most: i32 },
    /// None while it is not known.
    CourseWork { passed: Option<bool> },
    /// Sessions that are closed, of all.
    Sessions { closed: i32, all: i32 },
    /// Left the class before its end.
    Withdrawn,
}

/// What is judged of somebody in a class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    pub standing: Standing,
    pub planned: i32,
    pub earned: i32,
    pub conditions: Vec<(Condition, Verdict)>,
}

/// Judges somebody by the rule. What fails can still be mended: hours by a make-up, leave and absences by a correction.
#[must_use]
pub fn judge(rule: &Rule, it: &Tally) -> Completion {
    use Verdict::{Failed, Met, Open};
    let mut conditions = Vec::new();
    let unless_over = |over: bool| if over { Failed } else { Met };
    if it.closed < it.sessions {
        conditions.push((Condition::Sessions { closed: it.closed, all: it.sessions }, Open));
    }
    let by_ratio = rule.least_ratio.map(|ratio| share(it.planned, ratio, true));
    if let Some(least) = by_ratio.max(rule.least_hours) {
        let verdict = match it.earned {
            earned if earned >= least => Met,
            earned if earned + it.to_come >= least => Open,
            _ => Failed,
        };
        conditions.push((Condition::Hours { earned: it.earned, least }, verdict));
    }
    if let Some(ratio) = rule.most_leave {
        let most = share(it.planned, ratio, false);
        conditions.push((Condition::Leave { taken: it.leave, most }, unless_over(it.leave > most)));
    }
    if let Some(most) = rule.most_absences {
        let counted =
            it.absences + rule.lates_per_absence.map_or(0, |times| it.lates / times.max(1));
        conditions.push((Condition::Absences { counted, most }, unless_over(counted > most)));
    }
    if rule.needs_course_work {
        let verdict = it.course_work.map_or(Open, |passed| unless_over(!passed));
        conditions.push((Condition::CourseWork { passed: it.course_work }, verdict));
    }
    if it.withdrawn {
        conditions.push((Condition::Withdrawn, Failed));
    }
    let any = |verdict| conditions.iter().any(|it| it.1 == verdict);
    let standing = match (any(Failed), any(Open)) {
        (true, _) => Standing::Failed,
        (false, true) => Standing::NotYet,
        (false, false) => Standing::Completed,
    };
    Completion { standing, planned: it.planned, earned: it.earned, conditions }
}

/// A part of the planned hours: of a least the next hundredth above it, of a most the last one below.
fn share(planned: i32, ratio: Ratio, up: bool) -> i32 {
    let (parts, whole) = (i64::from(ratio.parts), i64::from(ratio.whole.max(1)));
    let exact = i64::from(planned) * parts;
    let rounded = if up { (exact + whole - 1) / whole } else { exact / whole };
    i32::try_from(rounded).unwrap_or(i32::MAX)
}
