//! Passwords and access tokens.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use thiserror::Error;

use crate::id::UserId;
use crate::port::BoxError;
use crate::time::Timestamp;
use crate::user::{PasswordHash, User, Username};

/// Why a password was not hashed or checked.
#[derive(Debug, Error)]
pub enum HashError {
    /// Too many are waiting, or this one waited too long. Try later.
    #[error("too many passwords are waiting to be hashed")]
    Busy,
    /// A stored hash cannot be read.
    #[error("a stored password hash cannot be read")]
    Corrupt(#[source] BoxError),
}

/// Hashes passwords, slowly on purpose. The queue before it is bounded.
pub trait PasswordHasher: Send + Sync + 'static {
    /// The hash of a new password, with a fresh salt.
    fn hash(&self, password: &[u8])
    -> impl Future<Output = Result<PasswordHash, HashError>> + Send;

    /// Whether the password is the one of the hash. Takes as long for `None` (no such user) as for
    /// a wrong password.
    fn verify(
        &self,
        password: &[u8],
        hash: Option<&PasswordHash>,
    ) -> impl Future<Output = Result<bool, HashError>> + Send;
}

/// An access token, for the user alone. Not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessToken {
    /// The token.
    pub secret: String,
    /// How long it is good for.
    pub expires_in: Duration,
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken").field("expires_in", &self.expires_in).finish_non_exhaustive()
    }
}

/// Who a valid token speaks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// The user.
    pub user: UserId,
    /// The user's name when the token was issued.
    pub username: Username,
}

/// A token that is not ours, was changed, or is out of date. Which of these is nobody's business.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the access token is not valid")]
pub struct InvalidToken;

/// Issues and checks access tokens.
pub trait Tokens: fmt::Debug + Send + Sync + 'static {
    /// A token for the user.
    fn issue(&self, user: &User, now: Timestamp) -> AccessToken;

    /// Who the token speaks for.
    fn verify(&self, token: &str, now: Timestamp) -> Result<Claims, InvalidToken>;
}
