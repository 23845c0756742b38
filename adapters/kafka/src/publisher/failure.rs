//! Why records were not appended.

use comptoir_domain::port::bus::BusError;
use thiserror::Error;

use crate::error::Cause;

/// Why records were not appended, by what can be done about it. Told to every call that had records
/// in the batch.
#[derive(Debug, Clone)]
pub(super) enum Failure {
    /// The leader is away or changed: try again.
    Away(Cause),
    /// The leader does not have the partition. Either its cluster has not told it yet, or there is
    /// none.
    UnknownTopic,
    /// More bytes than the topic takes at once: try fewer records.
    TooLarge,
    /// One record at least is not to the topic's liking: the others may be.
    Rejected(Cause),
    /// Trying again does not help.
    Denied(Cause),
    /// Brokers give this client no producer id, by which they would recognise what is repeated.
    NoProducerId,
}

impl Failure {
    pub(super) fn stopped(why: Stopped) -> Self {
        Self::Away(Cause::new(why))
    }
}

/// Why a call ended before Kafka answered it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum Stopped {
    #[error("no acknowledgement came in time")]
    Late,
    #[error("the queue of records was full for too long")]
    Full,
    #[error("records go to too many partitions at once")]
    TooManyPartitions,
    #[error("the brokers give this client no producer id")]
    NoProducerId,
    #[error(
        "the brokers give this client no producer id, without which nothing is appended over TLS"
    )]
    NoProducerIdOverTls,
    #[error("the publisher was closed")]
    Closed,
    #[error("the writing of this partition ended because of a defect in the program")]
    Defect,
}

impl From<Stopped> for BusError {
    fn from(why: Stopped) -> Self {
        Self::Unavailable(why.into())
    }
}
