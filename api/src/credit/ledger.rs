//! The ledger: what each registration has earned, derived from attendance at closed sessions by the class's rule.
//!
//! Rows are written when a session is closed, and again whenever something that they follow from changes: the attendance
//! at a closed session, a session's hours or day, the rule, a make-up. Deriving them anew gives the same rows. What was
//! put down by hand is left alone.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, NaiveDate, Utc};
use entity::{
    activity,
    credit_entry::{self, Column, Kind},
    id::{ActivityId, CreditEntryId, MakeUpId, RegistrationId, SessionId},
    make_up, registration,
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{Set, Unchanged},
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect,
};

use super::{
    class::{self, Class, came, worth},
    rule::{Seen, earned},
};
use crate::{
    authz::{Permit, policy::RecountCredits},
    db::{CHUNK, Db, within},
    error::Failure,
};

/// An entry that there should be.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Due {
    registration: RegistrationId,
    session: SessionId,
    make_up: Option<MakeUpId>,
    kind: Kind,
    centihours: i32,
    earned_on: NaiveDate,
    rule: i32,
}

impl Due {
    fn is(&self, row: &credit_entry::Model) -> bool {
        row.make_up_id == self.make_up
            && row.kind == self.kind
            && row.centihours == self.centihours
            && row.earned_on == self.earned_on
            && row.rule == Some(self.rule)
    }
}

/// Make-ups at whose one end or other some registrations are, and what they depend on.
struct Links {
    rows: Vec<make_up::Model>,
    /// The classes of those that are elsewhere.
    elsewhere: HashMap<ActivityId, Class>,
    activity_of: HashMap<RegistrationId, ActivityId>,
}

impl Links {
    async fn of(
        db: &impl ConnectionTrait,
        here: &Class,
        ids: &[RegistrationId],
    ) -> Result<Self, Failure> {
        use make_up::Column as Of;
        let at = |column| within((make_up::Entity, column), ids.iter().copied());
        let rows = make_up::Entity::find()
            .filter(Of::UndoneAt.is_null())
            .filter(Condition::any().add(at(Of::RegistrationId)).add(at(Of::SourceRegistrationId)))
            .order_by_asc(Of::Id)
            .all(db)
            .await?;
        let mut links = Self { rows, elsewhere: HashMap::new(), activity_of: HashMap::new() };
        let others = links.others(ids);
        if others.is_empty() {
            return Ok(links);
        }
        let found = registration::Entity::find()
            .filter(within((registration::Entity, registration::Column::Id), others))
            .all(db)
            .await?;
        links.activity_of = found.into_iter().map(|it| (it.id, it.activity_id)).collect();
        let classes = links.activity_of.values().copied().filter(|it| *it != here.activity.id);
        links.elsewhere = Class::all(db, classes).await?;
        Ok(links)
    }

    /// The registrations at the other ends, in the order of their ids.
    fn others(&self, ids: &[RegistrationId]) -> Vec<RegistrationId> {
        let known: HashSet<RegistrationId> = ids.iter().copied().collect();
        let ends = |it: &make_up::Model| [Some(it.registration_id), it.source_registration_id];
        let mut others: Vec<RegistrationId> =
            self.rows.iter().flat_map(ends).flatten().filter(|it| !known.contains(it)).collect();
        others.sort_unstable();
        others.dedup();
        others
    }

    fn class<'a>(&'a self, here: &'a Class, of: RegistrationId) -> Option<&'a Class> {
        match self.activity_of.get(&of) {
            Some(id) if *id != here.activity.id => self.elsewhere.get(id),
            _ => Some(here),
        }
    }

    /// Whether a make-up counts: the session was missed, and the other one attended, as both are known now.
    fn holds(
        &self,
        here: &Class,
        seen: &HashMap<(RegistrationId, SessionId), Seen>,
        it: &make_up::Model,
    ) -> bool {
        let home = self.class(here, it.registration_id);
        let missed = home.is_some_and(|class| class.closed(it.session_id).is_some())
            && !came(seen.get(&(it.registration_id, it.session_id)));
        let attended = match it.source_registration_id.zip(it.source_session_id) {
            None => true,
            Some(end) => {
                self.class(here, end.0).is_some_and(|class| class.closed(end.1).is_some())
                    && came(seen.get(&end))
            }
        };
        missed && attended
    }
}

