//! One activity from its announcement to its close: made, filled in two waves, attended, closed.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    activity::Status,
    id::CategoryId,
    organisation, programme,
    registration::{self, Details, Status as Standing, Way},
    session::{self, WalkIns},
};
use sea_orm::DatabaseTransaction;

use super::{Demo, calendar, chance::Chance, people::Everyone};
use crate::{
    activity::{self, CategoryDraft},
    attendance::past::{self, Attempt},
    capacity::Seat,
    error::{Error, Failure},
    registration::{
        change::{answer_on, cancel_on},
        desk::{Desk, New, Start},
    },
    session::{self as sessions, Draft as SessionDraft},
};

/// What becomes of an activity.
pub(super) enum Fate {
    /// It takes place when its time comes; it was attended and closed if that was before the demo's today.
    Held,
    /// It is still being set up.
    Draft,
    /// It was called off.
    Cancelled(&'static str),
    /// Its door stands open for trying, and nobody has come yet.
    Open,
}

/// The people of one category, or of none.
pub(super) struct Party {
    /// The category and its seats.
    pub(super) category: Option<(&'static str, Option<i32>)>,
    /// In the order in which they sign up. Beyond the seats, they wait.
    pub(super) people: Vec<usize>,
    /// How many of those who signed up take it back before the rest sign up.
    pub(super) withdrawn: usize,
    /// How many of the last say that they will not come.
    pub(super) declined: usize,
}

/// An activity to be.
pub(super) struct Plan<'a> {
    pub(super) programme: &'a programme::Model,
    pub(super) host: &'a organisation::Model,
    pub(super) title: String,
    pub(super) venue: &'a str,
    pub(super) capacity: Option<i32>,
    pub(super) parties: Vec<Party>,
    pub(super) sessions: Vec<SessionDraft>,
    pub(super) gates: &'static [&'static str],
    pub(super) fate: Fate,
}

/// A session of so many half hours, whose door keeps the usual times.
pub(super) fn session(
    title: &str,
    starts_at: DateTime<Utc>,
    half_hours: i64,
    credit_centihours: i32,
) -> SessionDraft {
    SessionDraft {
        title: title.to_owned(),
        venue: None,
        starts_at,
        ends_at: starts_at + TimeDelta::minutes(half_hours * 30),
        opens_at: None,
        late_at: None,
        closes_at: None,
        credit_centihours,
        tracks_exit: false,
        walk_ins: WalkIns::Ask,
        self_check_in: false,
        early_at: None,
        closes_after: crate::session::CLOSES_AFTER,
    }
}

/// So many of a pool, by chance, none of whom is used already; from then on they are.
pub(super) fn pick(
    chance: &mut Chance,
    mut pool: Vec<usize>,
    count: usize,
    used: &mut HashSet<usize>,
) -> Vec<usize> {
    chance.shuffle(&mut pool);
    pool.into_iter().filter(|it| used.insert(*it)).take(count).collect()
}

/// Makes the activity and all that came of it.
pub(super) async fn hold(
    tx: &DatabaseTransaction,
    demo: &mut Demo<'_>,
    everyone: &Everyone,
    plan: Plan<'_>,
) -> Result<(), Failure> {
    let first = plan.sessions.iter().map(|it| it.starts_at).min();
    let over = plan.sessions.iter().map(|it| it.ends_at).max();
    // Announced five weeks before, but not after today, in office hours.
    let near = first.map_or_else(calendar::today, |it| it.min(calendar::today()));
    let announced = calendar::at((near - TimeDelta::days(35)).date_naive(), 9, 30)
        + TimeDelta::minutes(demo.chance.between(0, 420));
    let categories = plan.parties.iter().filter_map(|it| it.category);
    let draft = activity::Draft {
        programme: plan.programme.clone(),
        host: plan.host.clone(),
        title: plan.title,
        venue: Some(plan.venue.to_owned()),
        time_zone: calendar::ZONE.to_owned(),
        capacity: plan.capacity,
        categories: categories
            .map(|(name, capacity)| CategoryDraft { name: name.to_owned(), capacity })
            .collect(),
        sessions: plan.sessions,
        is_template: false,
    };
    let made = activity::create(tx, draft, announced).await?;

    let known = activity::categories(tx, made.id).await?;
    let parties = plan.parties.into_iter().map(|party| {
        let name = party.category.map(|it| it.0);
        let found = known.iter().find(|it| Some(it.name.as_str()) == name);
        (found.map(|it| it.id), party)
    });
    let registered = sign_up(tx, demo, everyone, made.id, parties.collect(), announced).await?;

    let status = match plan.fate {
        Fate::Draft => None,
        Fate::Cancelled(reason) => Some((Status::Cancelled, Some(reason.to_owned()))),
        Fate::Held if over.is_some_and(|it| it <= calendar::today()) => {
            for session in sessions::schedule(tx, made.id).await? {
                attend(tx, demo, &session, &registered, plan.gates).await?;
            }
            Some((Status::Closed, None))
        }
        Fate::Open | Fate::Held => Some((Status::Published, None)),
    };
    if let Some((status, reason)) = status {
        activity::turn(tx, made, status, reason).await?;
    }
    demo.progress.inc(1);
    Ok(())
}

