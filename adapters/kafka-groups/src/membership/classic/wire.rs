//! What members tell each other through the coordinator, which does not look into it: a version,
//! then the message. A later version only appends, so what is newer is read as the newest known.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::messages::consumer_protocol_assignment::{
    ConsumerProtocolAssignment, TopicPartition as Assigned,
};
use kafka_protocol::messages::consumer_protocol_subscription::{
    ConsumerProtocolSubscription, TopicPartition as Owned,
};
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};

use super::super::assignor::Subscriber;
use crate::error::BoxError;
use crate::topic::TopicPartition;

const NEWEST: i16 = 3;

/// What a member reads and still owns. The generation is in it twice: older Java leaders look for it
/// in the user data of `cooperative-sticky`.
pub(super) fn subscription(
    topics: &[Arc<str>],
    owned: &BTreeSet<TopicPartition>,
    generation: i32,
) -> Bytes {
    let message = ConsumerProtocolSubscription::default()
        .with_topics(topics.iter().map(|topic| text(topic)).collect())
        .with_user_data(Some(Bytes::copy_from_slice(&generation.to_be_bytes())))
        .with_owned_partitions(
            by_topic(owned)
                .map(|(topic, partitions)| {
                    Owned::default().with_topic(text(topic).into()).with_partitions(partitions)
                })
                .collect(),
        )
        .with_generation_id(generation);
    encoded(&message)
}

/// The member as it described itself; without its id, which is not in it.
pub(super) fn subscriber(bytes: Bytes) -> Result<Subscriber, BoxError> {
    let (message, version): (ConsumerProtocolSubscription, _) = decoded(bytes)?;
    let in_user_data =
        message.user_data.filter(|data| data.len() >= 4).map(|mut data| data.get_i32());
    let generation = if version >= 2 { message.generation_id } else { in_user_data.unwrap_or(-1) };
    let owned = message.owned_partitions.iter().map(|of| (of.topic.as_str(), &of.partitions));
    Ok(Subscriber {
        topics: message.topics.iter().map(|topic| Arc::from(topic.as_str())).collect(),
        owned: flat(owned),
        generation,
        ..Subscriber::default()
    })
}

/// What a member is given.
pub(super) fn assignment(partitions: &BTreeSet<TopicPartition>) -> Bytes {
    let assigned = by_topic(partitions).map(|(topic, partitions)| {
        Assigned::default().with_topic(text(topic).into()).with_partitions(partitions)
    });
    encoded(&ConsumerProtocolAssignment::default().with_assigned_partitions(assigned.collect()))
}

/// What this member is given. A leader that left it out gives it nothing.
pub(super) fn assigned(bytes: Bytes) -> Result<BTreeSet<TopicPartition>, BoxError> {
    if bytes.is_empty() {
        return Ok(BTreeSet::new());
    }
    let (message, _): (ConsumerProtocolAssignment, _) = decoded(bytes)?;
    let assigned = message.assigned_partitions.iter().map(|of| (of.topic.as_str(), &of.partitions));
    Ok(flat(assigned))
}

fn encoded(message: &impl Encodable) -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.put_i16(NEWEST);
    message.encode(&mut bytes, NEWEST).expect("the newest version has every field");
    bytes.freeze()
}

fn decoded<M: Decodable>(mut bytes: Bytes) -> Result<(M, i16), BoxError> {
    let version = bytes.try_get_i16()?;
    if version < 0 {
        return Err(format!("version {version}").into());
    }
    Ok((M::decode(&mut bytes, version.min(NEWEST))?, version))
}

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

fn by_topic(partitions: &BTreeSet<TopicPartition>) -> impl Iterator<Item = (&str, Vec<i32>)> {
    let mut topics: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
    for at in partitions {
        topics.entry(&at.topic).or_default().push(at.partition);
    }
    topics.into_iter()
}

fn flat<'a>(topics: impl Iterator<Item = (&'a str, &'a Vec<i32>)>) -> BTreeSet<TopicPartition> {
    let mut all = BTreeSet::new();
    for (topic, partitions) in topics {
        let topic: Arc<str> = Arc::from(topic);
        all.extend(partitions.iter().map(|at| TopicPartition::new(Arc::clone(&topic), *at)));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(places: &[(&str, i32)]) -> BTreeSet<TopicPartition> {
        places.iter().map(|(topic, at)| TopicPartition::new(*topic, *at)).collect()
    }

    #[test]
    fn subscriptions_round_trip() {
        let owned = places(&[("t", 0), ("t", 2), ("u", 1)]);
        let bytes = subscription(&["t".into(), "u".into()], &owned, 7);
        let read = subscriber(bytes).unwrap();
        assert_eq!((read.owned, read.generation), (owned, 7));
        assert!(read.topics.iter().map(|topic| &**topic).eq(["t", "u"]));
    }

    #[test]
    fn the_bytes_of_a_subscription_are_those_that_java_writes() {
        let bytes = subscription(&["t".into()], &places(&[("t", 1)]), 5);
        let expected: &[u8] = &[
            0, 3, // version
            0, 0, 0, 1, 0, 1, b't', // topics
            0, 0, 0, 4, 0, 0, 0, 5, // user data: the generation
            0, 0, 0, 1, 0, 1, b't', 0, 0, 0, 1, 0, 0, 0, 1, // owned partitions
            0, 0, 0, 5, // generation
            0xff, 0xff, // no rack
        ];
        assert_eq!(&bytes[..], expected);
    }

    #[test]
    fn older_versions_are_read() {
        // Version 1 has the generation in the user data only; version 0 owns nothing.
        let one: &[u8] = &[0, 1, 0, 0, 0, 1, 0, 1, b't', 0, 0, 0, 4, 0, 0, 0, 9, 0, 0, 0, 0];
        assert_eq!(subscriber(Bytes::from_static(one)).unwrap().generation, 9);
        let zero: &[u8] = &[0, 0, 0, 0, 0, 1, 0, 1, b't', 0xff, 0xff, 0xff, 0xff];
        let read = subscriber(Bytes::from_static(zero)).unwrap();
        assert_eq!((read.generation, read.owned), (-1, places(&[])));
    }

    #[test]
    fn a_later_version_is_read_as_the_newest_known() {
        let mut bytes = BytesMut::from(&subscription(&["t".into()], &places(&[]), 1)[..]);
        bytes[1] = 9;
        bytes.put_slice(b"and more");
        assert_eq!(subscriber(bytes.freeze()).unwrap().generation, 1);
    }

    #[test]
    fn assignments_round_trip_and_may_be_left_out() {
        let given = places(&[("t", 3), ("u", 0)]);
        assert_eq!(assigned(assignment(&given)).unwrap(), given);
        assert_eq!(assigned(Bytes::new()).unwrap(), places(&[]));
    }

    #[test]
    fn what_is_no_message_is_an_error() {
        for bytes in [&[0][..], &[0xff, 0xff, 0, 0], &[0, 1, 0, 0, 0, 200]] {
            let bytes = Bytes::copy_from_slice(bytes);
            assert!(subscriber(bytes.clone()).is_err(), "{bytes:?}");
            assert!(assigned(bytes.clone()).is_err(), "{bytes:?}");
        }
    }
}