/// The entries that some registrations of a class should have.
async fn due(
    db: &impl ConnectionTrait,
    class: &Class,
    links: &Links,
    ids: &[RegistrationId],
) -> Result<Vec<Due>, Failure> {
    let seen = class::seen(db, ids.iter().copied().chain(links.others(ids))).await?;
    let holding: Vec<&make_up::Model> =
        links.rows.iter().filter(|it| links.holds(class, &seen, it)).collect();
    // What makes up for something elsewhere is earned there, and not here as well.
    let used: HashSet<(RegistrationId, SessionId)> = holding
        .iter()
        .filter_map(|it| it.source_registration_id.zip(it.source_session_id))
        .collect();
    let mut due = Vec::new();
    for id in ids {
        for held in class.sessions.iter().filter(|it| class::is_closed(&it.session)) {
            let session = &held.session;
            let Some(seen) = seen.get(&(*id, session.id)) else { continue };
            if used.contains(&(*id, session.id)) {
                continue;
            }
            if let Some((kind, centihours)) = earned(&class.rule, worth(session), *seen) {
                due.push(Due {
                    registration: *id,
                    session: session.id,
                    make_up: None,
                    kind,
                    centihours,
                    earned_on: held.day,
                    rule: class.version,
                });
            }
        }
    }
    let own: HashSet<RegistrationId> = ids.iter().copied().collect();
    for it in holding.into_iter().filter(|it| own.contains(&it.registration_id)) {
        let Some(missed) = class.closed(it.session_id) else { continue };
        let (hours, earned_on) = match it.source_registration_id.zip(it.source_session_id) {
            None => (it.online_centihours.unwrap_or_default(), it.made_up_on),
            Some(end) => {
                let Some(there) = links.class(class, end.0) else { continue };
                let Some((held, seen)) = there.closed(end.1).zip(seen.get(&end)) else {
                    continue;
                };
                let hours = earned(&class.rule, worth(&held.session), *seen);
                (hours.map_or(0, |it| it.1), held.day)
            }
        };
        let centihours = hours.min(missed.session.credit_centihours);
        if centihours > 0 {
            due.push(Due {
                registration: it.registration_id,
                session: missed.session.id,
                make_up: Some(it.id),
                kind: Kind::MakeUp,
                centihours,
                earned_on,
                rule: class.version,
            });
        }
    }
    Ok(due)
}

/// The derived entries that some registrations have.
async fn stored(
    db: &impl ConnectionTrait,
    ids: &[RegistrationId],
) -> Result<Vec<credit_entry::Model>, Failure> {
    Ok(credit_entry::Entity::find()
        .filter(within((credit_entry::Entity, Column::RegistrationId), ids.iter().copied()))
        .filter(Column::Kind.ne(Kind::Adjustment))
        .order_by_asc(Column::Id)
        .all(db)
        .await?)
}

/// What is, beside what should be: one of the two may be missing.
type Both = (Option<credit_entry::Model>, Option<Due>);

/// The entries that are not as they should be.
fn differences(stored: Vec<credit_entry::Model>, due: Vec<Due>) -> Vec<Both> {
    let mut both: BTreeMap<(RegistrationId, SessionId), Both> = BTreeMap::new();
    for row in stored {
        if let Some(session) = row.session_id {
            let at = (row.registration_id, session);
            both.entry(at).or_default().0 = Some(row);
        }
    }
    for it in due {
        let at = (it.registration, it.session);
        both.entry(at).or_default().1 = Some(it);
    }
    let differs = |it: &Both| !matches!(it, (Some(row), Some(due)) if due.is(row));
    both.into_values().filter(differs).collect()
}

