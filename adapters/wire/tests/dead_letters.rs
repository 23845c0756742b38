//! A dead letter is the record as it was, with an account of why it is there.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use comptoir_domain::port::codec::{DeadLetter, DeadRecord, EventCodec, Replay};
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

fn header(record: &Record, name: &str) -> usize {
    record.headers.iter().position(|(own, _)| own == name).unwrap()
}

#[test]
fn an_account_that_is_damaged_is_no_dead_letter() {
    for (name, bad) in [
        ("dlq-attempts", &b"five"[..]),
        ("dlq-attempts", b"-1"),
        ("dlq-topic", b"not a topic"),
        ("dlq-topic", b""),
        ("dlq-partition", b"99999999999"),
        ("dlq-offset", b"\xff"),
        ("dlq-time", b"yesterday"),
        ("dlq-group", b""),
        ("dlq-truncated", b"much"),
    ] {
        let mut dead = CloudEventsJson::dead_letter_cut(&original(), &letter(5), 3);
        let n = header(&dead, name);
        dead.headers[n].1 = bad.to_vec();
        assert!(CloudEventsJson::read_dead(&dead).is_err(), "{name}");
    }
    for name in ["dlq-topic", "dlq-time", "dlq-replayed"] {
        let source = letter(5).source;
        let replay = Replay { to: source.clone(), source, time: letter(5).time };
        let mut note = CloudEventsJson::replay_note(None, &replay);
        let n = header(&note, name);
        note.headers[n].1 = b"no/such".to_vec();
        assert!(CloudEventsJson::read_dead(&note).is_err(), "{name}");
    }
}

#[test]
fn a_note_and_a_record_that_was_put_back_say_so_in_headers() {
    let letter = CloudEventsJson::dead_letter(&original(), &letter(5));
    let Ok(DeadRecord::Letter(stored)) = CloudEventsJson::read_dead(&letter) else {
        panic!("{letter:?}");
    };
    let back = CloudEventsJson::replayed(&stored, Timestamp::from_millis(2));
    let (count, own) = back.headers.split_last().unwrap();
    assert_eq!(own, original().headers);
    assert_eq!(*count, ("dlq-replays".to_owned(), b"1".to_vec()));

    let at = TopicPartition { partition: Partition(1), ..stored.letter.source.at.clone() };
    let replay = Replay {
        source: stored.letter.source,
        to: Position { at, offset: Offset(40) },
        time: Timestamp::from_millis(1_770_091_506_007),
    };
    let note = CloudEventsJson::replay_note(Some(b"k"), &replay);
    let told: Vec<_> = note
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), std::str::from_utf8(value).unwrap()))
        .collect();
    assert_eq!(
        told,
        [
            ("dlq-topic", "t1-inventories"),
            ("dlq-partition", "2"),
            ("dlq-offset", "17"),
            ("dlq-time", "2026-02-03T04:05:06.007Z"),
            ("dlq-replayed", "1:40"),
        ]
    );
    assert_eq!((note.key, note.value), (Some(b"k".to_vec()), Some(Vec::new())));
}
