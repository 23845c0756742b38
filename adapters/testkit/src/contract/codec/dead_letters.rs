//! Dead letters and the notes that they were put back.

use std::time::Duration;

use comptoir_domain::port::codec::{DeadLetter, DeadRecord, EventCodec, Replay, StoredLetter};
use comptoir_domain::record::{Position, Record};
use comptoir_domain::topic::{GroupId, Offset, Partition, Topic, TopicPartition};

use crate::builders::{THEN, an_envelope};

fn letter() -> DeadLetter {
    DeadLetter {
        reason: "it could not be handled: ü".to_owned(),
        attempts: 5,
        source: Position {
            at: TopicPartition {
                topic: Topic::try_from("stock").unwrap(),
                partition: Partition(2),
            },
            offset: Offset(1 << 40),
        },
        group: GroupId::try_from("payments-service").unwrap(),
        time: THEN,
    }
}

fn originals() -> [Record; 3] {
    let full = Record {
        key: Some(vec![0, 255]),
        value: Some((0..=255).collect()),
        headers: vec![("a".to_owned(), vec![0xff]), ("a".to_owned(), vec![])],
        time: THEN,
    };
    [
        Record { value: None, ..full.clone() },
        Record { key: None, headers: vec![], ..full.clone() },
        full,
    ]
}

/// A dead letter has key, value and headers of the original byte for byte, and more headers.
pub fn a_dead_letter_keeps_the_original<C: EventCodec>() {
    for original in originals() {
        let dead = C::dead_letter(&original, &letter());
        assert_eq!((&dead.key, &dead.value), (&original.key, &original.value));
        let kept = original.headers.len();
        assert_eq!(dead.headers[..kept], original.headers);
        assert!(dead.headers.len() > kept, "it says why");
    }
}

/// A dead letter of an event is still that event.
pub fn a_dead_letter_can_be_read<C: EventCodec>() {
    let envelope = an_envelope().build();
    let dead = C::dead_letter(&C::encode(&envelope, Some(b"k")), &letter());
    assert_eq!(C::decode(&dead).unwrap(), envelope);
}

/// A cut one has the value's beginning only, and is told apart from a whole one.
pub fn a_cut_dead_letter_is_marked<C: EventCodec>() {
    for original in originals() {
        for bytes in [0, 100] {
            let cut = C::dead_letter_cut(&original, &letter(), bytes);
            let beginning = original.value.as_ref().map(|value| value[..bytes].to_vec());
            assert_eq!((&cut.key, &cut.value), (&original.key, &beginning));
            assert_ne!(cut.headers, C::dead_letter(&original, &letter()).headers);
        }
    }
}

/// What a dead letter's record says, as it is read back.
fn stored<C: EventCodec>(record: &Record) -> StoredLetter {
    match C::read_dead(record) {
        Ok(DeadRecord::Letter(stored)) => stored,
        other => panic!("{record:?} was read as {other:?}"),
    }
}

/// A dead letter is read back with its account, and with the original as it was.
pub fn a_dead_letter_comes_back<C: EventCodec>() {
    for original in originals() {
        let letter = DeadLetter { time: THEN.plus(Duration::from_millis(1)), ..letter() };
        let expected = StoredLetter {
            original: Record { time: letter.time, ..original.clone() },
            replays: 0,
            cut_from: None,
            letter: letter.clone(),
        };
        assert_eq!(stored::<C>(&C::dead_letter(&original, &letter)), expected);
    }
}

/// Of a cut one it is known how long the value was.
pub fn a_cut_dead_letter_comes_back_as_cut<C: EventCodec>() {
    for original in originals() {
        let length = original.value.as_ref().map_or(0, |value| value.len() as u64);
        let cut = stored::<C>(&C::dead_letter_cut(&original, &letter(), 3));
        assert_eq!((cut.cut_from, &cut.letter), (Some(length), &letter()));
        assert_eq!(cut.original.headers, original.headers);
    }
}

/// A record that was put back has what the original had, and dies again as the same one; how often it
/// was put back is counted.
pub fn a_record_that_dies_again_is_the_same_and_counted<C: EventCodec>() {
    for original in originals() {
        let mut replayed = original.clone();
        for replays in 0..12 {
            let letter = DeadLetter { attempts: replays, ..letter() };
            let stored = stored::<C>(&C::dead_letter(&replayed, &letter));
            assert_eq!((stored.replays, &stored.letter), (replays, &letter));
            assert_eq!(stored.original, Record { time: letter.time, ..original.clone() });
            let later = letter.time.plus(Duration::from_secs(1));
            replayed = C::replayed(&stored, later);
            assert_eq!(replayed.time, later, "retention counts from then");
            assert_eq!((&replayed.key, &replayed.value), (&original.key, &original.value));
            assert_eq!(replayed.headers[..original.headers.len()], original.headers);
        }
    }
}

/// A letter that another tool put back with all its headers is not taken for the one before.
pub fn only_the_latest_account_counts<C: EventCodec>() {
    let first = C::dead_letter_cut(&originals()[2], &letter(), 100);
    let note = C::replay_note(None, &replay());
    for before in [first, note] {
        let latest = DeadLetter { attempts: 2, reason: "another".to_owned(), ..letter() };
        let again = stored::<C>(&C::dead_letter(&before, &latest));
        assert_eq!((again.letter, again.cut_from), (latest, None));
    }
}

fn replay() -> Replay {
    let source = letter().source;
    let at = TopicPartition { partition: Partition(0), ..source.at.clone() };
    Replay { to: Position { at, offset: Offset(1 << 41) }, source, time: THEN }
}

/// A note has the letter's key, so that it stands behind it, and is read back.
pub fn a_replay_note_comes_back<C: EventCodec>() {
    for key in [None, Some(&b""[..]), Some(&[0, 255])] {
        let note = C::replay_note(key, &replay());
        assert_eq!((note.key.as_deref(), note.time), (key, THEN));
        assert_eq!(C::read_dead(&note), Ok(DeadRecord::Replayed(replay())));
    }
}

/// What somebody else put there is no dead letter, and never panics.
pub fn what_is_no_dead_letter_is_told_apart<C: EventCodec>() {
    let event = C::encode(&an_envelope().build(), None);
    let letter = C::dead_letter(&event, &letter());
    let cut = C::dead_letter_cut(&event, &self::letter(), 1);
    let note = C::replay_note(None, &replay());
    let mut others = vec![event, Record::default()];
    for whole in [letter, cut, note] {
        assert!(C::read_dead(&whole).is_ok());
        // The reason may be any text; whatever else is broken is noticed, or was not of the account.
        for n in 0..whole.headers.len() {
            let mut without = whole.clone();
            without.headers.remove(n);
            let _ = C::read_dead(&without);
            let mut broken = whole.clone();
            broken.headers[n].1 = vec![0xff];
            let _ = C::read_dead(&broken);
        }
        let mut reversed = whole;
        reversed.headers.reverse();
        others.push(reversed);
    }
    for other in others {
        assert!(C::read_dead(&other).is_err(), "{other:?}");
    }
}
