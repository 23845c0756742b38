//! Who gets what in a classic group: computed by one of its members, with the algorithms that
//! Kafka's Java clients use under the same names.

mod cooperative_sticky;
mod range;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::topic::TopicPartition;

/// How a classic group shares partitions out. All members of a group must have one in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Assignor {
    /// Each topic's partitions in ranges, by the order of member ids. Members give everything up
    /// before each rebalance.
    Range,
    /// Balanced over all topics, and each member keeps what it can (KIP-54). Members give up only
    /// what moves (KIP-429).
    CooperativeSticky,
}

impl Assignor {
    /// Its name in the protocol.
    pub fn name(self) -> &'static str {
        match self {
            Self::Range => "range",
            Self::CooperativeSticky => "cooperative-sticky",
        }
    }

    /// The one of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Range, Self::CooperativeSticky].into_iter().find(|assignor| assignor.name() == name)
    }

    pub(super) fn assign(self, subscribers: &[Subscriber], counts: &Counts) -> Assignment {
        match self {
            Self::Range => range::assign(subscribers, counts),
            Self::CooperativeSticky => cooperative_sticky::assign(subscribers, counts),
        }
    }
}

/// Partitions by topic.
pub(super) type Counts = BTreeMap<Arc<str>, i32>;

/// Partitions by member id; every member is in it.
pub(super) type Assignment = BTreeMap<String, BTreeSet<TopicPartition>>;

/// A member, as it described itself when it joined.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Subscriber {
    pub(crate) member: String,
    pub(crate) instance: Option<String>,
    pub(crate) topics: BTreeSet<Arc<str>>,
    /// What it still owns from an earlier generation.
    pub(crate) owned: BTreeSet<TopicPartition>,
    /// The generation in which it was given that; negative if none.
    pub(crate) generation: i32,
}

fn empty(subscribers: &[Subscriber]) -> Assignment {
    subscribers.iter().map(|member| (member.member.clone(), BTreeSet::new())).collect()
}

fn partitions(topic: &Arc<str>, count: i32) -> impl Iterator<Item = TopicPartition> {
    (0..count).map(|partition| TopicPartition::new(Arc::clone(topic), partition))
}

#[cfg(test)]
mod tests;
