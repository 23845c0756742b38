//! Ranges of each topic's partitions.

use std::sync::Arc;

use super::{Assignment, Counts, Subscriber, empty};
use crate::topic::TopicPartition;

/// Members with static names come first, in the order of those; then the others, by id.
fn order(member: &Subscriber) -> (bool, Option<&str>, &str) {
    let instance = member.instance.as_deref();
    let id = if instance.is_some() { "" } else { &member.member };
    (instance.is_none(), instance, id)
}

pub(super) fn assign(subscribers: &[Subscriber], counts: &Counts) -> Assignment {
    let mut assignment = empty(subscribers);
    let mut ordered: Vec<_> = subscribers.iter().collect();
    ordered.sort_by_key(|member| order(member));
    for (topic, &count) in counts {
        let readers: Vec<_> = ordered.iter().filter(|m| m.topics.contains(topic)).collect();
        let Ok(members) = i32::try_from(readers.len()) else { continue };
        if members == 0 {
            continue;
        }
        let mut first = 0;
        for (at, reader) in (0..).zip(readers) {
            let share = count / members + i32::from(at < count % members);
            let range = (first..first + share).map(|n| TopicPartition::new(Arc::clone(topic), n));
            assignment.entry(reader.member.clone()).or_default().extend(range);
            first += share;
        }
    }
    assignment
}