/// Makes the entries of some registrations of a class what they should be; the registrations at the other ends of
/// their make-ups.
async fn settle(
    tx: &DatabaseTransaction,
    class: &Class,
    ids: &[RegistrationId],
    now: DateTime<Utc>,
) -> Result<Links, Failure> {
    let links = Links::of(tx, class, ids).await?;
    // Two who amend both ends at once would each see the other's as it was.
    for id in links.others(ids) {
        crate::registration::locked(tx, id).await?;
    }
    let due = due(tx, class, &links, ids).await?;
    let mut fresh = Vec::new();
    let mut gone = Vec::new();
    for (row, due) in differences(stored(tx, ids).await?, due) {
        match (row, due) {
            (Some(row), None) => gone.push(row.id),
            (row, Some(due)) => {
                let entry = credit_entry::ActiveModel {
                    id: row
                        .as_ref()
                        .map_or_else(|| Set(CreditEntryId::generate()), |row| Unchanged(row.id)),
                    registration_id: Set(due.registration),
                    session_id: Set(Some(due.session)),
                    make_up_id: Set(due.make_up),
                    kind: Set(due.kind),
                    centihours: Set(due.centihours),
                    earned_on: Set(due.earned_on),
                    rule: Set(Some(due.rule)),
                    reason: Set(None),
                    account_id: Set(None),
                    posted_at: Set(now),
                };
                if row.is_some() {
                    entry.update(tx).await?;
                } else {
                    fresh.push(entry);
                }
            }
            (None, None) => {}
        }
    }
    for chunk in gone.chunks(CHUNK) {
        credit_entry::Entity::delete_many()
            .filter(within((credit_entry::Entity, Column::Id), chunk.iter().copied()))
            .exec(tx)
            .await?;
    }
    for chunk in fresh.chunks(CHUNK) {
        credit_entry::Entity::insert_many(chunk.to_vec()).exec_without_returning(tx).await?;
    }
    Ok(links)
}

/// Derives the entries of some registrations of a class anew, and those at the other ends of their make-ups.
///
/// Whoever calls this holds the locks of what has changed. The class itself is shared, so that its rule stays what it
/// is until the end of the transaction.
pub async fn derive(
    tx: &DatabaseTransaction,
    activity: ActivityId,
    ids: &[RegistrationId],
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    activity::Entity::find_by_id(activity).lock_shared().one(tx).await?;
    let class = Class::of(tx, activity).await?;
    let mut elsewhere: BTreeMap<ActivityId, Vec<RegistrationId>> = BTreeMap::new();
    for chunk in ids.chunks(CHUNK) {
        let links = settle(tx, &class, chunk, now).await?;
        for id in links.others(ids) {
            if let Some(activity) = links.activity_of.get(&id) {
                elsewhere.entry(*activity).or_default().push(id);
            }
        }
    }
    for (activity, ids) in elsewhere {
        activity::Entity::find_by_id(activity).lock_shared().one(tx).await?;
        settle(tx, &Class::of(tx, activity).await?, &ids, now).await?;
    }
    Ok(())
}

/// Derives the entries of a whole class anew.
pub async fn derive_all(
    tx: &DatabaseTransaction,
    activity: ActivityId,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    derive(tx, activity, &everybody(tx, activity).await?, now).await
}

async fn everybody(
    db: &impl ConnectionTrait,
    activity: ActivityId,
) -> Result<Vec<RegistrationId>, Failure> {
    Ok(registration::Entity::find()
        .select_only()
        .column(registration::Column::Id)
        .filter(registration::Column::ActivityId.eq(activity))
        .order_by_asc(registration::Column::Id)
        .into_tuple()
        .all(db)
        .await?)
}

/// An entry that is not what its attendance says.
pub struct Difference {
    pub registration: RegistrationId,
    pub session: SessionId,
    /// Hundredths of an hour, as they stand in the ledger.
    pub stored: i32,
    /// As they would be derived.
    pub derived: i32,
}

/// Derives the ledger of a class anew and compares. Empty where it tells the truth.
pub async fn recount(db: &Db, permit: &Permit<RecountCredits>) -> Result<Vec<Difference>, Failure> {
    recount_of(db, permit.on().id).await
}

/// The same for the command line, which asks nobody.
pub async fn recount_of(db: &Db, activity: ActivityId) -> Result<Vec<Difference>, Failure> {
    db.snapshot(async |tx| {
        let class = Class::of(tx, activity).await?;
        let mut found = Vec::new();
        for ids in everybody(tx, activity).await?.chunks(CHUNK) {
            let links = Links::of(tx, &class, ids).await?;
            let due = due(tx, &class, &links, ids).await?;
            for (row, due) in differences(stored(tx, ids).await?, due) {
                let at = row.as_ref().and_then(|it| Some((it.registration_id, it.session_id?)));
                let at = at.or_else(|| due.as_ref().map(|it| (it.registration, it.session)));
                let Some((registration, session)) = at else { continue };
                found.push(Difference {
                    registration,
                    session,
                    stored: row.map_or(0, |it| it.centihours),
                    derived: due.map_or(0, |it| it.centihours),
                });
            }
        }
        Ok(found)
    })
    .await
}
