//! What members of classic groups tell each other through the coordinator, which does not look into
//! it: a version, then the message. A later version only appends, so what is newer is read as the
//! newest known.
//!
//! Any client can have written these bytes. They are read by hand, since the codecs reserve room for
//! as many elements as a count says: here an element that is not there ends the reading.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::messages::consumer_protocol_assignment::{
    ConsumerProtocolAssignment, TopicPartition as Assigned,
};
use kafka_protocol::messages::consumer_protocol_subscription::{
    ConsumerProtocolSubscription, TopicPartition as Owned,
};
use kafka_protocol::protocol::{Encodable, StrBytes};
use thiserror::Error;

use super::assignor::Subscriber;
use crate::topic::TopicPartition;

const NEWEST: i16 = 3;
/// The first version of subscriptions that says what is owned.
const WITH_OWNED: i16 = 1;
/// The first one that says since which generation.
const WITH_GENERATION: i16 = 2;

/// What a member reads and still owns. The generation is in it twice: older Java leaders look for it
/// in the user data of `cooperative-sticky`.
pub(crate) fn subscription(
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
pub(crate) fn subscriber(bytes: &[u8]) -> Result<Subscriber, Unreadable> {
    let (mut reader, version) = Reader::new(bytes)?;
    let topics =
        (0..reader.count()?).map(|_| reader.text().map(Arc::from)).collect::<Result<_, _>>()?;
    let user_data = reader.nullable_bytes()?;
    let owned = if version >= WITH_OWNED { reader.partitions()? } else { BTreeSet::new() };
    let in_user_data = || user_data.and_then(|data| data.first_chunk().copied());
    let generation = if version >= WITH_GENERATION {
        reader.int()?
    } else {
        in_user_data().map_or(-1, i32::from_be_bytes)
    };
    Ok(Subscriber { topics, owned, generation, ..Subscriber::default() })
}

/// What a member is given.
pub(crate) fn assignment(partitions: &BTreeSet<TopicPartition>) -> Bytes {
    let assigned = by_topic(partitions).map(|(topic, partitions)| {
        Assigned::default().with_topic(text(topic).into()).with_partitions(partitions)
    });
    encoded(&ConsumerProtocolAssignment::default().with_assigned_partitions(assigned.collect()))
}

/// What this member is given. A leader that left it out gives it nothing.
pub(crate) fn assigned(bytes: &[u8]) -> Result<BTreeSet<TopicPartition>, Unreadable> {
    if bytes.is_empty() {
        return Ok(BTreeSet::new());
    }
    Reader::new(bytes)?.0.partitions()
}

/// Bytes that are no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum Unreadable {
    #[error("it breaks off")]
    BreaksOff,
    #[error("it has version {0}")]
    Version(i16),
    #[error("a count of {0}")]
    Count(i32),
    #[error("a name is no text")]
    Text,
}

/// Reads from the front.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8]) -> Result<(Self, i16), Unreadable> {
        let mut reader = Self(bytes);
        let version = reader.short()?;
        if version < 0 { Err(Unreadable::Version(version)) } else { Ok((reader, version)) }
    }

    fn short(&mut self) -> Result<i16, Unreadable> {
        self.0.try_get_i16().map_err(|_| Unreadable::BreaksOff)
    }

    fn int(&mut self) -> Result<i32, Unreadable> {
        self.0.try_get_i32().map_err(|_| Unreadable::BreaksOff)
    }

    /// How many elements follow, as it is said: nothing is reserved for them.
    fn count(&mut self) -> Result<i32, Unreadable> {
        let count = self.int()?;
        if count < 0 { Err(Unreadable::Count(count)) } else { Ok(count) }
    }

    fn bytes(&mut self, length: i32) -> Result<&'a [u8], Unreadable> {
        let length = usize::try_from(length).map_err(|_| Unreadable::Count(length))?;
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(Unreadable::BreaksOff)?;
        self.0 = rest;
        Ok(bytes)
    }

    fn nullable_bytes(&mut self) -> Result<Option<&'a [u8]>, Unreadable> {
        match self.int()? {
            -1 => Ok(None),
            length => self.bytes(length).map(Some),
        }
    }

    fn text(&mut self) -> Result<&'a str, Unreadable> {
        let length = self.short()?;
        std::str::from_utf8(self.bytes(length.into())?).map_err(|_| Unreadable::Text)
    }

    /// Topics, each with its partitions.
    fn partitions(&mut self) -> Result<BTreeSet<TopicPartition>, Unreadable> {
        let mut partitions = BTreeSet::new();
        for _ in 0..self.count()? {
            let topic: Arc<str> = self.text()?.into();
            for _ in 0..self.count()? {
                partitions.insert(TopicPartition::new(Arc::clone(&topic), self.int()?));
            }
        }
        Ok(partitions)
    }
}

