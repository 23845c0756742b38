//! Appending.

use std::collections::BTreeMap;

use comptoir_domain::port::bus::{
    BusError, ConsumerGroups, LogAdmin, LogReader, MAX_RECORD_BYTES, Publisher,
};
use comptoir_domain::record::{Outgoing, Record};
use comptoir_domain::time::Timestamp;
use comptoir_domain::topic::{Offset, Topic, partition_for};
use tokio::task::JoinSet;

use super::desk::{ALL, desk, numbers, record, value, values};
use crate::contract::{BusHarness, Log};

/// Records of one key stay in order, within a call and from call to call.
pub async fn records_of_a_key_keep_their_order(h: &impl BusHarness) {
    let desk = desk(h, 3).await;
    let keys = ["a", "b", "c", "d", "e"];
    for call in 0..10 {
        let records = (0..20).map(|n| record(Some(keys[n % 5]), &(call * 20 + n).to_string()));
        desk.publish(records).await;
    }
    let mut by_key: BTreeMap<Vec<u8>, Vec<usize>> = BTreeMap::new();
    for partition in 0..3 {
        for stored in desk.read(partition).await {
            let number = value(&stored).parse().unwrap();
            by_key.entry(stored.record.key.unwrap()).or_default().push(number);
        }
    }
    for (at, key) in keys.iter().enumerate() {
        let expected: Vec<_> = (0..200).filter(|n| n % 5 == at).collect();
        assert_eq!(by_key[key.as_bytes()], expected, "the records of {key}");
    }
}

/// Every log puts a key where Kafka's Java client would.
pub async fn a_key_has_its_partition(h: &impl BusHarness) {
    let desk = desk(h, 7).await;
    let keys: Vec<_> = (0..50).map(|n| format!("payment-{n}")).collect();
    let places = desk.publish(keys.iter().map(|key| record(Some(key), key))).await;
    for (key, place) in keys.iter().zip(places) {
        assert_eq!(place.at.partition, partition_for(key.as_bytes(), 7), "{key}");
        let stored = desk.read(place.at.partition.0).await;
        assert!(values(&stored).contains(key), "{key} is not at {place:?}");
    }
}

/// Records without a key arrive, wherever.
pub async fn records_without_a_key_all_arrive(h: &impl BusHarness) {
    let desk = desk(h, 3).await;
    desk.publish((0..30).map(|n| record(None, &n.to_string()))).await;
    let mut found = Vec::new();
    for partition in 0..3 {
        found.extend(values(&desk.read(partition).await));
    }
    found.sort_by_key(|text| text.parse::<usize>().unwrap());
    assert_eq!(found, numbers(0..30));
}

/// Offsets begin at 0 and leave none out.
pub async fn offsets_are_contiguous_from_zero(h: &impl BusHarness) {
    let desk = desk(h, 1).await;
    let mut given = Vec::new();
    for size in [1, 7, 2] {
        let places = desk.publish((0..size).map(|n| record(Some("k"), &n.to_string()))).await;
        given.extend(places.into_iter().map(|place| place.offset));
    }
    let expected: Vec<_> = (0..10).map(Offset).collect();
    assert_eq!(given, expected);
    let read: Vec<_> = desk.read(0).await.iter().map(|stored| stored.offset).collect();
    assert_eq!(read, expected);
}

/// The answer names each record's place, in the order of the records, over several topics.
pub async fn the_answer_says_where_each_record_is(h: &impl BusHarness) {
    let desk = desk(h, 3).await;
    let other = h.topic("contract-other");
    desk.create(&other).await;
    let topics = [&desk.topic, &other];
    let outgoing: Vec<_> = (0..20)
        .map(|n| Outgoing {
            topic: topics[n % 2].clone(),
            record: record(Some(&format!("k{n}")), &n.to_string()),
        })
        .collect();
    let places = desk.log.publisher().publish(outgoing.clone()).await.unwrap();
    assert_eq!(places.len(), outgoing.len());
    for (sent, place) in outgoing.iter().zip(places) {
        assert_eq!(place.at.topic, sent.topic);
        let read = desk.log.reader().read(&place.at, place.offset, ALL).await.unwrap();
        assert_eq!((read[0].offset, &read[0].record), (place.offset, &sent.record));
    }
}

/// Many may append at once: all arrives, and each caller's records stay in order.
pub async fn publishing_at_once_loses_nothing(h: &impl BusHarness) {
    let desk = desk(h, 1).await;
    let mut publishing = JoinSet::new();
    for caller in 0..20 {
        let (publisher, topic) = (desk.log.publisher(), desk.topic.clone());
        publishing.spawn(async move {
            for n in 0..10 {
                let outgoing = Outgoing {
                    topic: topic.clone(),
                    record: record(Some(&format!("caller-{caller}")), &n.to_string()),
                };
                publisher.publish(vec![outgoing]).await.unwrap();
            }
        });
    }
    publishing.join_all().await;
    let stored = desk.read(0).await;
    assert_eq!(stored.len(), 200);
    assert!(stored.iter().map(|stored| stored.offset).eq((0..200).map(Offset)));
    for caller in 0..20 {
        let key = format!("caller-{caller}").into_bytes();
        let mut own = stored.clone();
        own.retain(|stored| stored.record.key.as_ref() == Some(&key));
        assert_eq!(values(&own), numbers(0..10), "of caller {caller}");
    }
}

