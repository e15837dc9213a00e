//! Where people sit (座位, 桌号): what the organisers say of it, shown at the door.

use std::collections::HashSet;

use entity::{activity, id::RegistrationId, registration};
use sea_orm::{
    ActiveValue::{Set, Unchanged},
    DatabaseTransaction, EntityTrait,
};
use serde_json::Value;

use super::{RegistrationErrorCode as Code, lock_all};
use crate::{
    authz::{Permit, policy::SetSeats},
    error::{Error, Refusal},
};

/// How many are set at once.
pub const MOST: usize = 500;
/// How many characters a seat has at most.
pub const LONGEST: usize = 50;

/// The key of a registration's details.
const KEY: &str = "seat";

/// Where somebody sits.
#[must_use]
pub fn of(it: &registration::Model) -> Option<&str> {
    it.details.0.get(KEY).and_then(Value::as_str)
}

/// Says where each of some people of the activity sits; none takes the seat away. All of it or none.
pub async fn set(
    tx: &DatabaseTransaction,
    permit: &Permit<SetSeats>,
    seats: Vec<(RegistrationId, Option<String>)>,
) -> Result<activity::Model, Error<Code>> {
    let mut rows = lock_all(tx, seats.iter().map(|it| it.0).collect()).await?;
    let mut refused = Vec::new();
    let mut seen = HashSet::new();
    for (at, (id, _)) in seats.iter().enumerate() {
        let is_here = rows.get(id).is_some_and(|it| it.activity_id == permit.on().id);
        if !is_here || !seen.insert(*id) {
            refused.push(Code::NotThere.at([
                "seats".to_owned(),
                at.to_string(),
                "registrationId".to_owned(),
            ]));
        }
    }
    if !refused.is_empty() {
        return Err(Error::Refused(refused));
    }
    for (id, seat) in seats {
        let Some(mut it) = rows.remove(&id).filter(|it| of(it) != seat.as_deref()) else {
            continue;
        };
        match seat {
            Some(seat) => drop(it.details.0.insert(KEY.to_owned(), seat.into())),
            None => drop(it.details.0.remove(KEY)),
        }
        let row = registration::ActiveModel {
            id: Unchanged(id),
            details: Set(it.details),
            ..Default::default()
        };
        registration::Entity::update(row).exec(tx).await?;
    }
    Ok(permit.on().clone())
}
