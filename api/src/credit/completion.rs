//! Who completes a class, computed from what is on record.

use std::collections::{HashMap, HashSet};

use entity::{
    activity,
    attendance::Status,
    course_work, credit_entry,
    id::{ActivityId, RegistrationId, SessionId},
    registration,
};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};

use super::{
    class::{self, Class},
    rule::{Completion, Standing, Tally, judge},
};
use crate::{
    authz::{Action, Permit, policy::ViewCompletions},
    db::{CHUNK, within},
    error::Failure,
    page::{Page, Slice},
};

/// The completion of each of some registrations, of any activities. Whoever is not confirmed has none unless they withdrew,
/// and neither has anybody where no session earns hours.
pub async fn of(
    db: &impl ConnectionTrait,
    rows: &[registration::Model],
) -> Result<HashMap<RegistrationId, Completion>, Failure> {
    let rows: Vec<&registration::Model> = rows.iter().filter(|it| is_judged(it)).collect();
    let classes = Class::all(db, rows.iter().map(|it| it.activity_id)).await?;
    let mut found = HashMap::with_capacity(rows.len());
    for chunk in rows.chunks(CHUNK) {
        let mut ledger = Ledger::read(db, chunk.iter().map(|it| it.id)).await?;
        for it in chunk {
            let class = classes.get(&it.activity_id).filter(|class| class.planned() > 0);
            let Some(class) = class else { continue };
            found.insert(it.id, judge(&class.rule, &ledger.tally(class, it)));
        }
    }
    Ok(found)
}

fn is_judged(it: &registration::Model) -> bool {
    it.status == registration::Status::Confirmed || it.withdrawn_on.is_some()
}

/// What is on record of some registrations.
struct Ledger {
    seen: HashMap<(RegistrationId, SessionId), super::rule::Seen>,
    earned: HashMap<RegistrationId, i32>,
    made_up: HashSet<(RegistrationId, SessionId)>,
    course_work: HashMap<RegistrationId, bool>,
}

impl Ledger {
    async fn read(
        db: &impl ConnectionTrait,
        ids: impl Iterator<Item = RegistrationId> + Clone,
    ) -> Result<Self, Failure> {
        let seen = class::seen(db, ids.clone()).await?;
        let entries = super::entries_of(db, ids.clone()).await?;
        let mut earned: HashMap<RegistrationId, i32> = HashMap::new();
        for it in &entries {
            *earned.entry(it.registration_id).or_default() += it.centihours;
        }
        let made_up = entries
            .iter()
            .filter(|it| it.kind == credit_entry::Kind::MakeUp)
            .filter_map(|it| Some((it.registration_id, it.session_id?)))
            .collect();
        let works = course_work::Entity::find()
            .filter(within((course_work::Entity, course_work::Column::RegistrationId), ids))
            .all(db)
            .await?;
        let course_work = works.into_iter().map(|it| (it.registration_id, it.passed)).collect();
        Ok(Self { seen, earned, made_up, course_work })
    }

    fn tally(&mut self, class: &Class, who: &registration::Model) -> Tally {
        let count = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
        let mut tally = Tally {
            planned: class.planned(),
            earned: self.earned.get(&who.id).copied().unwrap_or_default(),
            sessions: count(class.sessions.len()),
            closed: count(class.sessions.iter().filter(|it| class::is_closed(&it.session)).count()),
            course_work: self.course_work.get(&who.id).copied(),
            withdrawn: who.withdrawn_on.is_some(),
            ..Tally::default()
        };
        for held in &class.sessions {
            let session = &held.session;
            let is_expected = held.has(who);
            if !class::is_closed(session) {
                if is_expected {
                    tally.to_come += session.credit_centihours;
                }
                continue;
            }
            let made_up = self.made_up.contains(&(who.id, session.id));
            match self.seen.get(&(who.id, session.id)).map(|it| it.status) {
                Some(Status::Late | Status::LeftEarly) => tally.lates += 1,
                Some(Status::Excused) if !made_up => tally.leave += session.credit_centihours,
                Some(Status::Absent) | None if is_expected && !made_up => tally.absences += 1,
                _ => {}
            }
        }
        tally
    }
}

/// The completion of everybody who is confirmed on an activity or withdrew from it, in the order in which they were
/// registered.
pub async fn of_activity(
    db: &impl ConnectionTrait,
    activity: ActivityId,
) -> Result<Vec<(registration::Model, Completion)>, Failure> {
    let rows = registration::Entity::find()
        .filter(registration::Column::ActivityId.eq(activity))
        .filter(
            Condition::any()
                .add(registration::Column::Status.eq(registration::Status::Confirmed))
                .add(registration::Column::WithdrawnOn.is_not_null()),
        )
        .order_by_asc(registration::Column::Id)
        .all(db)
        .await?;
    let mut found = of(db, &rows).await?;
    let with = |it: registration::Model| found.remove(&it.id).map(|completion| (it, completion));
    Ok(rows.into_iter().filter_map(with).collect())
}

/// A page of those with one of some standings, or of all.
pub async fn list(
    db: &impl ConnectionTrait,
    permit: &Permit<ViewCompletions>,
    standings: Option<&[Standing]>,
    slice: Slice<RegistrationId>,
) -> Result<Page<registration::Model>, Failure> {
    let mut all = of_activity(db, permit.on().id).await?;
    all.retain(|it| standings.is_none_or(|wanted| wanted.contains(&it.1.standing)));
    Ok(slice.cut(all.into_iter().map(|it| it.0).collect(), |it| it.id))
}

/// How many there are of each standing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    pub completed: i32,
    pub not_yet: i32,
    pub failed: i32,
}

/// How those who are confirmed on an activity, or withdrew from it, stand; none where no session earns hours.
pub async fn figures<A: Action<On = activity::Model>>(
    db: &impl ConnectionTrait,
    permit: &Permit<A>,
) -> Result<Option<Figures>, Failure> {
    if Class::of(db, permit.on().id).await?.planned() == 0 {
        return Ok(None);
    }
    let mut figures = Figures::default();
    for (_, it) in of_activity(db, permit.on().id).await? {
        match it.standing {
            Standing::Completed => figures.completed += 1,
            Standing::NotYet => figures.not_yet += 1,
            Standing::Failed => figures.failed += 1,
        }
    }
    Ok(Some(figures))
}
