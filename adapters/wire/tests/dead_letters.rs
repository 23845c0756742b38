//! A dead letter is the record as it was, with an account of why it is there.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use comptoir_domain::port::codec::{DeadLetter, EventCodec};
use comptoir_domain::record::{Position, Record};
use comptoir_domain::time::Timestamp;
use comptoir_domain::topic::{GroupId, Offset, Partition, Topic, TopicPartition};
use comptoir_wire::{CloudEventsJson, headers};

fn original() -> Record {
    Record {
        key: Some(vec![0, 0xff]),
        value: Some(b"\xff not an event".to_vec()),
        headers: vec![
            ("a".to_owned(), vec![0xfe]),
            ("a".to_owned(), b"again".to_vec()),
            (String::new(), Vec::new()),
        ],
        time: Timestamp::from_millis(1),
    }
}

fn letter(attempts: u32) -> DeadLetter {
    let topic = Topic::try_from("t1-inventories").unwrap();
    DeadLetter {
        reason: "two\nlines".to_owned(),
        attempts,
        source: Position {
            at: TopicPartition { topic, partition: Partition(2) },
            offset: Offset(17),
        },
        group: GroupId::try_from("t1-inventories-service").unwrap(),
        time: Timestamp::from_millis(1_770_091_506_007),
    }
}

#[test]
fn a_dead_letter_is_the_original_and_its_account() {
    let original = original();
    let dead = CloudEventsJson::dead_letter(&original, &letter(5));
    assert_eq!(dead.key, original.key);
    assert_eq!(dead.value, original.value);
    let (own, account) = dead.headers.split_at(original.headers.len());
    assert_eq!(own, original.headers);
    let account: Vec<_> = account
        .iter()
        .map(|(name, value)| (name.as_str(), std::str::from_utf8(value).unwrap()))
        .collect();
    assert_eq!(
        account,
        [
            ("dlq-reason", "two lines"),
            ("dlq-attempts", "5"),
            ("dlq-topic", "t1-inventories"),
            ("dlq-partition", "2"),
            ("dlq-offset", "17"),
            ("dlq-time", "2026-02-03T04:05:06.007Z"),
            ("dlq-group", "t1-inventories-service"),
        ]
    );
    assert_eq!(dead.time, letter(5).time);
}

#[test]
fn a_second_death_tells_only_of_itself() {
    let first = CloudEventsJson::dead_letter_cut(&original(), &letter(5), 100);
    let second = CloudEventsJson::dead_letter(&first, &letter(0));
    let attempts = second.header(headers::DLQ_ATTEMPTS);
    assert_eq!(attempts, Some(&b"0"[..]));
    assert_eq!(second.headers.len(), original().headers.len() + 7);
}

#[test]
fn a_cut_value_says_how_long_it_was() {
    let cut = CloudEventsJson::dead_letter_cut(&original(), &letter(5), 3);
    assert_eq!(cut.value.as_deref(), Some(&b"\xff n"[..]));
    assert_eq!(cut.header(headers::DLQ_TRUNCATED), Some(&b"14"[..]));
    let tombstone = Record { value: None, ..original() };
    let cut = CloudEventsJson::dead_letter_cut(&tombstone, &letter(5), 3);
    assert_eq!(cut.value, None);
}

#[test]
fn a_reason_is_bounded() {
    let letter = DeadLetter { reason: "x".repeat(1_000_000), ..letter(1) };
    assert!(CloudEventsJson::dead_letter(&original(), &letter).size() < 2_000);
}
