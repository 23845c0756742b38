//! Kafka consumer groups in pure Rust: KIP-848 and the classic protocol.
#![warn(missing_docs)]

pub mod admin;
pub mod batch;
mod cluster;
mod connection;
mod error;
pub mod fetch;
mod member;
mod membership;
pub mod offsets;
pub mod produce;
mod settings;
mod topic;

/// The codecs, whose error codes and API keys are in this crate's errors and whose requests
/// [`Connection`] sends: a user takes them from here, in the version that this crate speaks.
pub use kafka_protocol;

pub use batch::Record;
pub use cluster::{Cluster, Lease, PartitionInfo, TopicInfo};
pub use connection::Connection;
pub use error::{BoxError, KafkaError, Reaction, Result, reaction};
pub use member::{Committer, Event, GroupProtocol, GroupSettings, Member};
pub use membership::assignor::Assignor;
pub use settings::{Isolation, Sasl, SaslMechanism, Secret, Settings};
pub use topic::TopicPartition;
