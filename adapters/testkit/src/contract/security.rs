//! The contract of password hashers and access tokens.

pub mod passwords;
pub mod tokens;

use comptoir_domain::port::security::{PasswordHasher, Tokens};

/// Makes what is under test.
pub trait SecurityHarness: Default + Send + Sync {
    /// Hashes passwords.
    type Hasher: PasswordHasher;
    /// Issues tokens.
    type Tokens: Tokens;

    /// A hasher with a queue that is long enough for one caller.
    fn hasher(&self) -> Self::Hasher;

    /// Tokens; made twice, they share the key.
    fn tokens(&self) -> Self::Tokens;

    /// Tokens with another key.
    fn tokens_of_others(&self) -> Self::Tokens;
}
