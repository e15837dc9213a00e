//! Where rows stand, and what a grant reaches.

use entity::{
    id::{ActivityId, OrganisationId, ProgrammeId},
    role_grant::Role,
};

/// Where a row stands: what a grant's scope is compared with.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// The paths of the organisations it belongs to.
    pub organisations: Vec<String>,
    pub programmes: Vec<ProgrammeId>,
    pub activities: Vec<ActivityId>,
    /// From where the row is seen, though it does not belong there.
    pub near: Near,
    /// Roles that have no part in the row by a scope above it, but only near it.
    pub closed_to: &'static [Role],
}

/// Where a row is seen without belonging there: a programme by those who hold activities in it, a person by those on
/// whose activities they are.
#[derive(Clone, Debug, Default)]
pub struct Near {
    /// The paths of organisations below which it is seen.
    pub below: Vec<String>,
    /// The paths of organisations that have it as a guest.
    pub hosts: Vec<String>,
    /// The paths of organisations whose affair it is: they recommend it, or have a say in it.
    pub parties: Vec<String>,
    pub programmes: Vec<ProgrammeId>,
    pub activities: Vec<ActivityId>,
}

/// What a grant reaches.
#[derive(Clone, Debug, PartialEq)]
pub enum Scope {
    /// The path of an organisation; everything below it too.
    Organisation(OrganisationId, String),
    Programme(ProgrammeId),
    Activity(ActivityId),
}

impl Scope {
    pub(super) fn covers(&self, place: &Place) -> bool {
        match self {
            Self::Organisation(_, path) => {
                place.organisations.iter().any(|it| it.starts_with(path.as_str()))
            }
            Self::Programme(id) => place.programmes.contains(id),
            Self::Activity(id) => place.activities.contains(id),
        }
    }

    pub(super) fn is_near(&self, role: Role, near: &Near) -> bool {
        match self {
            Self::Organisation(_, path) => {
                near.below.iter().any(|it| path.starts_with(it.as_str()))
                    || near.parties.iter().any(|it| it.starts_with(path.as_str()))
                    // A liaison officer sees the organisation's own people, and not its guests.
                    || role != Role::Liaison
                        && near.hosts.iter().any(|it| it.starts_with(path.as_str()))
            }
            Self::Programme(id) => near.programmes.contains(id),
            Self::Activity(id) => near.activities.contains(id),
        }
    }
}
