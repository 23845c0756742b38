//! Why the server did not do what it was asked, and what the port makes of it.

use comptoir_domain::port::store::StoreError;
use mongodb::error::{CommandError, Error, ErrorKind};
use thiserror::Error;

/// A stored document that is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{what} {id:?}: {problem}")]
pub(crate) struct Malformed {
    pub(crate) what: &'static str,
    pub(crate) id: String,
    pub(crate) problem: String,
}

/// Why it was not done. Cloned to every caller whose write went in the same command.
#[derive(Debug, Clone, Error)]
pub(crate) enum Failure {
    #[error("the server does not answer")]
    Away(#[source] Error),
    #[error("the server refuses the command")]
    Refused(#[source] Error),
    #[error("the server refuses the write: {0}")]
    RefusedWrite(String),
    #[error("the server could not confirm the write: {0}")]
    Unconfirmed(String),
    #[error("the answer was lost, and others have saved too often since to tell what it was")]
    Forgotten,
    #[error("the server did not answer in time")]
    Late,
    #[error("too many writes are waiting for the server")]
    Full,
    #[error("the write was given up because of a defect in the program")]
    Defect,
    #[error("more events in one save than an outbox takes")]
    TooManyEvents,
    #[error("others keep changing the same record")]
    Contended,
    #[error(transparent)]
    Malformed(#[from] Malformed),
}

/// Error codes of servers that are stepping down, shutting down or overloaded, or whose time ran out:
/// those of
/// <https://github.com/mongodb/specifications/blob/master/source/retryable-writes/retryable-writes.md>,
/// and five more: 50, 64, 112, 134, 10058.
const PASSING: [(i32, &str); 17] = [
    (6, "HostUnreachable"),
    (7, "HostNotFound"),
    (50, "MaxTimeMSExpired"),
    (64, "WriteConcernFailed"),
    (89, "NetworkTimeout"),
    (91, "ShutdownInProgress"),
    (112, "WriteConflict"),
    (134, "ReadConcernMajorityNotAvailableYet"),
    (189, "PrimarySteppedDown"),
    (262, "ExceededTimeLimit"),
    (9_001, "SocketException"),
    (10_058, "LegacyNotPrimary"),
    (10_107, "NotWritablePrimary"),
    (11_600, "InterruptedAtShutdown"),
    (11_602, "InterruptedDueToReplStateChange"),
    (13_435, "NotPrimaryNoSecondaryOk"),
    (13_436, "NotPrimaryOrSecondary"),
];

impl Failure {
    /// Whether the same may succeed a moment later. What was asked may have been done all the same.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self, Self::Away(_) | Self::Unconfirmed(_) | Self::Late)
    }

    /// Whether no server was found that could be asked.
    pub(crate) fn is_of_nobody(&self) -> bool {
        let Self::Away(error) = self else {
            return false;
        };
        matches!(*error.kind, ErrorKind::ServerSelection { .. })
    }
}

pub(crate) fn is_passing_code(code: i32) -> bool {
    PASSING.iter().any(|(passing, _)| *passing == code)
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let is_passing = match &*error.kind {
            ErrorKind::Command(CommandError { code, .. }) => is_passing_code(*code),
            ErrorKind::InvalidArgument { .. }
            | ErrorKind::Authentication { .. }
            | ErrorKind::Bson(_)
            | ErrorKind::InvalidTlsConfig { .. }
            | ErrorKind::IncompatibleServer { .. }
            | ErrorKind::Shutdown => false,
            _ => true,
        };
        if is_passing { Self::Away(error) } else { Self::Refused(error) }
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Malformed(malformed) => Self::Corrupt(malformed.into()),
            // Tried again without end, these would come again without end.
            lasting @ (Failure::Defect | Failure::TooManyEvents) => Self::Corrupt(lasting.into()),
            other => Self::Unavailable(other.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_fail_again_is_not_tried_without_end() {
        for lasting in [Failure::Defect, Failure::TooManyEvents] {
            assert!(matches!(StoreError::from(lasting), StoreError::Corrupt(_)));
        }
        for passing in [Failure::Late, Failure::Full, Failure::Forgotten, Failure::Contended] {
            assert!(matches!(StoreError::from(passing), StoreError::Unavailable(_)));
        }
    }
}
