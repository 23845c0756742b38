//! The key that tokens are signed with.

use std::fmt;

use thiserror::Error;

/// A key that could be guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a secret has at least {} bytes", Secret::MIN_BYTES)]
pub struct InvalidSecret;

/// A signing key. Never shown, not even by `Debug`.
#[derive(Clone)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// The shortest key, in bytes: as long as the hash's output (RFC 7518 §3.2).
    pub const MIN_BYTES: usize = 32;

    /// A new key of [`Secret::MIN_BYTES`] from the operating system, for who keeps it.
    ///
    /// # Errors
    /// If the operating system has no random bytes to give.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut key = vec![0; Self::MIN_BYTES];
        getrandom::fill(&mut key).map(|()| Self(key))
    }

    /// The bytes, to sign with or to keep.
    pub fn reveal(&self) -> &[u8] {
        &self.0
    }
}

impl TryFrom<Vec<u8>> for Secret {
    type Error = InvalidSecret;

    fn try_from(key: Vec<u8>) -> Result<Self, InvalidSecret> {
        if key.len() >= Self::MIN_BYTES { Ok(Self(key)) } else { Err(InvalidSecret) }
    }
}

impl TryFrom<String> for Secret {
    type Error = InvalidSecret;

    /// Takes the text's bytes as they are: no encoding is guessed.
    fn try_from(key: String) -> Result<Self, InvalidSecret> {
        Self::try_from(key.into_bytes())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_long_and_hidden() {
        let short = Secret::try_from("x".repeat(31));
        assert_eq!(short.map(drop), Err(InvalidSecret));
        let secret = Secret::try_from("x".repeat(32)).unwrap();
        assert_eq!(format!("{secret:?}"), "***");
        assert_eq!(secret.reveal(), [b'x'; 32]);
    }

    #[test]
    fn random_secrets_differ() {
        let (one, other) = (Secret::random().unwrap(), Secret::random().unwrap());
        assert_eq!(one.reveal().len(), Secret::MIN_BYTES);
        assert_ne!(one.reveal(), other.reveal());
    }
}
