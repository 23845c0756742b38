//! The contract of codecs, as far as it can be told without knowing the format.

pub mod dead_letters;

use std::collections::BTreeMap;

use comptoir_domain::envelope::Envelope;
use comptoir_domain::event::{
    Event, PaymentRejected, PaymentTerms, StockMoved, StockRefused, StockRejected,
};
use comptoir_domain::log_entry::{FieldValue, Level, LogEntry};
use comptoir_domain::port::codec::EventCodec;
use comptoir_domain::record::Record;
use comptoir_domain::stock::Quantity;
use comptoir_domain::time::Timestamp;

use crate::builders::{a_payment, a_sku, a_user, an_envelope};

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
