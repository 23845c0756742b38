//! Users: a name that is unique without regard to case, and a password kept only as its hash.

use std::fmt;

use thiserror::Error;

use crate::event::{Event, UserLoggedIn, UserRegistered};
use crate::id::UserId;
use crate::time::Timestamp;

/// Why a text is no username.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidUsername {
    /// Empty, or longer than [`Username::MAX_CHARS`].
    #[error("a username has 1 to {} characters", Username::MAX_CHARS)]
    Length,
    /// Something other than letters, digits and `. _ - @ +`.
    #[error("a username is made of letters, digits and . _ - @ +")]
    Character,
}

/// The name a user chose, as it was typed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Username(String);

impl Username {
    /// The longest name, in characters.
    pub const MAX_CHARS: usize = 64;

    /// The name as it was typed.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What makes the name unique: its lower-case form.
    pub fn key(&self) -> String {
        self.0.to_lowercase()
    }
}

impl TryFrom<String> for Username {
    type Error = InvalidUsername;

    fn try_from(text: String) -> Result<Self, InvalidUsername> {
        let allowed = |c: char| c.is_alphanumeric() || "._-@+".contains(c);
        if !(1..=Self::MAX_CHARS).contains(&text.chars().count()) {
            Err(InvalidUsername::Length)
        } else if !text.chars().all(allowed) {
            Err(InvalidUsername::Character)
        } else {
            Ok(Self(text))
        }
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why a text is no password for a new user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a password has {} to {} bytes", Password::MIN_BYTES, Password::MAX_BYTES)]
pub struct InvalidPassword;

/// A password in clear, on its way to being hashed or checked. Never shown, not even by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// The shortest password, in bytes.
    pub const MIN_BYTES: usize = 6;
    /// The longest password, in bytes: longer ones only cost hashing time.
    pub const MAX_BYTES: usize = 1024;

    /// The bytes to hash.
    pub fn reveal(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl TryFrom<String> for Password {
    type Error = InvalidPassword;

    fn try_from(text: String) -> Result<Self, InvalidPassword> {
        let fits = (Self::MIN_BYTES..=Self::MAX_BYTES).contains(&text.len());
        if fits { Ok(Self(text)) } else { Err(InvalidPassword) }
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(***)")
    }
}

/// A password's hash in PHC string format. Not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Wraps what a password hasher made, or a store kept.
    pub fn new(phc: String) -> Self {
        Self(phc)
    }

    /// The PHC string, for the hasher and the store.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(***)")
    }
}

/// A registered user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Identity.
    pub id: UserId,
    /// The name, unique without regard to case.
    pub username: Username,
    /// What a login is checked against.
    pub password: PasswordHash,
    /// When the user registered.
    pub registered_at: Timestamp,
}

impl User {
    /// What the shop is told about a new user.
    pub fn registered(&self) -> Event {
        Event::UserRegistered(UserRegistered { user: self.id, username: self.username.clone() })
    }

    /// What the shop is told about a successful login. It changes nothing about the user.
    pub fn logged_in(&self) -> Event {
        Event::UserLoggedIn(UserLoggedIn { user: self.id, username: self.username.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usernames_are_bounded_and_plain() {
        let name = |text: &str| Username::try_from(text.to_owned());
        for good in ["alice", "A.b_c-d@e+f", "żółw", "1", &"x".repeat(64)] {
            assert!(name(good).is_ok(), "{good}");
        }
        for (wrong, why) in [
            ("", InvalidUsername::Length),
            (&*"x".repeat(65), InvalidUsername::Length),
            ("a b", InvalidUsername::Character),
            ("<img>", InvalidUsername::Character),
            ("a\nb", InvalidUsername::Character),
            ("\u{1b}[31m", InvalidUsername::Character),
        ] {
            assert_eq!(name(wrong), Err(why), "{wrong:?}");
        }
    }

    #[test]
    fn names_that_differ_in_case_have_one_key() {
        let key = |text: &str| Username::try_from(text.to_owned()).unwrap().key();
        assert_eq!(key("Alice"), key("aLICE"));
    }

    #[test]
    fn secrets_do_not_show() {
        let password = Password::try_from("secret".to_owned()).unwrap();
        assert!(!format!("{password:?}").contains("secret"));
        assert!(!format!("{:?}", PasswordHash::new("secret".into())).contains("secret"));
        assert_eq!(Password::try_from("short".to_owned()), Err(InvalidPassword));
        assert_eq!(Password::try_from("x".repeat(1025)), Err(InvalidPassword));
    }
}
