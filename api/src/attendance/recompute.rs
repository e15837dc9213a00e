//! Attendance worked out anew from what is on record, to be compared with what is stored.

use std::collections::BTreeSet;

use entity::{
    attendance,
    id::{RegistrationId, SessionId},
};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use super::{
    book::{self, Known, Pair},
    derive::Derived,
    tally::{self, Figures},
};
use crate::{
    db::{CHUNK, Db},
    error::Failure,
};

/// What is stored and should be otherwise.
#[derive(Debug, PartialEq, Eq)]
pub enum Difference {
    Attendance {
        session: SessionId,
        registration: RegistrationId,
        stored: Option<Box<Derived>>,
        derived: Option<Box<Derived>>,
    },
    Figures {
        session: SessionId,
        stored: Figures,
        derived: Figures,
    },
}

/// Works out all attendances of all sessions anew, session by session. Empty where what is stored is right.
pub async fn recompute(db: &Db) -> Result<Vec<Difference>, Failure> {
    let mut differences = Vec::new();
    for session in crate::session::all(db.read()).await? {
        differences.extend(db.snapshot(async |tx| of_session(tx, session).await).await?);
    }
    Ok(differences)
}

async fn of_session(
    db: &impl ConnectionTrait,
    session: SessionId,
) -> Result<Vec<Difference>, Failure> {
    let Some(held) = book::held(db, [session]).await?.remove(&session) else {
        return Ok(Vec::new());
    };
    let known_of: Vec<RegistrationId> = book::known_at(db, session).await?.into_iter().collect();
    let mut differences = Vec::new();
    for chunk in known_of.chunks(CHUNK) {
        let pairs: BTreeSet<Pair> = chunk.iter().map(|it| (session, *it)).collect();
        let known = Known::look(db, &pairs).await?;
        let registrations = crate::registration::by_ids(db, chunk.to_vec()).await?;
        for pair in &pairs {
            let stored = known.attendances.get(pair);
            let belongs = registrations.get(&pair.1).is_some_and(|it| held.has(it));
            let is_closed = held.session.closed_at.is_some();
            // Who was expected is not derived: it was frozen.
            let expected = is_closed.then(|| stored.and_then(|it| it.expected).unwrap_or(false));
            let derived = known
                .facts_of(pair)
                .derive(&held.session, expected)
                .filter(|it| is_closed || it.first_in_at.is_some() || belongs);
            let stored = stored.map(Derived::from);
            if stored != derived {
                differences.push(Difference::Attendance {
                    session,
                    registration: pair.1,
                    stored: stored.map(Box::new),
                    derived: derived.map(Box::new),
                });
            }
        }
    }
    let mut derived = Figures::default();
    let rows = attendance::Entity::find().filter(attendance::Column::SessionId.eq(session));
    for it in rows.all(db).await? {
        derived.add(&it, 1);
    }
    let stored = tally::of(db, [session]).await?.remove(&session).unwrap_or_default();
    if stored != derived {
        differences.push(Difference::Figures { session, stored, derived });
    }
    Ok(differences)
}
