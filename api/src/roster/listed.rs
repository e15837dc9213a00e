//! What a list says of one person, and what that changes of a registration.

use std::sync::Arc;

use entity::{
    person::Gender,
    registration::{self, Details, Status},
};
use roster::Record;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{
    error::Failure,
    person::Entry,
    vault::{Place, Vault},
};

/// A cleaned row, as it is kept for review.
#[derive(Clone, Serialize, Deserialize)]
pub struct Listed {
    name: String,
    phone: String,
    /// Sealed where the row is kept.
    pub(super) id_no: Option<String>,
    gender: Option<Gender>,
    birth: Option<String>,
    ethnicity: Option<String>,
    political: Option<String>,
    pub organisation: Option<String>,
    pub title: Option<String>,
    /// Whether the person comes.
    pub attending: bool,
    /// What else the list said of this person's taking part; what it did not say is absent.
    pub details: Map<String, Value>,
}

impl From<&Record> for Listed {
    fn from(it: &Record) -> Self {
        let mut details = Map::new();
        let mut say = |key: &str, value: Value| {
            if !matches!(&value, Value::Null) && value != json!([]) {
                details.insert(key.to_owned(), value);
            }
        };
        say("phoneAlt", json!(it.phone_alt));
        say("uscc", json!(it.uscc));
        say("district", json!(it.district));
        say("lodging", json!(it.lodging));
        say("dining", json!(it.dining));
        say("arriveAt", json!(it.arrive_at));
        say("plate", json!(it.plate));
        say("recommender", json!(it.recommender));
        say("submittedAt", json!(it.submitted_at));
        say("topics", json!(it.topics));
        say("diet", json!(it.diet));
        say("consent", json!(it.consent));
        say("studentNo", json!(it.student_no));
        say("group", json!(it.group));
        say("note", json!(it.note));
        Self {
            name: it.name.clone().unwrap_or_default(),
            phone: it.phone.clone().unwrap_or_default(),
            id_no: it.id_no.clone(),
            gender: it.gender.map(|gender| match gender {
                roster::Gender::Male => Gender::Male,
                roster::Gender::Female => Gender::Female,
            }),
            birth: it.birth.map(|month| month.to_string()),
            ethnicity: it.ethnicity.clone(),
            political: it.political.clone(),
            organisation: it.org.clone(),
            title: it.title.clone(),
            attending: it.attending.unwrap_or(true),
            details,
        }
    }
}

impl Listed {
    /// Who the row is about; `place` is where it is kept, if it is.
    pub fn entry(&self, vault: &Arc<Vault>, place: &Place) -> Result<Entry, Failure> {
        let number = self.id_no.as_deref().map(|it| vault.open_text(place, it)).transpose()?;
        Ok(Entry {
            name: self.name.clone(),
            phone: self.phone.clone(),
            email: None,
            id_no: number.map(|it| vault.id_number(it)),
            gender: self.gender,
            birth: self.birth.clone(),
            ethnicity: self.ethnicity.clone(),
            political: self.political.clone(),
        })
    }

    /// The same, to be kept at a place.
    pub fn sealed(&self, vault: &Vault, place: &Place) -> Result<Self, Failure> {
        let id_no = self.id_no.as_deref().map(|it| vault.seal_text(place, it)).transpose()?;
        Ok(Self { id_no, ..self.clone() })
    }

    /// What the row changes of a registration. What the list leaves open stays as it is.
    #[must_use]
    pub fn changes(&self, to: &registration::Model) -> Changes {
        let text = |new: &Option<String>, old: &Option<String>| {
            (new.is_some() && new != old)
                .then(|| Change { before: old.clone(), after: new.clone() })
        };
        let details = self.details.iter().filter_map(|(key, new)| {
            let old = to.details.0.get(key);
            (old != Some(new))
                .then(|| (key.clone(), Change { before: old.cloned(), after: Some(new.clone()) }))
        });
        let turns =
            if self.attending { to.status == Status::Declined } else { to.status.is_live() };
        Changes {
            organisation: text(&self.organisation, &to.organisation_name),
            title: text(&self.title, &to.title),
            details: details.collect(),
            turns,
        }
    }
}

/// One value before and after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change<T> {
    pub before: Option<T>,
    pub after: Option<T>,
}

/// What a row changes of a registration; kept, so that it can be undone.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Changes {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation: Option<Change<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<Change<String>>,
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub details: std::collections::BTreeMap<String, Change<Value>>,
    /// Whether somebody who had declined comes after all, or the other way round.
    #[serde(default)]
    pub turns: bool,
}

impl Changes {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.organisation.is_none()
            && self.title.is_none()
            && self.details.is_empty()
            && !self.turns
    }

    /// Makes the changes but for the status, which needs a seat.
    pub fn apply(&self, to: &mut registration::Model) {
        if let Some(it) = &self.organisation {
            to.organisation_name.clone_from(&it.after);
        }
        if let Some(it) = &self.title {
            to.title.clone_from(&it.after);
        }
        for (key, it) in &self.details {
            put(&mut to.details, key, it.after.as_ref());
        }
    }

    /// Takes the changes back where nobody changed the value since.
    pub fn revert(&self, of: &mut registration::Model) {
        if let Some(it) = &self.organisation
            && of.organisation_name == it.after
        {
            of.organisation_name.clone_from(&it.before);
        }
        if let Some(it) = &self.title
            && of.title == it.after
        {
            of.title.clone_from(&it.before);
        }
        for (key, it) in &self.details {
            if of.details.0.get(key) == it.after.as_ref() {
                put(&mut of.details, key, it.before.as_ref());
            }
        }
    }
}

fn put(details: &mut Details, key: &str, value: Option<&Value>) {
    match value {
        Some(value) => details.0.insert(key.to_owned(), value.clone()),
        None => details.0.remove(key),
    };
}
