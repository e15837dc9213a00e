//! What an account has to do before it may do anything else.

use super::{Gate, Who};
use crate::error::Failure;

/// What an account has to do before it may do anything else. Until then all else is refused: PASSWORD_CHANGE_REQUIRED or
/// SECOND_FACTOR_REQUIRED.
#[derive(Clone, Copy, Debug, PartialEq, Eq, async_graphql::Enum)]
pub enum Duty {
    /// Its password was set by somebody else, or does not keep the rules any more: `changePassword`.
    ChangePassword,
    /// A role of it asks for a second factor, and it has none: `enrolSecondFactor`, then `confirmSecondFactor`.
    EnrolSecondFactor,
}

impl Gate {
    /// Who is signed in and owes nothing. FORBIDDEN to a device, which has no account, and to an API key.
    pub fn who(&self) -> Result<&Who, Failure> {
        let who = self.whoever()?;
        who.duty.map_or(Ok(who), |duty| Err(Failure::Owes(duty)))
    }

    /// Who is signed in, also where they have to do something else first: for what they are let do all the same.
    pub fn whoever(&self) -> Result<&Who, Failure> {
        let who = self.there()?;
        if who.key.is_none() { Ok(who) } else { Err(Failure::Forbidden) }
    }

    /// Whose grants count: signed in and owing nothing, or an API key's account.
    pub(super) fn acts(&self) -> Result<&Who, Failure> {
        let who = self.there()?;
        who.duty.map_or(Ok(who), |duty| Err(Failure::Owes(duty)))
    }

    fn there(&self) -> Result<&Who, Failure> {
        self.who.as_ref().ok_or(match self.doorkeeper {
            Some(_) => Failure::Forbidden,
            None => Failure::Unauthenticated,
        })
    }
}
