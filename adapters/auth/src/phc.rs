//! Hashes as PHC strings: `$pbkdf2-sha256$i=600000,l=32$<salt>$<hash>`, both in base64 without
//! padding.

use std::fmt;
use std::hint::black_box;
use std::ops::RangeInclusive;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use pbkdf2::pbkdf2_hmac;
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use thiserror::Error;

const ALGORITHM: &str = "pbkdf2-sha256";
/// A stored hash comes from a store, and a store can hold anything: nothing longer is looked at.
const MAX_CHARS: usize = 256;
const SALT_BYTES: RangeInclusive<usize> = 8..=48;
const HASH_BYTES: RangeInclusive<usize> = 16..=64;

/// The salt of new hashes, in bytes.
pub(crate) const SALT: usize = 16;
/// The output of new hashes, in bytes: more than SHA-256 gives would cost only the defender.
const OUTPUT: usize = 32;

/// Too few rounds to protect anything, or so many that one login would hold a core for seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a hash takes {} to {} rounds", Rounds::MIN.0, Rounds::MAX.0)]
pub struct InvalidRounds;

/// How many rounds a hash takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rounds(u32);

impl Rounds {
    /// The fewest (RFC 8018 §4.2); for tests.
    pub const MIN: Self = Self(1_000);
    /// What OWASP asks for with HMAC-SHA-256.
    pub const DEFAULT: Self = Self(600_000);
    /// The most that is taken from a stored hash.
    pub const MAX: Self = Self(10_000_000);

    /// Rounds.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl Default for Rounds {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl TryFrom<u32> for Rounds {
    type Error = InvalidRounds;

    fn try_from(rounds: u32) -> Result<Self, InvalidRounds> {
        if (Self::MIN.0..=Self::MAX.0).contains(&rounds) {
            Ok(Self(rounds))
        } else {
            Err(InvalidRounds)
        }
    }
}

/// What is wrong with a stored hash. It never quotes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum InvalidPhc {
    #[error("it is not of the form $pbkdf2-sha256$i=..,l=..$salt$hash")]
    Form,
    #[error(transparent)]
    Rounds(#[from] InvalidRounds),
    #[error("its salt or its hash is not base64, or not of a length that is taken")]
    Bytes,
    #[error("its hash has not the length that it says")]
    Length,
}

/// A hash and how it was made.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Phc {
    rounds: Rounds,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

impl Phc {
    /// Hashes a password.
    pub(crate) fn derive(password: &[u8], salt: [u8; SALT], rounds: Rounds) -> Self {
        let mut hash = vec![0; OUTPUT];
        pbkdf2_hmac::<Sha256>(password, &salt, rounds.0, &mut hash);
        Self { rounds, salt: salt.to_vec(), hash }
    }

    /// A hash that takes as long to check as a new one with so many rounds, and that nobody made.
    pub(crate) fn dummy(rounds: Rounds) -> Self {
        Self { rounds, salt: vec![0; SALT], hash: vec![0; OUTPUT] }
    }

    /// Whether it is the password's hash: the whole work, then a comparison that tells nothing by
    /// its time.
    pub(crate) fn verify(&self, password: &[u8]) -> bool {
        let mut derived = vec![0; self.hash.len()];
        pbkdf2_hmac::<Sha256>(password, &self.salt, self.rounds.0, &mut derived);
        derived.ct_eq(&self.hash).into()
    }

    /// How many rounds it has less than a new hash.
    pub(crate) fn short_of(&self, rounds: Rounds) -> u32 {
        rounds.0.saturating_sub(self.rounds.0)
    }

    /// What checking it costs: rounds, bytes of salt, bytes of output.
    #[cfg(test)]
    pub(crate) fn work(&self) -> (Rounds, usize, usize) {
        (self.rounds, self.salt.len(), self.hash.len())
    }

    /// Reads a PHC string of ours; the parameters stand in the one order they have.
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidPhc> {
        if text.len() > MAX_CHARS {
            return Err(InvalidPhc::Form);
        }
        let mut parts = text.split('$');
        let mut next = || parts.next().ok_or(InvalidPhc::Form);
        let (before, algorithm, parameters, salt, hash) =
            (next()?, next()?, next()?, next()?, next()?);
        if !before.is_empty() || algorithm != ALGORITHM || parts.next().is_some() {
            return Err(InvalidPhc::Form);
        }
        let (rounds, length) = parameters.split_once(',').ok_or(InvalidPhc::Form)?;
        let rounds = Rounds::try_from(parameter("i=", rounds)?)?;
        let length = parameter("l=", length)?;
        let salt = decode(salt, &SALT_BYTES)?;
        let hash = decode(hash, &HASH_BYTES)?;
        if usize::try_from(length) == Ok(hash.len()) {
            Ok(Self { rounds, salt, hash })
        } else {
            Err(InvalidPhc::Length)
        }
    }
}

/// Takes the time of so many rounds.
pub(crate) fn spend(password: &[u8], rounds: u32) {
    if rounds > 0 {
        let mut nothing = [0; OUTPUT];
        pbkdf2_hmac::<Sha256>(password, &[0; SALT], rounds, &mut nothing);
        black_box(nothing);
    }
}

