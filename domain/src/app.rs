//! The use cases: load, decide, save. One per file; none knows HTTP, topics' bytes or a database.

pub mod expire_payments;
pub mod find_payment;
pub mod forget_answers;
pub mod keep_stock;
pub mod log_in;
pub mod notify;
pub mod read_dead_letters;
pub mod receive_stock;
pub mod refund_payment;
pub mod register_user;
pub mod replay_dead_letter;
pub mod request_payment;
pub mod settle_payments;
mod turns;

use std::future::Future;

use thiserror::Error;

use crate::port::security::HashError;
use crate::port::store::StoreError;

/// A use case ends in a refusal of the shop's own, or a port failed under it.
#[derive(Debug, Error)]
pub enum UseCaseError<R: std::error::Error + 'static> {
    /// The shop says no.
    #[error("refused")]
    Refused(#[source] R),
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// The password could not be hashed or checked.
    #[error("the password could not be processed")]
    Hash(#[from] HashError),
}

impl<R: std::error::Error + 'static> UseCaseError<R> {
    /// The same, with a refusal in other words.
    fn map<S: std::error::Error + 'static>(self, refused: impl FnOnce(R) -> S) -> UseCaseError<S> {
        match self {
            Self::Refused(refusal) => UseCaseError::Refused(refused(refusal)),
            Self::Store(error) => UseCaseError::Store(error),
            Self::Hash(error) => UseCaseError::Hash(error),
        }
    }
}

/// How often a decision is made anew when somebody else's save came between.
const CONFLICT_ATTEMPTS: usize = 20;

/// Runs a load-decide-save until its save meets no conflict, at most [`CONFLICT_ATTEMPTS`] times.
/// Each conflict means that another save succeeded, so this makes progress without waiting.
async fn until_no_conflict<T, R, F>(mut attempt: impl FnMut() -> F) -> Result<T, UseCaseError<R>>
where
    R: std::error::Error + 'static,
    F: Future<Output = Result<T, UseCaseError<R>>>,
{
    for _ in 1..CONFLICT_ATTEMPTS {
        match attempt().await {
            Err(UseCaseError::Store(StoreError::Conflict)) => {}
            done => return done,
        }
    }
    attempt().await
}
