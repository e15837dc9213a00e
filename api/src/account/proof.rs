//! By what somebody is known to be who they say they are.

use entity::{account, provider_trip};
use sea_orm::DatabaseTransaction;

use super::{identity, password, sign_in::SignInErrorCode, trip};
use crate::error::{Error, Refusal};

/// By what somebody is known to be who they say they are.
#[derive(Clone, Copy)]
pub enum Proof<'a> {
    /// The account's password, which was right.
    Password(&'a str),
    /// The way to another system, which the account is linked with, and back.
    Provider(&'a provider_trip::Model),
}

impl<'a> Proof<'a> {
    /// What the audit log calls signing in by it.
    #[must_use]
    pub fn action(self) -> &'static str {
        match self {
            Self::Password(_) => "SignIn",
            Self::Provider(_) => "SignInByProvider",
        }
    }

    /// Where it stands in what was sent.
    #[must_use]
    pub fn field(self) -> &'static str {
        match self {
            Self::Password(_) => "username",
            Self::Provider(_) => "providerCode",
        }
    }

    /// The other system, if it was one.
    #[must_use]
    pub fn provider(self) -> Option<&'a str> {
        match self {
            Self::Password(_) => None,
            Self::Provider(way) => Some(&way.provider),
        }
    }

    /// Uses it up where it counts once; refused where it proves nothing any more. Holds it so until the commit.
    pub async fn stands(
        self,
        tx: &DatabaseTransaction,
        account: &account::Model,
    ) -> Result<(), Error<SignInErrorCode>> {
        let (stands, refused) = match self {
            Self::Password(_) => {
                (password::is_still(tx, account).await?, SignInErrorCode::InvalidCredentials.into())
            }
            Self::Provider(way) => {
                let is_mine = trip::take(tx, way).await?;
                let stands = is_mine && identity::is_still(tx, account.id, way).await?;
                (stands, SignInErrorCode::ProviderCodeInvalid.at(["providerCode"]).into())
            }
        };
        if stands { Ok(()) } else { Err(refused) }
    }
}
