//! What is known of the dead letters of a topic, whatever stands on its dead-letter topic.

use std::time::Duration;

use comptoir_domain::dead_letters::{Counts, Found, LetterState, Letters, Place};
use comptoir_domain::port::bus::Bounds;
use comptoir_domain::port::codec::{DeadLetter, DeadRecord, Replay, StoredLetter};
use comptoir_domain::record::{Position, Record};
use comptoir_domain::time::Timestamp;
use comptoir_domain::topic::{GroupId, Offset, Partition, Topic, TopicPartition};
use proptest::prelude::*;
use uuid::Uuid;

use crate::sample::NOW;

const LOG: Option<Uuid> = Some(Uuid::from_u128(1));

fn topic(name: &str) -> Topic {
    Topic::try_from(name).unwrap()
}

fn source(topic_name: &str, offset: u64) -> Position {
    let at = TopicPartition { topic: topic(topic_name), partition: Partition(0) };
    Position { at, offset: Offset(offset) }
}

fn later(seconds: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(seconds))
}

/// A letter of the record that stood at that offset of `stock`.
fn letter(offset: u64) -> DeadRecord {
    let letter = DeadLetter {
        reason: "it could not be handled".to_owned(),
        attempts: 5,
        source: source("stock", offset),
        group: GroupId::try_from("payments-service").unwrap(),
        time: NOW,
    };
    let original = Record::default();
    DeadRecord::Letter(StoredLetter { letter, original, replays: 0, cut_from: None })
}

fn cut(offset: u64) -> DeadRecord {
    match letter(offset) {
        DeadRecord::Letter(stored) => {
            DeadRecord::Letter(StoredLetter { cut_from: Some(7), ..stored })
        }
        note @ DeadRecord::Replayed(_) => note,
    }
}

/// That it stands at `to` now.
fn replay(offset: u64, to: u64) -> Replay {
    Replay { source: source("stock", offset), to: source("stock", to), time: later(to) }
}

fn note(offset: u64, to: u64) -> DeadRecord {
    DeadRecord::Replayed(replay(offset, to))
}

fn place(seconds: u64, partition: u32, offset: u64) -> Place {
    Place { time: later(seconds), partition: Partition(partition), offset: Offset(offset) }
}

/// Everything in partition 0, a second apart.
fn read(records: impl IntoIterator<Item = DeadRecord>) -> Letters {
    let mut letters = Letters::new(topic("stock"), 100);
    letters.go_on_in(LOG, &[]);
    for (n, record) in (0..).zip(records) {
        letters.take_in(place(n, 0, n), Some(record));
    }
    letters
}

fn all(letters: &Letters) -> Vec<Found> {
    letters.newest_first(None).collect()
}

#[test]
fn a_letter_is_open_replayed_or_cut() {
    let open = LetterState::Open;
    let back = LetterState::Replayed(replay(3, 9));
    for (records, state, copies) in [
        (vec![letter(3)], &open, 1),
        (vec![letter(3), letter(3)], &open, 2),
        (vec![letter(3), note(3, 9)], &back, 1),
        // A crash before the commit of the source makes a copy, whatever happened meanwhile.
        (vec![letter(3), note(3, 9), letter(3)], &back, 2),
        // Without a key the two stand in different partitions.
        (vec![note(3, 9), letter(3)], &back, 1),
        (vec![letter(3), note(3, 8), note(3, 9)], &back, 1),
        (vec![letter(3), note(3, 9), note(3, 8)], &back, 1),
        (vec![cut(3)], &LetterState::Cut, 1),
        (vec![letter(3), cut(3)], &LetterState::Cut, 2),
        (vec![cut(3), letter(3)], &open, 2),
    ] {
        let newest = records.iter().rposition(|record| matches!(record, DeadRecord::Letter(_)));
        let newest = newest.unwrap() as u64;
        let found = Found { place: place(newest, 0, newest), state: state.clone(), copies };
        let letters = read(records.clone());
        assert_eq!(all(&letters), std::slice::from_ref(&found), "{records:?}");
        assert_eq!(letters.of(&source("stock", 3)), Some(found), "{records:?}");
        assert_eq!(letters.open(..).count(), usize::from(*state == open), "{records:?}");
    }
}

#[test]
fn a_note_without_its_letter_is_none() {
    let letters = read([note(3, 9)]);
    assert_eq!(all(&letters), []);
    assert_eq!(letters.counts(), Counts::default());
    assert_eq!(letters.of(&source("stock", 3)), None);
}

