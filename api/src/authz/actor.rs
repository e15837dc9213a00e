//! Who acts by a grant: somebody with an account, or a device at a door.

use entity::{
    device,
    id::{AccountId, ActivityId, DeviceId},
    role_grant::Role,
};
use uuid::Uuid;

use super::{Gate, Me, Scope};
use crate::{db::Db, error::Failure};

/// Who acts, where it may be either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    Account(AccountId),
    Device(DeviceId),
}

impl Actor {
    #[must_use]
    pub fn uuid(self) -> Uuid {
        match self {
            Self::Account(AccountId(id)) | Self::Device(DeviceId(id)) => id,
        }
    }

    #[must_use]
    pub fn account(self) -> Option<AccountId> {
        match self {
            Self::Account(id) => Some(id),
            Self::Device(_) => None,
        }
    }

    #[must_use]
    pub fn device(self) -> Option<DeviceId> {
        match self {
            Self::Account(_) => None,
            Self::Device(id) => Some(id),
        }
    }
}

impl From<AccountId> for Actor {
    fn from(id: AccountId) -> Self {
        Self::Account(id)
    }
}

/// What an action takes for its actor. What takes an account is denied to a device, whatever its roles.
pub trait By: Copy + Send + Sync + Into<Actor> + 'static {
    fn of(actor: Actor) -> Option<Self>;
}

impl By for AccountId {
    fn of(actor: Actor) -> Option<Self> {
        actor.account()
    }
}

impl By for Actor {
    fn of(actor: Actor) -> Option<Self> {
        Some(actor)
    }
}

/// A device that was let in by its token: DOOR_STAFF of the activities it is bound to.
#[derive(Clone, Debug)]
pub struct Doorkeeper {
    pub row: device::Model,
    scopes: Vec<Scope>,
}

impl Doorkeeper {
    #[must_use]
    pub fn new(row: device::Model, activities: impl IntoIterator<Item = ActivityId>) -> Self {
        Self { row, scopes: activities.into_iter().map(Scope::Activity).collect() }
    }

    pub(super) fn held(&self) -> impl Iterator<Item = (Role, &Scope)> {
        self.scopes.iter().map(|scope| (Role::DoorStaff, scope))
    }
}

impl Gate {
    /// Whose it is, in one word for what is counted by holder: an account, a device or a phone. None where it is nobody's.
    #[must_use]
    pub fn holder(&self) -> Option<Uuid> {
        let device = self.doorkeeper.as_ref().map(|it| it.row.id.0);
        let account = || self.who.as_ref().map(|it| it.account.id.0);
        device.or_else(account).or_else(|| self.me.as_ref().map(Me::actor))
    }

    /// The gate of a device.
    #[must_use]
    pub fn of_device(doorkeeper: Doorkeeper, db: Db) -> Self {
        Self { doorkeeper: Some(doorkeeper), ..Self::new(None, db) }
    }

    /// At which gate the device stands that asks, if one does and always stands there.
    #[must_use]
    pub fn stands_at(&self) -> Option<&str> {
        self.doorkeeper.as_ref()?.row.gate.as_deref()
    }

    /// Who asks by an account or a device, if anybody does.
    #[must_use]
    pub fn actor(&self) -> Option<Actor> {
        self.held().ok().map(|(actor, _)| actor)
    }

    /// Which device asks. FORBIDDEN to whoever is none.
    pub fn doorkeeper(&self) -> Result<&Doorkeeper, Failure> {
        self.signed_in()?;
        self.doorkeeper.as_ref().ok_or(Failure::Forbidden)
    }
}
