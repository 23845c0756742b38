//! Why the database did not do what it was asked, and what each port makes of it.

use std::error::Error;
use std::sync::Arc;

use comptoir_domain::port::bus::BusError;
use comptoir_domain::port::store::StoreError;
use thiserror::Error;

/// Stored bytes that are not what they should be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{what}: {problem}")]
pub(crate) struct Malformed {
    what: &'static str,
    problem: String,
}

impl Malformed {
    pub(crate) fn new(what: &'static str, problem: impl Into<String>) -> Self {
        Self { what, problem: problem.into() }
    }
}

/// Why the database did not do it. Cloned to every caller of a group that could not be committed.
#[derive(Debug, Clone, Error)]
pub(crate) enum Failure {
    #[error("the database is being reopened after a failure of the disk")]
    Reopening,
    #[error("the database was closed")]
    Closed,
    #[error("the queue of writes is full")]
    Full,
    #[error("the disk did not answer in time")]
    Late,
    #[error("the write was given up because of a defect in the program")]
    Defect,
    #[error("the disk failed")]
    Disk(#[source] Arc<fjall::Error>),
    #[error("the database holds bytes that it did not write")]
    Damaged(#[source] Arc<fjall::Error>),
    #[error(transparent)]
    Malformed(#[from] Malformed),
}

impl From<fjall::Error> for Failure {
    fn from(error: fjall::Error) -> Self {
        if is_disk(&error) { Self::Disk(Arc::new(error)) } else { Self::Damaged(Arc::new(error)) }
    }
}

/// Whether trying again later may help: an I/O error somewhere beneath, or the state after one.
fn is_disk(error: &fjall::Error) -> bool {
    if matches!(error, fjall::Error::Poisoned | fjall::Error::Locked) {
        return true;
    }
    let mut cause = error.source();
    while let Some(error) = cause {
        if error.is::<std::io::Error>() {
            return true;
        }
        cause = error.source();
    }
    false
}

impl Failure {
    /// Whether what is stored is at fault, which no waiting mends.
    fn is_of_what_is_stored(&self) -> bool {
        match self {
            Self::Damaged(_) | Self::Malformed(_) => true,
            Self::Reopening
            | Self::Closed
            | Self::Full
            | Self::Late
            | Self::Defect
            | Self::Disk(_) => false,
        }
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        let is_corrupt = failure.is_of_what_is_stored();
        if is_corrupt { Self::Corrupt(failure.into()) } else { Self::Unavailable(failure.into()) }
    }
}

impl From<Failure> for BusError {
    fn from(failure: Failure) -> Self {
        let is_corrupt = failure.is_of_what_is_stored();
        if is_corrupt { Self::Corrupt(failure.into()) } else { Self::Unavailable(failure.into()) }
    }
}
