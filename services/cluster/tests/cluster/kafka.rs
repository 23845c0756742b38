//! Kafka as others see it: through `kcat` (librdkafka) and its own tools (Java).

mod events;
mod java_member;
mod kcat;
mod tools;

pub(crate) use events::{CLOUDEVENTS_JSON, Event, made_up, said};
pub(crate) use java_member::JavaMember;
pub(crate) use kcat::{Record, produce, read_all};
pub(crate) use tools::{GroupRow, console_consumer, console_producer, describe_group};