/// Keys, values, headers and times come back as they were, absent and empty ones told apart.
pub async fn records_are_kept_whole(h: &impl BusHarness) {
    let desk = desk(h, 1).await;
    let header = |name: &str, value: &[u8]| (name.to_owned(), value.to_vec());
    let plain = record(Some("k"), "v");
    let sent = vec![
        plain.clone(),
        Record { key: None, ..plain.clone() },
        Record { key: Some(Vec::new()), ..plain.clone() },
        Record { value: None, ..plain.clone() },
        Record { value: Some(Vec::new()), ..plain.clone() },
        Record { value: Some((0..=255).collect()), ..plain.clone() },
        Record { time: Timestamp::from_millis(0), ..plain.clone() },
        Record {
            headers: vec![
                header("b", b"1"),
                header("a", &[0, 255]),
                header("b", b""),
                header("ümlaut", b"x"),
            ],
            ..plain
        },
    ];
    desk.publish(sent.clone()).await;
    let read: Vec<_> = desk.read(0).await.into_iter().map(|stored| stored.record).collect();
    assert_eq!(read, sent);
}

fn large(topic: &Topic, bytes: usize) -> Outgoing {
    Outgoing {
        topic: topic.clone(),
        record: Record { value: Some(vec![7; bytes - 1]), ..record(Some("k"), "") },
    }
}

/// A record of exactly the largest size fits.
pub async fn a_record_of_the_largest_size_fits(h: &impl BusHarness) {
    let desk = desk(h, 1).await;
    let sent = large(&desk.topic, MAX_RECORD_BYTES);
    assert_eq!(sent.record.size(), MAX_RECORD_BYTES);
    desk.publish([sent.record.clone()]).await;
    assert_eq!(desk.read(0).await[0].record, sent.record);
}

/// A larger one never will, and is told so; the log goes on.
pub async fn a_larger_record_is_refused(h: &impl BusHarness) {
    let desk = desk(h, 1).await;
    let sent = large(&desk.topic, MAX_RECORD_BYTES + 1);
    let refused = desk.log.publisher().publish(vec![sent]).await;
    let limits = (MAX_RECORD_BYTES + 1, MAX_RECORD_BYTES);
    match refused {
        Err(BusError::TooLarge { bytes, limit }) => assert_eq!((bytes, limit), limits),
        other => panic!("a record of {} bytes got {other:?}", limits.0),
    }
    desk.publish([record(Some("k"), "next")]).await;
    assert_eq!(values(&desk.read(0).await), ["next"]);
}

/// A dead-letter topic takes twice as much, so that a full record fits there with its reasons.
pub async fn dead_letters_take_twice_as_much(h: &impl BusHarness) {
    let desk = desk(h, 1).await;
    let dead = desk.topic.dead_letters();
    desk.create(&dead).await;
    let publisher = desk.log.publisher();
    let fits = publisher.publish(vec![large(&dead, 2 * MAX_RECORD_BYTES)]).await;
    assert!(fits.is_ok(), "got {fits:?}");
    let refused = publisher.publish(vec![large(&dead, 3 * MAX_RECORD_BYTES)]).await;
    assert!(matches!(refused, Err(BusError::TooLarge { .. })), "got {refused:?}");
}

/// A topic must be created before it is used, by whomever.
pub async fn an_unknown_topic_is_refused(h: &impl BusHarness) {
    let desk = desk(h, 2).await;
    let topic = h.topic("contract-unknown");
    let outgoing = Outgoing { topic: topic.clone(), record: record(Some("k"), "v") };
    let published = desk.log.publisher().publish(vec![outgoing]).await;
    assert!(matches!(published, Err(BusError::UnknownTopic { .. })), "got {published:?}");
    let id = desk.log.admin().log_id(&topic).await;
    assert!(matches!(id, Err(BusError::UnknownTopic { .. })), "got {id:?}");
    let reader = desk.log.reader();
    let bounds = reader.bounds(&topic).await;
    assert!(matches!(bounds, Err(BusError::UnknownTopic { .. })), "got {bounds:?}");
    let read = reader.read(&desk.at(2), Offset::ZERO, ALL).await;
    assert!(matches!(read, Err(BusError::UnknownTopic { .. })), "got {read:?}");
    let joined = desk.log.groups().join(&desk.group, &[topic]).await.err();
    assert!(matches!(joined, Some(BusError::UnknownTopic { .. })), "got {joined:?}");
}

/// Nothing to append is no error.
pub async fn publishing_nothing_is_no_error(h: &impl BusHarness) {
    let desk = desk(h, 1).await;
    assert_eq!(desk.publish([]).await, []);
    assert_eq!(desk.read(0).await, []);
}
