//! What the log's users are told about Kafka's errors.

use std::error::Error;
use std::sync::Arc;

use comptoir_domain::port::BoxError;
use comptoir_domain::port::bus::{BusError, MAX_RECORD_BYTES};
use kafka_groups::KafkaError;

use crate::names::offset;

pub(crate) fn bus_error(error: KafkaError) -> BusError {
    match error {
        KafkaError::UnknownTopic { name } => BusError::UnknownTopic { name },
        KafkaError::OutOfRange { earliest, next } => {
            BusError::OutOfRange { earliest: offset(earliest), next: offset(next) }
        }
        KafkaError::Fenced => BusError::Fenced,
        KafkaError::Corrupt(cause) => BusError::Corrupt(cause),
        KafkaError::TooLarge { bytes } => BusError::TooLarge { bytes, limit: MAX_RECORD_BYTES },
        // Wrong credentials, missing rights, brokers that are too old: nothing is wrong with a record,
        // and the log cannot be had until whoever runs the system has seen to it. The source says so.
        error @ (KafkaError::Unavailable(_)
        | KafkaError::Refused { .. }
        | KafkaError::Unauthenticated { .. }
        | KafkaError::Unsupported { .. }) => BusError::Unavailable(error.into()),
        // Kinds that there may be later (`non_exhaustive`).
        other => BusError::Unavailable(other.into()),
    }
}

/// A cause that several callers are told.
#[derive(Debug, Clone)]
pub(crate) struct Cause(Arc<dyn Error + Send + Sync>);

impl Cause {
    pub(crate) fn new(error: impl Error + Send + Sync + 'static) -> Self {
        Self(Arc::new(error))
    }
}

impl From<Cause> for BoxError {
    fn from(cause: Cause) -> Self {
        Box::new(cause.0)
    }
}