fn encoded(message: &impl Encodable) -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.put_i16(NEWEST);
    message.encode(&mut bytes, NEWEST).expect("the newest version has every field");
    bytes.freeze()
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn places(places: &[(&str, i32)]) -> BTreeSet<TopicPartition> {
        places.iter().map(|(topic, at)| TopicPartition::new(*topic, *at)).collect()
    }

    #[test]
    fn subscriptions_round_trip() {
        let owned = places(&[("t", 0), ("t", 2), ("u", 1)]);
        let bytes = subscription(&["t".into(), "u".into()], &owned, 7);
        let read = subscriber(&bytes).unwrap();
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
        assert_eq!(subscriber(one).unwrap().generation, 9);
        let zero: &[u8] = &[0, 0, 0, 0, 0, 1, 0, 1, b't', 0xff, 0xff, 0xff, 0xff];
        let read = subscriber(zero).unwrap();
        assert_eq!((read.generation, read.owned), (-1, places(&[])));
    }

    #[test]
    fn a_later_version_is_read_as_the_newest_known() {
        let mut bytes = BytesMut::from(&subscription(&["t".into()], &places(&[]), 1)[..]);
        bytes[1] = 9;
        bytes.put_slice(b"and more");
        assert_eq!(subscriber(&bytes).unwrap().generation, 1);
    }

    #[test]
    fn assignments_round_trip_and_may_be_left_out() {
        let given = places(&[("t", 3), ("u", 0)]);
        assert_eq!(assigned(&assignment(&given)).unwrap(), given);
        assert_eq!(assigned(&[]).unwrap(), places(&[]));
    }

    #[test]
    fn what_is_no_message_is_an_error() {
        let breaks_off: [&[u8]; 4] = [
            &[0],
            &[0, 1, 0, 0, 0, 200],
            // What a codec would reserve 64 GiB for.
            &[0, 3, 0x7f, 0xff, 0xff, 0xff],
            &[0, 3, 0, 0, 0, 1, 0, 1, b't', 0x7f, 0xff, 0xff, 0xff],
        ];
        for bytes in breaks_off {
            assert_eq!(subscriber(bytes), Err(Unreadable::BreaksOff), "{bytes:?}");
            assert_eq!(assigned(bytes), Err(Unreadable::BreaksOff), "{bytes:?}");
        }
        let newer = [0xff, 0xff, 0, 0];
        assert_eq!(assigned(&newer), Err(Unreadable::Version(-1)));
        assert_eq!(subscriber(&[0, 0, 0xff, 0xff, 0xff, 0xff]), Err(Unreadable::Count(-1)));
        assert_eq!(assigned(&[0, 0, 0, 0, 0, 1, 0, 1, 0xff]), Err(Unreadable::Text));
    }

    #[test]
    fn what_others_wrote_is_read() {
        let topics = b"\0\0\0\0\0\x02\0\x01a\0\x02bc\xff\xff\xff\xff";
        let read = subscriber(topics).unwrap();
        assert_eq!(read.topics, BTreeSet::from(["a".into(), "bc".into()]));
        let orders = b"\0\x01\0\0\0\x01\0\x06orders\0\0\0\x02\0\0\0\x01\0\0\0\x05\xff\xff\xff\xff";
        assert_eq!(assigned(orders), Ok(places(&[("orders", 1), ("orders", 5)])));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_message_or_an_error_for_memory_in_proportion(
            mut bytes in prop::collection::vec(
                prop_oneof![4 => Just(0), 1 => 0..4_u8, 1 => any::<u8>()],
                2..400,
            ),
            version in 0..4_u8,
        ) {
            bytes[..2].copy_from_slice(&[0, version]);
            let taken = allocation_counter::measure(|| {
                let _ = (subscriber(&bytes), assigned(&bytes));
            });
            prop_assert!(taken.bytes_max <= 64 * bytes.len() as u64 + 4_096, "{}", taken.bytes_max);
        }
    }
}
