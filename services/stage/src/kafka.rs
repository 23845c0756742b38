//! Kafka as others see it: through `kcat` (librdkafka) and its own tools (Java).

mod events;
mod java_member;
mod kcat;
mod tools;

#[cfg(test)]
pub(crate) use events::event;
pub use events::{CLOUDEVENTS_JSON, Event, made_up, said};
pub use java_member::JavaMember;
pub use kcat::{Record, produce, read_all};
pub use tools::{GroupRow, console_consumer, console_producer, describe_group};
