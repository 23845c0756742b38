//! Partitions by the names that each side gives them.

use comptoir_domain::port::bus::{Bounds, BusError};
use comptoir_domain::topic::{Offset, Partition, Topic, TopicPartition};

/// The partition as Kafka counts it.
///
/// # Errors
/// [`BusError::UnknownTopic`] if Kafka cannot count so far.
pub(crate) fn to_kafka(at: &TopicPartition) -> Result<kafka_groups::TopicPartition, BusError> {
    match i32::try_from(at.partition.0) {
        Ok(partition) => Ok(kafka_groups::TopicPartition::new(at.topic.as_str(), partition)),
        Err(_) => Err(BusError::UnknownTopic { name: at.to_string() }),
    }
}

/// The partition as the domain names it; `None` for what Kafka would not have let anybody name so.
pub(crate) fn from_kafka(at: &kafka_groups::TopicPartition) -> Option<TopicPartition> {
    Some(TopicPartition {
        topic: Topic::try_from(&*at.topic).ok()?,
        partition: Partition(u32::try_from(at.partition).ok()?),
    })
}

/// An offset of Kafka's. It has none below zero but as signs, which never come here.
pub(crate) fn offset(offset: i64) -> Offset {
    Offset(u64::try_from(offset).unwrap_or(0))
}

/// The ends of a partition. They are two answers: in between its topic may have been made anew, or its
/// records may all have been removed.
pub(crate) fn bounds(earliest: i64, next: i64) -> Bounds {
    let earliest = offset(earliest);
    Bounds { earliest, next: offset(next).max(earliest) }
}

/// The offset for Kafka. None was ever so large that it would not fit.
pub(crate) fn to_kafka_offset(offset: Offset) -> i64 {
    i64::try_from(offset.0).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_never_ends_before_it_begins() {
        let told = |earliest, next| {
            let Bounds { earliest, next } = bounds(earliest, next);
            (earliest.0, next.0)
        };
        assert_eq!(told(3, 7), (3, 7));
        assert_eq!(told(1_000, 0), (1_000, 1_000), "made anew in between");
        assert_eq!(told(-1, -1), (0, 0));
    }
}
