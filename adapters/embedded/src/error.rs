//! Why the database did not do what it was asked, and what each port makes of it.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::sync::Arc;

use comptoir_domain::port::bus::BusError;
use comptoir_domain::port::store::StoreError;
use thiserror::Error;
use tokio::task::JoinError;

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
    #[error("the disk takes no writes, it may be full; it is tried again and again")]
    Reopening,
    #[error("the database was closed")]
    Closed,
    #[error("the queue of writes is full")]
    Full,
    #[error("the disk did not answer in time")]
    Late,
    #[error("it was given up because of a defect in the program")]
    Defect,
    #[error("the write was given up together with another one")]
    GivenUp,
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

/// Whether trying again later may help: an I/O error somewhere beneath, or the state after one. A file
/// that is shorter than it should be is not of the disk's making.
fn is_disk(error: &fjall::Error) -> bool {
    if matches!(error, fjall::Error::Poisoned | fjall::Error::Locked) {
        return true;
    }
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return !matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::InvalidData);
        }
        cause = error.source();
    }
    false
}

impl Failure {
    /// Why a task did not come to its end.
    pub(crate) fn of_lost(lost: &JoinError) -> Self {
        // Otherwise the runtime is going down.
        if lost.is_panic() { Self::Defect } else { Self::Closed }
    }

    /// Whether what is stored, or what was to be, is at fault, which no waiting mends. A defect counts
    /// as that: tried again without end, it would come again without end.
    fn is_lasting(&self) -> bool {
        match self {
            Self::Damaged(_) | Self::Malformed(_) | Self::Defect => true,
            Self::Reopening
            | Self::Closed
            | Self::Full
            | Self::Late
            | Self::GivenUp
            | Self::Disk(_) => false,
        }
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        let is_corrupt = failure.is_lasting();
        if is_corrupt { Self::Corrupt(failure.into()) } else { Self::Unavailable(failure.into()) }
    }
}

impl From<Failure> for BusError {
    fn from(failure: Failure) -> Self {
        let is_corrupt = failure.is_lasting();
        if is_corrupt { Self::Corrupt(failure.into()) } else { Self::Unavailable(failure.into()) }
    }
}
