//! Requests that may be sent again: the first answer is kept with what the request changed, and given
//! again to whoever repeats it.
//!
//! What tells one request from another, and what an answer looks like, is the business of the edge that
//! took it: here are only digests and bytes.

use std::fmt;

use thiserror::Error;

use crate::time::Timestamp;

/// A digest, 32 bytes.
pub type Digest = [u8; 32];

/// Names a request: a digest of who asks, for what, and of the key that was sent with it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IdempotencyKey(pub Digest);

impl fmt::Debug for IdempotencyKey {
    /// The beginning, which is enough to tell keys apart.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, second, ..] = self.0;
        write!(f, "IdempotencyKey({first:02x}{second:02x}..)")
    }
}

/// What was answered first to a request that carried a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstAnswer {
    /// Which request.
    pub key: IdempotencyKey,
    /// A digest of what it asked for.
    pub request: Digest,
    /// The answer, as its edge wrote it down.
    pub answer: Vec<u8>,
    /// When the request came.
    pub at: Timestamp,
}

/// The key was used before, for another request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the key came with another request before")]
pub struct KeyReused;

/// What a use case made of a request that may be sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answered<T> {
    /// It was carried out now.
    Now(T),
    /// It was before, and this was answered.
    Before(Vec<u8>),
}

/// A request that may be sent again, and how the answer to it is written down.
pub struct Repeatable<'a, T> {
    /// Which request.
    pub key: IdempotencyKey,
    /// A digest of what it asks for.
    pub request: Digest,
    /// When it came.
    pub at: Timestamp,
    /// The answer, from what the use case came to.
    pub answer: &'a (dyn Fn(&T) -> Vec<u8> + Sync),
}

impl<T> fmt::Debug for Repeatable<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Repeatable").field("key", &self.key).finish_non_exhaustive()
    }
}

impl<T> Repeatable<'_, T> {
    /// What is to be kept if the use case comes to this.
    pub fn first_answer(&self, result: &T) -> FirstAnswer {
        let Self { key, request, at, answer } = *self;
        FirstAnswer { key, request, answer: answer(result), at }
    }

    /// What was answered before, if it was to the same request.
    pub fn again(&self, first: FirstAnswer) -> Result<Answered<T>, KeyReused> {
        if first.request == self.request {
            Ok(Answered::Before(first.answer))
        } else {
            Err(KeyReused)
        }
    }
}