/// A decimal without sign or leading zeros, as the format wants it; `u32` alone would take both.
fn parameter(name: &str, text: &str) -> Result<u32, InvalidPhc> {
    let digits = text.strip_prefix(name).ok_or(InvalidPhc::Form)?;
    if digits.starts_with(['0', '+']) {
        return Err(InvalidPhc::Form);
    }
    digits.parse().map_err(|_| InvalidPhc::Form)
}

fn decode(text: &str, lengths: &RangeInclusive<usize>) -> Result<Vec<u8>, InvalidPhc> {
    let bytes = STANDARD_NO_PAD.decode(text).ok();
    let fitting = bytes.filter(|bytes| lengths.contains(&bytes.len()));
    fitting.ok_or(InvalidPhc::Bytes)
}

impl fmt::Display for Phc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "${ALGORITHM}$i={},l={}${}${}",
            self.rounds.0,
            self.hash.len(),
            STANDARD_NO_PAD.encode(&self.salt),
            STANDARD_NO_PAD.encode(&self.hash),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl fmt::Debug for Phc {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "Phc({:?})", self.work())
        }
    }

    fn hex(text: &str) -> Vec<u8> {
        let digits = text.as_bytes().chunks(2);
        digits
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    /// The vector of RFC 7914 §11 that has enough rounds.
    #[test]
    fn it_is_pbkdf2_hmac_sha256() {
        let known = Phc {
            rounds: Rounds(80_000),
            salt: b"NaCl".to_vec(),
            hash: hex(concat!(
                "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56",
                "a1d425a1225833549adb841b51c9b3176a272bdebba1d078478f62b397f33c8d",
            )),
        };
        assert!(known.verify(b"Password"));
        assert!(!known.verify(b"password"));
    }

    #[test]
    fn a_new_hash_reads_back_and_verifies() {
        let made = Phc::derive(b"secret", [7; SALT], Rounds::MIN);
        let text = made.to_string();
        assert!(text.starts_with("$pbkdf2-sha256$i=1000,l=32$BwcHBwcHBwcHBwcHBwcHBw$"));
        let read = Phc::parse(&text).unwrap();
        assert_eq!(read, made);
        assert!(read.verify(b"secret"));
        assert!(!read.verify(b"Secret"));
        assert!(!read.verify(b""));
    }

    #[test]
    fn the_dummy_costs_what_a_new_hash_costs() {
        let new = Phc::derive(b"secret", [7; SALT], Rounds::MIN);
        assert_eq!(Phc::dummy(Rounds::MIN).work(), new.work());
    }

    #[test]
    fn what_is_no_hash_of_ours_is_refused() {
        use InvalidPhc::{Bytes, Form, Length, Rounds as OfRounds};
        const SALT_TEXT: &str = "BwcHBwcHBwcHBwcHBwcHBw";
        let hash = STANDARD_NO_PAD.encode([1; OUTPUT]);
        let with = |parameters: &str| format!("$pbkdf2-sha256${parameters}${SALT_TEXT}${hash}");
        let salted = |salt: &str| format!("$pbkdf2-sha256$i=1000,l=32${salt}${hash}");
        let ending = |hash: &str| format!("$pbkdf2-sha256$i=1000,l=32${SALT_TEXT}${hash}");
        assert!(Phc::parse(&with("i=1000,l=32")).is_ok());
        assert!(Phc::parse(&with("i=10000000,l=32")).is_ok());
        for (text, why) in [
            (String::new(), Form),
            ("$".repeat(4), Form),
            ("secret".to_owned(), Form),
            (with("i=1000,l=32")[1..].to_owned(), Form),
            (with("i=1000,l=32") + "$more", Form),
            (with("i=1000,l=32").replace("sha256", "sha512"), Form),
            (with("l=32,i=1000"), Form),
            (with("i=1000"), Form),
            (with("i=1000,l=32,x=1"), Form),
            (with("i=+1000,l=32"), Form),
            (with("i=01000,l=32"), Form),
            (with("i=-1000,l=32"), Form),
            (with("i=,l=32"), Form),
            (with("i=99999999999,l=32"), Form),
            (with("i=999,l=32"), OfRounds(InvalidRounds)),
            (with("i=10000001,l=32"), OfRounds(InvalidRounds)),
            (with("i=1000,l=31"), Length),
            (salted(""), Bytes),
            (salted("BwcHBw"), Bytes),
            (salted("BwcHBwcHBwcHBwcHBwcHBw=="), Bytes),
            (salted("BwcHBwcHBwcHBwcHBwcH_-"), Bytes),
            (salted(&"Bwc".repeat(22)), Bytes),
            (ending(""), Bytes),
            (ending("AQEB"), Bytes),
            (ending("not base64!"), Bytes),
            (ending(&"A".repeat(400)), Form),
        ] {
            assert_eq!(Phc::parse(&text), Err(why), "{text}");
        }
    }
}
