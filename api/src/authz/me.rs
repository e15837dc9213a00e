//! Whoever has a phone and no account, and may do something to what is theirs.

use entity::{
    activity,
    id::{PersonId, RegistrationId},
    person, registration,
};
use sea_orm::EntityTrait;
use uuid::Uuid;

use super::Gate;
use crate::{authn, db::Db, error::Failure};

/// Proof that somebody has a phone: a code that was sent there came back.
#[derive(Clone)]
pub struct Me {
    phone: String,
}

impl Me {
    #[must_use]
    pub fn phone(&self) -> &str {
        &self.phone
    }

    /// What stands for the phone where no account can.
    #[must_use]
    pub fn actor(&self) -> Uuid {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&authn::fingerprint(&format!("attendee {}", self.phone))[..16]);
        uuid::Builder::from_custom_bytes(bytes).into_uuid()
    }
}

/// Proof that a registration is of somebody with the phone. Two people may share one.
pub struct Mine {
    me: Me,
    pub row: registration::Model,
    pub person: person::Model,
    pub activity: activity::Model,
}

impl Mine {
    #[must_use]
    pub fn me(&self) -> &Me {
        &self.me
    }

    /// Refuses a registration that went to another activity or person while one waited for its lock.
    pub fn still(&self, now: &registration::Model) -> Result<(), Failure> {
        let unmoved =
            (now.activity_id, now.person_id) == (self.row.activity_id, self.row.person_id);
        if unmoved { Ok(()) } else { Err(Failure::NotFound) }
    }
}

/// Proof that a person has the phone. Two people may share one.
pub struct Myself {
    me: Me,
    pub person: person::Model,
}

impl Myself {
    #[must_use]
    pub fn me(&self) -> &Me {
        &self.me
    }
}

impl Gate {
    /// The gate of somebody whose phone was proven.
    #[must_use]
    pub fn of_attendee(phone: String, db: Db) -> Self {
        Self { me: Some(Me { phone }), ..Self::new(None, db) }
    }

    /// Whose phone was proven.
    pub fn me(&self) -> Result<&Me, Failure> {
        self.me.as_ref().ok_or(Failure::Unauthenticated)
    }

    /// The viewer's own record. Whose phone is another one's gets the same answer as if there were none.
    pub async fn myself(&self, id: PersonId) -> Result<Myself, Failure> {
        let me = self.me()?;
        let found = person::Entity::find_by_id(id).one(self.db.read()).await?;
        let person = found.filter(|it| it.phone.as_deref() == Some(me.phone()));
        Ok(Myself { me: me.clone(), person: person.ok_or(Failure::NotFound)? })
    }

    /// A registration of the viewer's own. Whose phone is another one's gets the same answer as if there were none, and
    /// so does everybody while the activity is being set up.
    pub async fn mine(&self, id: RegistrationId) -> Result<Mine, Failure> {
        let me = self.me()?;
        let db = self.db.read();
        let row = registration::Entity::find_by_id(id).one(db).await?.ok_or(Failure::NotFound)?;
        let person = person::Entity::find_by_id(row.person_id).one(db).await?;
        let person = person.filter(|it| it.phone.as_deref() == Some(me.phone()));
        let person = person.ok_or(Failure::NotFound)?;
        let activity = activity::Entity::find_by_id(row.activity_id).one(db).await?;
        let activity = activity.filter(|it| it.status != activity::Status::Draft);
        let activity = activity.ok_or(Failure::NotFound)?;
        Ok(Mine { me: me.clone(), row, person, activity })
    }
}
