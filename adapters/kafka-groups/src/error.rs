//! What can go wrong, by what a caller can do about it.

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::ApiKey;
use thiserror::Error;

use ResponseError as E;

/// Any error.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A result of this crate.
pub type Result<T, E = KafkaError> = std::result::Result<T, E>;

/// What went wrong, by what a caller can do about it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KafkaError {
    /// The broker does not answer, the connection broke or the deadline passed; whether the request
    /// was carried out is unknown. Try later.
    #[error("the cluster cannot be reached")]
    Unavailable(#[source] BoxError),
    /// A broker refused a request. [`KafkaError::reaction`] says whether to repeat it.
    #[error("{api:?} was refused")]
    Refused {
        /// What was asked.
        api: ApiKey,
        /// The broker's reason.
        #[source]
        error: ResponseError,
    },
    /// The broker does not take these credentials, or cannot prove that it knows them; or its
    /// certificate is not trusted.
    #[error("authentication failed: {why}")]
    Unauthenticated {
        /// The broker's words, or what its proof or its certificate lacked.
        why: String,
    },
    /// There is no such topic or partition.
    #[error("there is no topic or partition {name}")]
    UnknownTopic {
        /// Its name.
        name: String,
    },
    /// Nothing is there to read: before the first or behind the last record.
    #[error("the offset is outside the log, which goes from {earliest} to {next}")]
    OutOfRange {
        /// The first offset that is there.
        earliest: i64,
        /// The next one to be written.
        next: i64,
    },
    /// The partition belongs to another member now.
    #[error("the partition was given to another member")]
    Fenced,
    /// The broker lacks what is asked for.
    #[error("the broker does not support {what}")]
    Unsupported {
        /// The request or feature.
        what: String,
    },
    /// Bytes that cannot be decoded.
    #[error("what a broker sent cannot be read")]
    Corrupt(#[source] BoxError),
    /// The batch will never fit.
    #[error("a batch of {bytes} bytes is larger than what the topic takes")]
    TooLarge {
        /// Its encoded size.
        bytes: usize,
    },
}

/// What to do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaction {
    /// Repeat after a pause.
    Retry,
    /// Ask for the topic's metadata again, then repeat.
    Refresh,
    /// Ask who the group's coordinator is, then repeat.
    FindCoordinator,
    /// Repeating does not help.
    GiveUp,
}

impl KafkaError {
    /// A refusal by `error`.
    pub fn refused(api: ApiKey, error: ResponseError) -> Self {
        Self::Refused { api, error }
    }

    /// What to do about it.
    pub fn reaction(&self) -> Reaction {
        match self {
            Self::Unavailable(_) => Reaction::Refresh,
            Self::Refused { error, .. } => reaction(*error),
            Self::Unauthenticated { .. }
            | Self::UnknownTopic { .. }
            | Self::OutOfRange { .. }
            | Self::Fenced
            | Self::Unsupported { .. }
            | Self::Corrupt(_)
            | Self::TooLarge { .. } => Reaction::GiveUp,
        }
    }

    /// Whether repeating can help.
    pub fn is_retriable(&self) -> bool {
        self.reaction() != Reaction::GiveUp
    }

    /// The broker's reason, if a broker refused.
    pub fn refusal(&self) -> Option<ResponseError> {
        match self {
            Self::Refused { error, .. } => Some(*error),
            _ => None,
        }
    }

    pub(crate) fn unavailable(cause: impl Into<BoxError>) -> Self {
        Self::Unavailable(cause.into())
    }

    pub(crate) fn corrupt(cause: impl Into<BoxError>) -> Self {
        Self::Corrupt(cause.into())
    }
}

/// What to do about a broker's error code. Of codes that are not decided here the protocol says
/// itself whether repeating can help.
pub fn reaction(error: ResponseError) -> Reaction {
    match error {
        E::LeaderNotAvailable
        | E::NotLeaderOrFollower
        | E::ReplicaNotAvailable
        | E::UnknownTopicOrPartition
        | E::UnknownTopicId
        | E::InconsistentTopicId
        | E::FencedLeaderEpoch
        | E::UnknownLeaderEpoch
        | E::ListenerNotFound
        | E::KafkaStorageError
        | E::BrokerNotAvailable
        | E::NotController => Reaction::Refresh,
        E::NotCoordinator | E::CoordinatorNotAvailable => Reaction::FindCoordinator,
        // REBALANCE_IN_PROGRESS and the epoch errors are the membership's to judge, not a pause's.
        E::RequestTimedOut
        | E::NetworkException
        | E::CoordinatorLoadInProgress
        | E::NotEnoughReplicas
        | E::NotEnoughReplicasAfterAppend
        | E::OffsetNotAvailable
        | E::UnstableOffsetCommit
        | E::ThrottlingQuotaExceeded
        | E::RebootstrapRequired
        | E::CorruptMessage => Reaction::Retry,
        other if other.is_retriable() => Reaction::Retry,
        _ => Reaction::GiveUp,
    }
}