/// Three quarters sign up, some take it back and their seats pass on, the rest sign up.
async fn sign_up(
    tx: &DatabaseTransaction,
    demo: &mut Demo<'_>,
    everyone: &Everyone,
    activity: entity::id::ActivityId,
    parties: Vec<(Option<CategoryId>, Party)>,
    announced: DateTime<Utc>,
) -> Result<Vec<registration::Model>, Failure> {
    if parties.is_empty() {
        return Ok(Vec::new());
    }
    let (mut early, mut late) = (Vec::new(), Vec::new());
    let mut withdrawn = Vec::new();
    for (category, party) in parties {
        let count = party.people.len();
        let coming = count - party.declined;
        for (at, who) in party.people.into_iter().enumerate() {
            let someone = &everyone.all[who];
            let new = New {
                person: someone.id,
                seat: Seat { category, allocation: None },
                organisation_name: Some(someone.organisation.clone()),
                title: Some(someone.title.clone()),
                details: Details::default(),
                start: if at < coming { Start::Comes } else { Start::Declines },
                way: Way::Organiser,
                recommender: None,
                listed: None,
            };
            if at >= count * 3 / 4 {
                late.push(new);
                continue;
            }
            if at < party.withdrawn {
                withdrawn.push(early.len());
            }
            early.push(new);
        }
    }
    demo.chance.shuffle(&mut late);
    let after = |days| announced + TimeDelta::days(days);
    let mut desk = Desk::open(tx, activity, after(4)).await?;
    let signed_up = desk.enrol(early).await?;
    let mut rows = desk.close().await?;

    let mut desk = Desk::open(tx, activity, after(9)).await?;
    for at in withdrawn {
        let reason = *demo.chance.one_of(&["时间冲突", "出差在外", "身体不适", "由同事代为参加"]);
        cancel_on(&mut desk, signed_up[at].clone(), Some(reason.to_owned())).await.map_err(odd)?;
    }
    let changed = desk.close().await?;

    // Whoever was offered a seat takes it.
    let mut desk = Desk::open(tx, activity, after(9) + TimeDelta::hours(2)).await?;
    for it in changed.values().filter(|it| it.status == Standing::Offered) {
        answer_on(&mut desk, it.clone(), true, None, false).await.map_err(odd)?;
    }
    rows.extend(changed);
    rows.extend(desk.close().await?);

    let mut desk = Desk::open(tx, activity, after(14)).await?;
    desk.enrol(late).await?;
    rows.extend(desk.close().await?);
    Ok(rows.into_values().collect())
}

/// A rule refused what the plan holds.
fn odd<C: std::fmt::Debug>(error: Error<C>) -> Failure {
    match error {
        Error::Failed(failure) => failure,
        Error::Refused(why) => Failure::internal(format!("the plan was refused: {why:?}")),
    }
}

/// The doors of one session: most come in time, some late, some not at all; and what goes wrong at doors.
async fn attend(
    tx: &DatabaseTransaction,
    demo: &mut Demo<'_>,
    session: &session::Model,
    registered: &[registration::Model],
    gates: &[&str],
) -> Result<(), Failure> {
    let chance = &mut demo.chance;
    let mut attempts = Vec::with_capacity(registered.len());
    for it in registered {
        // Who has no seat seldom tries.
        if !chance.happens(if it.status.holds_seat() { 93 } else { 4 }) {
            continue;
        }
        let minutes =
            if chance.happens(6) { chance.between(10, 45) } else { chance.between(-50, 5) };
        let at = session.starts_at + TimeDelta::seconds(minutes * 60 + chance.between(0, 59));
        attempts.push(attempt(chance, Some(it), at, gates));
        if chance.happens(3) {
            let again = at + TimeDelta::seconds(chance.between(2, 900));
            attempts.push(attempt(chance, Some(it), again, gates));
        }
        if chance.happens(1) {
            let early = session.opens_at - TimeDelta::minutes(chance.between(1, 30));
            attempts.push(attempt(chance, Some(it), early, gates));
        }
    }
    // Codes of other things, held before the phone by mistake.
    for _ in 0..registered.len() / 60 {
        let at = session.starts_at - TimeDelta::minutes(chance.between(1, 40));
        attempts.push(attempt(chance, None, at, gates));
    }
    past::keep(tx, session, demo.door, attempts).await
}

fn attempt<'a>(
    chance: &mut Chance,
    registration: Option<&'a registration::Model>,
    at: DateTime<Utc>,
    gates: &[&str],
) -> Attempt<'a> {
    let code = match registration {
        None => Some(format!("https://example.org/menu/{}", chance.between(1, 99))),
        // A few left their code at home and are found by name.
        Some(it) => (!chance.happens(5)).then(|| it.ticket_code.clone()),
    };
    // Some phones had no network and sent their scans later.
    let delay = if chance.happens(4) { chance.between(60, 1800) } else { chance.between(0, 2) };
    Attempt {
        client_id: chance.uuid(),
        registration,
        code,
        gate: Some((*chance.one_of(gates)).to_owned()),
        at,
        received_at: at + TimeDelta::seconds(delay),
    }
}
