//! Registers a user.

use std::sync::Arc;

use thiserror::Error;

use super::UseCaseError;
use crate::envelope::Cause;
use crate::id::UserId;
use crate::outbox::Announcer;
use crate::port::security::PasswordHasher;
use crate::port::store::{StoreError, UserRepository};
use crate::port::world::Ids;
use crate::user::{Password, User, Username};

/// The name belongs to somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the username is taken")]
pub struct UsernameTaken;

/// Registers users.
#[derive(Debug)]
pub struct RegisterUser<U, H> {
    users: U,
    hasher: Arc<H>,
    ids: Arc<dyn Ids>,
    announcer: Announcer,
}

impl<U: UserRepository, H: PasswordHasher> RegisterUser<U, H> {
    /// The use case over its ports.
    pub fn new(users: U, hasher: Arc<H>, ids: Arc<dyn Ids>, announcer: Announcer) -> Self {
        Self { users, hasher, ids, announcer }
    }

    /// Stores the user and announces it. The name is looked up before the slow hash, so that a taken
    /// one costs little; the store decides between two who come at once.
    pub async fn run(
        &self,
        username: Username,
        password: Password,
        cause: &Cause,
    ) -> Result<User, UseCaseError<UsernameTaken>> {
        if self.users.find_by_name(&username).await?.is_some() {
            return Err(UseCaseError::Refused(UsernameTaken));
        }
        let user = User {
            id: UserId::new(self.ids.uuid()),
            username,
            password: self.hasher.hash(password.reveal()).await?,
            registered_at: self.announcer.now(),
        };
        let outbox = self.announcer.entries(cause, [user.registered()]);
        match self.users.register(&user, outbox).await {
            Ok(()) => Ok(user),
            Err(StoreError::Duplicate { .. }) => Err(UseCaseError::Refused(UsernameTaken)),
            Err(error) => Err(error.into()),
        }
    }
}
