//! Logs a user in.

use std::sync::Arc;

use thiserror::Error;

use super::UseCaseError;
use crate::envelope::Cause;
use crate::outbox::Announcer;
use crate::port::security::{AccessToken, PasswordHasher, Tokens};
use crate::port::store::{StoreError, UserRepository};
use crate::user::{User, Username};

/// No such user, or another password: which of the two is not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("username or password is wrong")]
pub struct WrongCredentials;

/// Logs users in.
#[derive(Debug)]
pub struct LogIn<U, H> {
    users: U,
    hasher: Arc<H>,
    tokens: Arc<dyn Tokens>,
    announcer: Announcer,
}

impl<U: UserRepository, H: PasswordHasher> LogIn<U, H> {
    /// The use case over its ports.
    pub fn new(users: U, hasher: Arc<H>, tokens: Arc<dyn Tokens>, announcer: Announcer) -> Self {
        Self { users, hasher, tokens, announcer }
    }

    /// Whose name and password these are. A text that can be nobody's name takes as long as a wrong
    /// password.
    ///
    /// Nothing is announced yet: whoever limits guessing decides first whether the answer is told.
    pub async fn check(
        &self,
        username: String,
        password: &[u8],
    ) -> Result<User, UseCaseError<WrongCredentials>> {
        let found = match Username::try_from(username) {
            Ok(name) => self.users.find_by_name(&name).await?,
            Err(_) => None,
        };
        let hash = found.as_ref().map(|user| &user.password);
        let matches = self.hasher.verify(password, hash).await?;
        found.filter(|_| matches).ok_or(UseCaseError::Refused(WrongCredentials))
    }

    /// Announces the login of a user who was checked, and issues a token.
    pub async fn admit(&self, user: &User, cause: &Cause) -> Result<AccessToken, StoreError> {
        self.users.announce(self.announcer.entries(cause, [user.logged_in()])).await?;
        Ok(self.tokens.issue(user, self.announcer.now()))
    }
}
