//! The contract of codecs, as far as it can be told without knowing the format.

use std::collections::BTreeMap;
use std::time::Duration;

use comptoir_domain::envelope::Envelope;
use comptoir_domain::event::{
    Event, PaymentRejected, PaymentTerms, StockMoved, StockRefused, StockRejected,
};
use comptoir_domain::log_entry::{FieldValue, Level, LogEntry};
use comptoir_domain::port::codec::{DeadLetter, DeadRecord, EventCodec, Replay, StoredLetter};
use comptoir_domain::record::{Position, Record};
use comptoir_domain::stock::Quantity;
use comptoir_domain::time::Timestamp;
use comptoir_domain::topic::{GroupId, Offset, Partition, Topic, TopicPartition};

use crate::builders::{THEN, a_payment, a_sku, a_user, an_envelope};

fn terms() -> [PaymentTerms; 2] {
    let payments = [
        a_payment().owned_by(a_user().build().id).of(1_000, "a \"rare\" / ünusual one"),
        a_payment().of(1, "m").costing(1, "XTS"),
    ];
    payments.map(|payment| match payment.build().requested() {
        Event::PaymentRequested(terms) => terms,
        other => unreachable!("a request is no {other:?}"),
    })
}

fn line() -> LogEntry {
    LogEntry {
        level: Level::Error,
        message: "two\nlines, \"quotes\" and ü".to_owned(),
        fields: BTreeMap::from([
            ("text".to_owned(), FieldValue::Text(String::new())),
            ("least".to_owned(), FieldValue::Integer(i64::MIN)),
            ("most".to_owned(), FieldValue::Integer(i64::MAX)),
        ]),
        ..LogEntry::of(&an_envelope().build())
    }
}

/// At least one of every kind, with every reason.
fn events() -> Vec<Event> {
    let user = a_user().named("Żółw").build();
    let mut events = vec![user.registered(), user.logged_in(), Event::LogWritten(line())];
    for terms in terms() {
        let moved = StockMoved {
            payment: terms.payment,
            sku: a_sku("mug ü"),
            quantity: Quantity::to_receive(1_000_000).unwrap(),
        };
        for reason in [StockRefused::OutOfStock, StockRefused::UnknownSku] {
            let terms = terms.clone();
            events.push(Event::PaymentRejected(PaymentRejected { terms, reason }));
            let asked = moved.clone();
            events.push(Event::StockRejected(StockRejected { asked, reason }));
        }
        events.extend([
            Event::PaymentRequested(terms.clone()),
            Event::PaymentConfirmed(terms.clone()),
            Event::PaymentExpired(terms.clone()),
            Event::PaymentRefunded(terms),
            Event::StockReserved(moved.clone()),
            Event::StockReleased(moved),
        ]);
    }
    events
}

fn round_trip<C: EventCodec>(envelope: &Envelope) {
    let record = C::encode(envelope, Some(b"key"));
    assert_eq!(C::decode(&record).unwrap(), *envelope);
}

/// Every event comes back as it was.
pub fn every_event_comes_back<C: EventCodec>() {
    for event in events() {
        round_trip::<C>(&an_envelope().of(event).build());
    }
}

/// What an envelope need not have may be absent, and is absent again.
pub fn every_attribute_comes_back<C: EventCodec>() {
    let cause = an_envelope().build().id;
    round_trip::<C>(&an_envelope().caused_by(Some(cause)).build());
    round_trip::<C>(&an_envelope().about(None).build());
    round_trip::<C>(&an_envelope().in_story(None).build());
    round_trip::<C>(&an_envelope().received(None).build());
    round_trip::<C>(&an_envelope().received(Some(Timestamp::from_millis(1))).build());
    round_trip::<C>(&an_envelope().at(Timestamp::from_millis(0)).build());
    round_trip::<C>(&an_envelope().at(Timestamp::from_millis(1_767_225_600_999)).build());
    round_trip::<C>(&an_envelope().from_source("/somebody/else?x=ü").build());
    round_trip::<C>(&an_envelope().identified("any text \"ü\"").build());
}

/// Of an event of others the envelope is read.
pub fn a_foreign_event_keeps_its_envelope<C: EventCodec>() {
    round_trip::<C>(&an_envelope().of_foreign("com.example.something.v9").build());
}

/// The record has the key it is given and the event's time.
pub fn a_record_has_key_and_time<C: EventCodec>() {
    let envelope = an_envelope().at(Timestamp::from_millis(123_456_789)).build();
    for key in [None, Some(&b""[..]), Some(b"k"), Some(&[0, 255])] {
        let record = C::encode(&envelope, key);
        assert_eq!((record.key.as_deref(), record.time), (key, envelope.time));
        assert_eq!(C::decode(&record).unwrap(), envelope);
    }
}

/// Two writings of one event are the same bytes: a repeat repeats.
pub fn encoding_is_deterministic<C: EventCodec>() {
    for event in events() {
        let envelope = an_envelope().of(event).build();
        assert_eq!(C::encode(&envelope, None), C::encode(&envelope, None));
    }
}

/// The value alone tells all: headers may be missing, or say something else.
pub fn headers_are_not_needed<C: EventCodec>() {
    let envelope = an_envelope().build();
    let mut record = C::encode(&envelope, None);
    for header in &mut record.headers {
        header.1 = vec![0xff];
    }
    assert_eq!(C::decode(&record).unwrap(), envelope);
    record.headers.clear();
    assert_eq!(C::decode(&record).unwrap(), envelope);
}

/// What is no event is refused with one line that says why, and never panics.
pub fn what_is_no_event_is_unreadable<C: EventCodec>() {
    let whole = C::encode(&an_envelope().build(), None);
    let bytes = whole.value.clone().unwrap();
    let halves = (0..bytes.len()).map(|end| Some(bytes[..end].to_vec()));
    let others = [&b"{}"[..], b"[]", b"null", b"7", b"hello", &[0xff, 0xfe], &[0; 64]];
    let others = others.into_iter().map(|value| Some(value.to_vec()));
    for value in halves.chain(others).chain([None]) {
        let record = Record { value, ..whole.clone() };
        match C::decode(&record) {
            Ok(event) => panic!("{:?} was read as {event:?}", record.value),
            Err(why) => {
                assert!(!why.problem.is_empty());
                assert!(!why.problem.contains('\n'), "{}", why.problem);
            }
        }
    }
}

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
