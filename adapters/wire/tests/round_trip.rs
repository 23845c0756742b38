//! Whatever is written is read back the same, and nothing that is read can make it panic.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use comptoir_domain::envelope::{Envelope, Payload};
use comptoir_domain::event::{
    Event, PaymentRejected, PaymentTerms, StockMoved, StockRefused, StockRejected, UserLoggedIn,
    UserRegistered,
};
use comptoir_domain::id::{EventId, PaymentId, UserId};
use comptoir_domain::log_entry::{FieldValue, Level, LogEntry};
use comptoir_domain::money::{Amount, Money};
use comptoir_domain::port::codec::EventCodec;
use comptoir_domain::record::Record;
use comptoir_domain::stock::{Quantity, Sku};
use comptoir_domain::time::Timestamp;
use comptoir_domain::trace::TraceContext;
use comptoir_domain::user::Username;
use comptoir_wire::CloudEventsJson;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::{option, sample};
use uuid::Uuid;

/// Years 0 to 9999, which RFC 3339 can tell.
const TELLABLE: std::ops::RangeInclusive<i64> = -62_167_219_200_000..=253_402_300_799_999;

fn time() -> impl Strategy<Value = Timestamp> {
    TELLABLE.prop_map(Timestamp::from_millis)
}

fn uuid() -> impl Strategy<Value = Uuid> {
    (1..=u128::MAX).prop_map(Uuid::from_u128)
}

fn text() -> impl Strategy<Value = String> {
    vec(any::<char>(), 0..40).prop_map(|chars| chars.into_iter().collect())
}

fn event_id() -> impl Strategy<Value = EventId> {
    let any = text().prop_filter_map("an id is not empty", |text| EventId::try_from(text).ok());
    prop_oneof![uuid().prop_map(EventId::new), any]
}

fn sku() -> impl Strategy<Value = Sku> {
    "\\PC{1,64}"
        .prop_filter_map("a code has no control characters", |text| Sku::try_from(text).ok())
}

fn username() -> impl Strategy<Value = Username> {
    "[\\p{L}0-9._@+-]{1,64}"
        .prop_filter_map("a name is letters and a few signs", |text| Username::try_from(text).ok())
}

fn reason() -> impl Strategy<Value = StockRefused> {
    sample::select(vec![StockRefused::OutOfStock, StockRefused::UnknownSku])
}

fn terms() -> impl Strategy<Value = PaymentTerms> {
    let money = (1..=Amount::MAX, "[A-Z]{3}").prop_map(|(amount, currency)| Money {
        amount: Amount::try_from(amount).unwrap(),
        currency: currency.parse().unwrap(),
    });
    (moved(), option::of(uuid().prop_map(UserId::new)), money).prop_map(|(moved, user, money)| {
        PaymentTerms {
            payment: moved.payment,
            user,
            sku: moved.sku,
            quantity: moved.quantity,
            money,
        }
    })
}

fn moved() -> impl Strategy<Value = StockMoved> {
    (uuid(), sku(), 1..=u64::from(Quantity::MAX_RECEIPT)).prop_map(|(payment, sku, quantity)| {
        StockMoved {
            payment: PaymentId::new(payment),
            sku,
            quantity: Quantity::to_receive(quantity).unwrap(),
        }
    })
}

fn line() -> impl Strategy<Value = LogEntry> {
    let level = sample::select(vec![Level::Info, Level::Warn, Level::Error]);
    let value =
        prop_oneof![text().prop_map(FieldValue::Text), any::<i64>().prop_map(FieldValue::Integer),];
    let fields = btree_map(text(), value, 0..6);
    let texts = (text(), text(), text(), text());
    (event_id(), time(), level, texts, fields).prop_map(
        |(id, time, level, (service, message, trace_id, event_type), fields)| LogEntry {
            id,
            time,
            level,
            service,
            message,
            trace_id,
            event_type,
            fields,
        },
    )
}

fn event() -> impl Strategy<Value = Event> {
    let who = || (uuid().prop_map(UserId::new), username());
    let rejected = |(terms, reason)| Event::PaymentRejected(PaymentRejected { terms, reason });
    let refused = |(asked, reason)| Event::StockRejected(StockRejected { asked, reason });
    prop_oneof![
        who().prop_map(|(user, username)| Event::UserRegistered(UserRegistered { user, username })),
        who().prop_map(|(user, username)| Event::UserLoggedIn(UserLoggedIn { user, username })),
        terms().prop_map(Event::PaymentRequested),
        terms().prop_map(Event::PaymentConfirmed),
        (terms(), reason()).prop_map(rejected),
        terms().prop_map(Event::PaymentExpired),
        terms().prop_map(Event::PaymentRefunded),
        moved().prop_map(Event::StockReserved),
        (moved(), reason()).prop_map(refused),
        moved().prop_map(Event::StockReleased),
        line().prop_map(Event::LogWritten),
    ]
}

fn payload() -> impl Strategy<Value = Payload> {
    let foreign =
        "[a-z.]{1,30}".prop_map(|kind| Payload::Foreign { kind: format!("com.example.{kind}") });
    prop_oneof![10 => event().prop_map(Payload::Known), 1 => foreign]
}

fn envelope() -> impl Strategy<Value = Envelope> {
    let source = text().prop_filter("a source is not empty", |text| !text.is_empty());
    let trace =
        (uuid(), event_id()).prop_map(|(seed, span)| TraceContext::start(seed).child(&span));
    let story = (option::of(text()), option::of(event_id()), option::of(time()));
    let about = (event_id(), source, option::of(text()), time(), trace);
    (about, story, payload()).prop_map(
        |((id, source, subject, time, trace), (correlation, causation, received), payload)| {
            Envelope { id, source, subject, time, trace, correlation, causation, received, payload }
        },
    )
}

fn decode(value: Vec<u8>) -> Option<Envelope> {
    let record = Record { value: Some(value), ..Record::default() };
    CloudEventsJson::decode(&record).ok()
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(envelope in envelope(), key in option::of(vec(any::<u8>(), 0..20))) {
        let record = CloudEventsJson::encode(&envelope, key.as_deref());
        prop_assert_eq!(&record.key, &key);
        prop_assert_eq!(record.time, envelope.time);
        prop_assert_eq!(CloudEventsJson::decode(&record).unwrap(), envelope);
    }

    #[test]
    fn times_beyond_what_can_be_told_are_written_all_the_same(envelope in envelope(), millis: i64) {
        let envelope = Envelope { time: Timestamp::from_millis(millis), ..envelope };
        let read = CloudEventsJson::decode(&CloudEventsJson::encode(&envelope, None)).unwrap();
        let nearest = millis.clamp(*TELLABLE.start(), *TELLABLE.end());
        prop_assert_eq!(read.time.as_millis(), nearest);
    }

    #[test]
    fn a_damaged_event_never_panics(
        envelope in envelope(),
        at: sample::Index,
        byte: u8,
        cut: sample::Index,
    ) {
        let mut value = CloudEventsJson::encode(&envelope, None).value.unwrap();
        let at = at.index(value.len());
        value[at] = byte;
        decode(value.clone());
        value.truncate(cut.index(value.len()));
        prop_assert_eq!(decode(value), None);
    }
}
