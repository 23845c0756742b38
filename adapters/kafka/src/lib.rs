//! The log on Apache Kafka.
//!
//! [`Kafka`] is the handle; making it connects to nothing. Everything is on `kafka-groups`: reading,
//! groups, administration, and appending as an idempotent producer, with one task and at most one
//! request in flight per partition. Only batches that are to be packed, and those for brokers that give
//! this client no producer id, are appended over rskafka; with TLS (feature `tls`) nothing is.
#![warn(missing_docs)]

mod admin;
mod error;
mod groups;
mod kafka;
mod names;
mod publisher;
mod reader;
mod record;
mod settings;
mod sync;

pub use admin::KafkaAdmin;
pub use groups::{GroupCommitter, GroupMember, KafkaGroups};
pub use kafka::Kafka;
pub use kafka_groups::{GroupProtocol, SaslMechanism};
pub use publisher::KafkaPublisher;
pub use reader::KafkaReader;
pub use settings::{Compression, InvalidSettings, Password, Sasl, Settings};
