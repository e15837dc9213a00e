//! What goes with a write besides its permit: why, the idempotency key, and what the audit event says of it.

use async_graphql::InputType;
use entity::id::Id;
use serde::Serialize;

use super::key::Key;
use crate::{
    audit::{Details, MOST_NAMED, changes},
    graphql::Gid,
};

/// What goes with a write besides its permit.
#[derive(Default)]
pub struct Note {
    pub(super) reason: Option<String>,
    pub(super) key: Option<Key>,
    pub(super) details: Details,
}

impl Note {
    /// For an act that takes an idempotency key; `input` is what is hashed to tell whether it is the same act.
    pub fn keyed<I: InputType>(key: Option<String>, input: &I) -> Self {
        let key = key.map(|text| Key::of(text, input));
        Self { key, ..Self::default() }
    }

    /// Says why, or what for, for the audit event.
    #[must_use]
    pub fn because(mut self, reason: Option<&str>) -> Self {
        self.reason = reason.map(str::to_owned);
        self
    }

    /// Says what stood and what stands of a thing of type `T`, masked, where the road cannot see it by itself: it does where the
    /// row of the permit is what comes out of the work, and where the work makes something.
    #[must_use]
    pub fn changed<T: Id>(mut self, before: &impl Serialize, after: &impl Serialize) -> Self {
        self.details.changes.append(&mut changes::between(T::PREFIX, Some(before), after));
        self
    }

    /// Names what else was seen or done to. All are counted, [`MOST_NAMED`] of them named.
    #[must_use]
    pub fn of<T: Id>(mut self, things: impl IntoIterator<Item = T>) -> Self {
        let (objects, mut count) = (&mut self.details.objects, 0);
        for id in things {
            count += 1;
            if objects.len() < MOST_NAMED {
                objects.push(Gid(id).to_string());
            }
        }
        self.counting(count)
    }

    /// Says how many rows were seen or taken along.
    #[must_use]
    pub fn counting(mut self, count: u64) -> Self {
        self.details.count = Some(count);
        self
    }
}
