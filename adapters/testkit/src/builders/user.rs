use comptoir_domain::id::UserId;
use comptoir_domain::time::Timestamp;
use comptoir_domain::user::{PasswordHash, User, Username};

use super::{THEN, another};
use crate::world::SequentialIds;

/// Makes a user.
#[derive(Debug, Clone)]
#[must_use]
pub struct UserBuilder(User);

/// A user with a name of its own. The hash is no hash of any password.
pub fn a_user() -> UserBuilder {
    let n = another();
    UserBuilder(User {
        id: UserId::new(SequentialIds::nth(n)),
        username: Username::try_from(format!("user-{n}")).unwrap(),
        password: PasswordHash::new(format!("$test$hash-{n}")),
        registered_at: THEN,
    })
}

impl UserBuilder {
    /// Its id.
    pub fn identified(mut self, id: UserId) -> Self {
        self.0.id = id;
        self
    }

    /// Its name.
    pub fn named(mut self, name: &str) -> Self {
        self.0.username = Username::try_from(name.to_owned()).unwrap();
        self
    }

    /// The stored hash.
    pub fn with_password_hash(mut self, hash: PasswordHash) -> Self {
        self.0.password = hash;
        self
    }

    /// When it registered.
    pub fn registered_at(mut self, at: Timestamp) -> Self {
        self.0.registered_at = at;
        self
    }

    /// The user.
    pub fn build(self) -> User {
        self.0
    }
}
