//! Topics, partitions and offsets, with Kafka's meaning of each; and which event goes where.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

use crate::event::Event;

/// A text that Kafka would not take as a topic's or a group's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a name has 1 to 249 letters, digits or . _ - and is not . or ..")]
pub struct InvalidName;

fn check_name(name: &str) -> Result<(), InvalidName> {
    let legal = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    let fits = (1..=249).contains(&name.len()) && name.bytes().all(legal);
    if fits && name != "." && name != ".." { Ok(()) } else { Err(InvalidName) }
}

/// A topic's full name, prefix included.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Topic(Arc<str>);

impl Topic {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where records of this topic go that nobody could handle.
    #[must_use]
    pub fn dead_letters(&self) -> Self {
        Self(format!("{}.dlq", self.0).into())
    }
}

impl TryFrom<&str> for Topic {
    type Error = InvalidName;

    fn try_from(name: &str) -> Result<Self, InvalidName> {
        check_name(name).map(|()| Self(name.into()))
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A consumer group's full name, prefix included.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupId(Arc<str>);

impl GroupId {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<&str> for GroupId {
    type Error = InvalidName;

    fn try_from(name: &str) -> Result<Self, InvalidName> {
        check_name(name).map(|()| Self(name.into()))
    }
}

impl fmt::Display for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A partition's number, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Partition(pub u32);

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A record's place in its partition, from 0 and without holes. A committed offset is the *next* one
/// to handle, as in Kafka.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Offset(pub u64);

impl Offset {
    /// The start of every log.
    pub const ZERO: Self = Self(0);

    /// The place behind this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One partition of one topic.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicPartition {
    /// The topic.
    pub topic: Topic,
    /// Which of its partitions.
    pub partition: Partition,
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.topic, self.partition)
    }
}

/// The shop's topics under one prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topics {
    /// Every event; read by notifications.
    pub notifications: Topic,
    /// One line per event; read by logs.
    pub logs: Topic,
    /// What payments asks of stock.
    pub inventories: Topic,
    /// What stock answers.
    pub stock: Topic,
}

impl Topics {
    /// The topics of a deployment. The prefix lets several share one cluster.
    pub fn with_prefix(prefix: &str) -> Result<Self, InvalidName> {
        let topic = |name: &str| Topic::try_from(format!("{prefix}{name}").as_str());
        let topics = Self {
            notifications: topic("notifications")?,
            logs: topic("logs")?,
            inventories: topic("inventories")?,
            stock: topic("stock")?,
        };
        topics.all().iter().try_for_each(|topic| check_name(topic.as_str()))?;
        Ok(topics)
    }

    /// Every topic that must exist, those for dead letters included.
    pub fn all(&self) -> Vec<Topic> {
        let live = [&self.notifications, &self.logs, &self.inventories, &self.stock];
        let dead = live.iter().map(|topic| topic.dead_letters()).collect::<Vec<_>>();
        live.into_iter().cloned().chain(dead).collect()
    }

    /// Where an event goes. `notifications` comes first wherever it is one of several: the relay
    /// waits for it, so that the lines of one payment stand in causal order.
    pub fn route(&self, event: &Event) -> Vec<Topic> {
        let also = match event {
            Event::UserRegistered(_) | Event::UserLoggedIn(_) | Event::PaymentRejected(_) => None,
            Event::PaymentRequested(_)
            | Event::PaymentConfirmed(_)
            | Event::PaymentExpired(_)
            | Event::PaymentRefunded(_) => Some(&self.inventories),
            Event::StockReserved(_) | Event::StockRejected(_) | Event::StockReleased(_) => {
                Some(&self.stock)
            }
            Event::LogWritten(_) => return vec![self.logs.clone()],
        };
        std::iter::once(&self.notifications).chain(also).cloned().collect()
    }
}

/// The partition that Kafka's Java client would choose for a key: murmur2, sign bit cleared, modulo.
///
/// # Panics
/// If there are no partitions.
pub fn partition_for(key: &[u8], partitions: u32) -> Partition {
    Partition((murmur2(key) & 0x7fff_ffff) % partitions)
}

/// `MurmurHash2` with the seed and the byte order of Kafka's `Utils.murmur2`.
fn murmur2(data: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    // Kafka's hash is defined on 32-bit lengths; keys are far shorter.
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
    let mut hash = 0x9747_b28c ^ length;
    let mut words = data.chunks_exact(4);
    for word in &mut words {
        let mut k = u32::from_le_bytes([word[0], word[1], word[2], word[3]]).wrapping_mul(M);
        k = (k ^ (k >> 24)).wrapping_mul(M);
        hash = hash.wrapping_mul(M) ^ k;
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        for (at, &byte) in rest.iter().enumerate() {
            hash ^= u32::from(byte) << (8 * at);
        }
        hash = hash.wrapping_mul(M);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(M);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values that Kafka's own `UtilsTest.testMurmur2` pins.
    #[test]
    fn murmur2_is_kafkas() {
        for (key, hash) in [
            ("21", -973_932_308_i32),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ] {
            assert_eq!(murmur2(key.as_bytes()).cast_signed(), hash, "{key}");
        }
    }

    #[test]
    fn names_are_kafkas() {
        assert!(Topic::try_from("a.b_c-1").is_ok());
        for wrong in ["", ".", "..", "a b", "ä", &"x".repeat(250)] {
            assert!(Topic::try_from(wrong).is_err(), "{wrong}");
        }
        assert!(Topics::with_prefix(&"x".repeat(240)).is_err());
        assert_eq!(Topics::with_prefix("t1-").unwrap().stock.as_str(), "t1-stock");
    }
}