#[test]
fn letters_come_newest_first_and_go_back_oldest_first() {
    let letters = read([letter(3), letter(1), note(1, 9), cut(4), letter(2)]);
    let offsets = |found: Vec<Found>| found.iter().map(|f| f.place.offset.0).collect::<Vec<_>>();
    assert_eq!(offsets(all(&letters)), [4, 3, 1, 0]);
    assert_eq!(offsets(letters.newest_first(Some(place(3, 0, 3))).collect()), [1, 0]);
    assert_eq!(offsets(letters.open(..).collect()), [0, 4]);
    assert_eq!(offsets(letters.open(place(0, 0, 1)..).collect()), [4]);
    assert_eq!(offsets(letters.open(..=place(3, 0, 3)).collect()), [0]);
    assert_eq!(letters.newest(), Some(place(4, 0, 4)));
    assert_eq!(letters.counts(), Counts { open: 2, replayed: 1, cut: 1 });
}

#[test]
fn what_is_of_another_topic_or_of_nobody_is_strange() {
    let mut letters = read([letter(3)]);
    let DeadRecord::Letter(mut other) = letter(4) else { unreachable!("it is a letter") };
    other.letter.source = source("logs", 4);
    let other_note = Replay { source: source("logs", 3), ..replay(3, 9) };
    for (n, says) in
        (1..).zip([None, Some(DeadRecord::Letter(other)), Some(DeadRecord::Replayed(other_note))])
    {
        letters.take_in(place(n, 0, n), says);
    }
    assert_eq!((letters.strange(), letters.counts().open), (3, 1));
    assert_eq!(letters.of(&source("logs", 3)), None);
    assert_eq!(letters.next_of(Partition(0)), Offset(4), "they are not read again");
}

fn bounds(earliest: u64, next: u64) -> Bounds {
    Bounds { earliest: Offset(earliest), next: Offset(next) }
}

#[test]
fn what_retention_removed_is_forgotten_and_not_read() {
    let mut letters = read([letter(1), letter(2), letter(1), note(2, 9)]);
    letters.keep_within(&[bounds(2, 4)]);
    let left = all(&letters);
    assert_eq!(left.len(), 1);
    assert_eq!((left[0].place.offset, left[0].copies), (Offset(2), 2));
    assert_eq!(letters.unread(&[bounds(2, 10), bounds(5, 8)]), 6 + 8, "as far as it knows");
    letters.keep_within(&[bounds(6, 10), bounds(5, 8)]);
    assert_eq!(all(&letters), []);
    assert_eq!(letters.next_of(Partition(1)), Offset(5));
    assert_eq!(letters.unread(&[bounds(6, 10), bounds(5, 8)]), 4 + 3);
}

#[test]
fn a_topic_that_was_made_anew_is_read_from_its_beginning() {
    for (log, bounds) in [
        (Some(Uuid::from_u128(2)), vec![bounds(0, 1)]),
        (LOG, vec![bounds(0, 0)]),
        (LOG, vec![]),
        (None, vec![bounds(0, 1)]),
    ] {
        let mut letters = read([letter(1)]);
        letters.go_on_in(LOG, &[self::bounds(0, 1)]);
        assert_eq!(letters.counts().open, 1);
        letters.go_on_in(log, &bounds);
        assert_eq!(letters.counts(), Counts::default(), "{log:?} {bounds:?}");
        assert_eq!(letters.next_of(Partition(0)), Offset::ZERO);
    }
}

#[test]
fn beyond_the_limit_the_oldest_are_left_out() {
    let mut letters = Letters::new(topic("stock"), 2);
    for n in 0..5 {
        letters.take_in(place(n, 0, n), Some(letter(n)));
    }
    assert_eq!((letters.left_out(), letters.counts().open), (3, 2));
    assert_eq!(all(&letters)[1].place, place(3, 0, 3));
}

proptest! {
    /// Partitions are read one after the other, so nothing may depend on what came first.
    #[test]
    fn the_order_of_reading_does_not_matter(
        records in prop::collection::vec((0_u64..4, 0_u8..3, 0_u64..3), 0..20)
            .prop_map(|kinds| (0..).zip(kinds).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let says = |offset, kind, to| match kind {
            0 => letter(offset),
            1 => cut(offset),
            _ => note(offset, to),
        };
        let mut shuffled = Letters::new(topic("stock"), 100);
        for &(n, (offset, kind, to)) in &records {
            // A partition each, since within one the order is given.
            let at = u32::try_from(n).unwrap();
            shuffled.take_in(place(n, at, 0), Some(says(offset, kind, to)));
        }
        let mut sorted = records;
        sorted.sort_unstable();
        let mut in_order = Letters::new(topic("stock"), 100);
        for (n, (offset, kind, to)) in sorted {
            let at = u32::try_from(n).unwrap();
            in_order.take_in(place(n, at, 0), Some(says(offset, kind, to)));
        }
        prop_assert_eq!(all(&shuffled), all(&in_order));
        prop_assert_eq!(shuffled.counts(), in_order.counts());
        let Counts { open, replayed, cut } = shuffled.counts();
        prop_assert_eq!(all(&shuffled).len() as u64, open + replayed + cut);
    }
}
