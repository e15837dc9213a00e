//! What an account has to do before it may do anything else.

use super::{Gate, Who};
use crate::error::Failure;

/// What an account has to do before it may do anything else. Until then all else is refused: PASSWORD_CHANGE_REQUIRED.
#[derive(Clone, Copy, Debug, PartialEq, Eq, async_graphql::Enum)]
pub enum Duty {
    /// Its password was set by somebody else, or does not keep the rules any more: `changePassword`.
    ChangePassword,
}

impl Gate {
    /// Who is signed in and owes nothing. FORBIDDEN to a device, which has no account.
    pub fn who(&self) -> Result<&Who, Failure> {
        let who = self.whoever()?;
        who.duty.map_or(Ok(who), |duty| Err(Failure::Owes(duty)))
    }

    /// Who is signed in, also where they have to do something else first: for what they are let do all the same.
    pub fn whoever(&self) -> Result<&Who, Failure> {
        self.who.as_ref().ok_or(match self.doorkeeper {
            Some(_) => Failure::Forbidden,
            None => Failure::Unauthenticated,
        })
    }
}
