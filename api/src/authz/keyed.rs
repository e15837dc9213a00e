//! What may be done by an API key: of what the account may do, what its scopes say. All that is named here by no scope is
//! denied, and so is all that somebody does to their own account.

use entity::{
    api_key::Scope,
    id::{AccountId, ApiKeyId},
};

use super::{Action, Gate};
use crate::error::Failure;

/// Reading; nothing of accounts and jobs, and no phone whole.
const READ: &[&str] = &[
    "ViewOrganisation",
    "ViewFigures",
    "ViewPerson",
    "ViewHistory",
    "ListPeople",
    "ListParticipants",
    "ViewProgramme",
    "ViewActivity",
    "ViewCategory",
    "ViewSession",
    "ViewSeries",
    "ViewTrainers",
    "ViewGroups",
    "ViewGroup",
    "ViewLeave",
    "ListRegistrations",
    "ListRecommended",
    "ViewRegistration",
    "ViewAllocations",
    "ViewAllocation",
    "ViewAttendance",
    "ViewCompletions",
    "ViewMakeUp",
    "ListCertificates",
    "ViewCertificate",
];
/// Who comes, and what they answered.
const REGISTRATION_WRITE: &[&str] = &[
    "RegisterAttendee",
    "InviteAttendee",
    "RecommendAttendee",
    "ReplaceAttendee",
    "CancelRegistration",
    "AnswerRegistration",
    "UpdateRegistration",
    "ReviveRegistration",
    "MoveRegistration",
    "AnswerForm",
    "ViewRegistration",
];
/// What a door does.
const CHECK_IN: &[&str] = &[
    "CheckIn",
    "FindAtDoor",
    "RegisterWalkIn",
    "TakeManifest",
    "ShowSelfCheckInCode",
    "ViewSession",
    "ViewRegistration",
];

/// The actions that a scope names.
#[must_use]
pub fn all(scope: Scope) -> &'static [&'static str] {
    match scope {
        Scope::Read => READ,
        Scope::RegistrationWrite => REGISTRATION_WRITE,
        Scope::CheckIn => CHECK_IN,
    }
}

impl Gate {
    /// Of which account it is, if of one, also where something has to be done first.
    #[must_use]
    pub fn account(&self) -> Option<AccountId> {
        self.who.as_ref().map(|it| it.account.id)
    }

    /// By which API key somebody acts, if by one.
    #[must_use]
    pub fn key(&self) -> Option<ApiKeyId> {
        self.who.as_ref()?.key.as_ref().map(|it| it.id)
    }

    /// Refuses what no scope of the API key names, where one is used.
    pub(super) fn in_scope<A: Action>(&self) -> Result<(), Failure> {
        let Some(key) = self.who.as_ref().and_then(|it| it.key.as_ref()) else { return Ok(()) };
        let may = key.scopes.0.iter().any(|scope| all(*scope).contains(&A::NAME));
        if may { Ok(()) } else { Err(Failure::Forbidden) }
    }
}
