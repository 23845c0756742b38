//! What a consumer does with what it is delivered.

use std::future::Future;
use std::sync::Arc;

use crate::envelope::Envelope;
use crate::port::bus::BusError;
use crate::port::store::StoreError;
use crate::time::Timestamp;
use crate::topic::{Offset, TopicPartition};

/// A readable event with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The partition.
    pub at: TopicPartition,
    /// The offset in it.
    pub offset: Offset,
    /// The record's key.
    pub key: Option<Vec<u8>>,
    /// The event.
    pub envelope: Envelope,
    /// When this process took it up.
    pub received: Timestamp,
}

/// An error that several deliveries share.
pub type SharedError = Arc<dyn std::error::Error + Send + Sync>;

/// What became of one delivery.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// Its effect is durable, or was already.
    Done,
    /// Not for this service: acknowledged and counted.
    Ignored,
    /// Something is away for now: to be tried again without limit.
    Retry(SharedError),
    /// It cannot be handled as it is: to be tried a few times, then dead-lettered.
    Failed(SharedError),
}

impl From<Arc<StoreError>> for Outcome {
    fn from(error: Arc<StoreError>) -> Self {
        match *error {
            StoreError::Unavailable(_) | StoreError::Conflict => Self::Retry(error),
            StoreError::Duplicate { .. } | StoreError::Corrupt(_) => Self::Failed(error),
        }
    }
}

impl From<Arc<BusError>> for Outcome {
    fn from(error: Arc<BusError>) -> Self {
        match *error {
            BusError::TooLarge { .. } | BusError::Refused(_) | BusError::Corrupt(_) => {
                Self::Failed(error)
            }
            BusError::Unavailable(_)
            | BusError::UnknownTopic { .. }
            | BusError::OutOfRange { .. }
            | BusError::Fenced => Self::Retry(error),
        }
    }
}

/// Handles batches of one partition.
pub trait Handler: Send + Sync + 'static {
    /// Handles the deliveries in order per key, and says what became of each, in their order. Every
    /// effect must be idempotent: a delivery comes again after a crash, a rebalance or a retry. After
    /// a delivery that is not done, later ones of the same key are not done either.
    fn handle(&self, batch: &[Delivery]) -> impl Future<Output = Vec<Outcome>> + Send;
}
