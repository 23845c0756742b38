//! What was ever written stays readable, and is written the same for ever.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use comptoir_domain::envelope::{Envelope, Payload};
use comptoir_domain::event::{
    Event, PaymentRejected, PaymentTerms, StockMoved, StockRefused, StockRejected, UserLoggedIn,
    UserRegistered,
};
use comptoir_domain::id::{EventId, PaymentId, UserId};
use comptoir_domain::log_entry::{FieldValue, Level, LogEntry};
use comptoir_domain::money::{Amount, Currency, Money};
use comptoir_domain::port::codec::EventCodec;
use comptoir_domain::record::Record;
use comptoir_domain::stock::{Quantity, Sku};
use comptoir_domain::time::Timestamp;
use comptoir_domain::trace::TraceContext;
use comptoir_domain::user::Username;
use comptoir_wire::{CloudEventsJson, headers};
use serde_json::{Value, json};

const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const ASKED: &str = "0192d3a4-0000-7000-8000-00000000c0de";
/// 2026-02-03T04:05:06.007Z
const TIME: Timestamp = Timestamp::from_millis(1_770_091_506_007);

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn golden(name: &str) -> String {
    fs::read_to_string(folder().join(format!("{name}.json"))).unwrap()
}

fn id(text: &str) -> EventId {
    EventId::try_from(text.to_owned()).unwrap()
}

fn user() -> UserId {
    "0192d3a4-0000-7000-8000-000000000001".parse().unwrap()
}

fn payment() -> PaymentId {
    "0192d3a4-0000-7000-8000-0000000000aa".parse().unwrap()
}

fn name(text: &str) -> Username {
    Username::try_from(text.to_owned()).unwrap()
}

fn sku(text: &str) -> Sku {
    Sku::try_from(text.to_owned()).unwrap()
}

fn terms(user: Option<UserId>) -> PaymentTerms {
    PaymentTerms {
        payment: payment(),
        user,
        sku: sku("coffee-mug"),
        quantity: Quantity::to_order(3).unwrap(),
        money: Money { amount: Amount::try_from(5997).unwrap(), currency: Currency::EUR },
    }
}

fn moved() -> StockMoved {
    StockMoved {
        payment: payment(),
        sku: sku("coffee-mug \"blue\""),
        quantity: Quantity::to_order(1000).unwrap(),
    }
}

fn line() -> LogEntry {
    let text = |text: &str| FieldValue::Text(text.to_owned());
    LogEntry {
        id: id("0192d3a4-0000-7000-8000-00000000e001"),
        time: Timestamp::from_millis(1_770_091_506_000),
        level: Level::Warn,
        service: "payments-service".to_owned(),
        message: format!("Payment {} rejected: out_of_stock", payment()),
        trace_id: "4bf92f3577b34da6a3ce929d0e0e4736".to_owned(),
        event_type: "comptoir.payment.rejected.v1".to_owned(),
        fields: BTreeMap::from([
            ("payment_id".to_owned(), text(&payment().to_string())),
            ("quantity".to_owned(), FieldValue::Integer(3)),
            ("reason".to_owned(), text("out_of_stock")),
        ]),
    }
}

/// Every event of the files, with its producer and whether another event led to it.
fn events() -> Vec<(Event, &'static str, bool)> {
    let (users, payments, stock) = ("users-service", "payments-service", "inventories-service");
    let registered = UserRegistered { user: user(), username: name("alice") };
    let logged_in = UserLoggedIn { user: user(), username: name("żółw+test@shop") };
    let rejected = PaymentRejected { terms: terms(Some(user())), reason: StockRefused::OutOfStock };
    let refused = StockRejected { asked: moved(), reason: StockRefused::UnknownSku };
    let paid = terms(Some(user()));
    vec![
        (Event::UserRegistered(registered), users, false),
        (Event::UserLoggedIn(logged_in), users, false),
        (Event::PaymentRequested(paid.clone()), payments, false),
        (Event::PaymentConfirmed(terms(None)), payments, true),
        (Event::PaymentRejected(rejected), payments, true),
        (Event::PaymentExpired(paid.clone()), payments, true),
        (Event::PaymentRefunded(paid), payments, true),
        (Event::StockReserved(moved()), stock, true),
        (Event::StockRejected(refused), stock, true),
        (Event::StockReleased(moved()), stock, true),
        (Event::LogWritten(line()), "notifications-service", true),
    ]
}

fn envelopes() -> Vec<Envelope> {
    let envelope = |(event, source, caused): (Event, &str, bool)| Envelope {
        id: id("0192d3a4-0000-7000-8000-00000000e001"),
        source: source.to_owned(),
        subject: event.subject(),
        time: TIME,
        trace: TRACEPARENT.parse().unwrap(),
        correlation: Some(ASKED.to_owned()),
        causation: caused.then(|| id(ASKED)),
        received: Some(Timestamp::from_millis(1_770_091_505_990)),
        payload: Payload::Known(event),
    };
    events().into_iter().map(envelope).collect()
}

fn record(value: impl Into<Vec<u8>>) -> Record {
    Record { value: Some(value.into()), time: Timestamp::from_millis(42), ..Record::default() }
}

/// Takes the white space out that makes a file readable, and leaves the order as it is.
fn compact(json: &str) -> String {
    let (mut in_text, mut escaped) = (false, false);
    let keep = |c: &char| {
        if in_text {
            in_text = escaped || *c != '"';
            escaped = !escaped && *c == '\\';
            return true;
        }
        in_text = *c == '"';
        !c.is_ascii_whitespace()
    };
    json.chars().filter(keep).collect()
}

#[test]
fn every_event_is_written_as_its_file_says() {
    for envelope in envelopes() {
        let file = golden(envelope.kind());
        let record = CloudEventsJson::encode(&envelope, Some(b"key"));
        let value = record.value.clone().unwrap();
        let written: Value = serde_json::from_slice(&value).unwrap();
        assert_eq!(written, serde_json::from_str::<Value>(&file).unwrap());
        assert_eq!(String::from_utf8(value).unwrap(), compact(&file));

        let head = |name| record.header(name).map(String::from_utf8_lossy);
        assert_eq!(record.headers.len(), 2);
        assert_eq!(head(headers::CONTENT_TYPE).unwrap(), "application/cloudevents+json");
        assert_eq!(head(headers::TRACEPARENT).unwrap(), TRACEPARENT);
        assert_eq!(record.key.as_deref(), Some(&b"key"[..]));
        assert_eq!(record.time, TIME);
    }
}

#[test]
fn every_file_is_read_as_the_event_it_was() {
    for envelope in envelopes() {
        let read = CloudEventsJson::decode(&record(golden(envelope.kind()))).unwrap();
        assert_eq!(read, envelope);
    }
}

#[test]
fn every_file_belongs_to_a_known_event() {
    let kinds: BTreeSet<_> =
        envelopes().iter().map(|envelope| format!("{}.json", envelope.kind())).collect();
    let files = fs::read_dir(folder()).unwrap().map(Result::unwrap);
    let files: BTreeSet<_> = files
        .filter(|file| file.file_type().unwrap().is_file())
        .map(|file| file.file_name().into_string().unwrap())
        .collect();
    assert_eq!(files, kinds);
}

#[test]
fn what_a_later_producer_adds_is_ignored() {
    for envelope in envelopes() {
        let mut json: Value = serde_json::from_str(&golden(envelope.kind())).unwrap();
        json["dataschema"] = json!("https://example.com/schema");
        json["partitionkey"] = json!("p-1");
        json["severity"] = json!({ "number": 9, "list": [1, null, "x"] });
        json["data"]["zz_added"] = json!([{ "later": true }]);
        json["data"]["aa_added"] = json!(1.5);
        let read = CloudEventsJson::decode(&record(json.to_string())).unwrap();
        assert_eq!(read, envelope);
    }
}

#[test]
fn an_event_of_another_producer_is_read_as_far_as_it_goes() {
    let read = CloudEventsJson::decode(&record(golden("others/later-minor"))).unwrap();
    let registered = UserRegistered { user: user(), username: name("alice") };
    let expected = Envelope {
        id: id("signup-17"),
        source: "//example.com/signup".to_owned(),
        subject: None,
        time: TIME,
        trace: TraceContext::derived(&id("signup-17")),
        correlation: Some("17".to_owned()),
        causation: None,
        received: None,
        payload: Payload::Known(Event::UserRegistered(registered)),
    };
    assert_eq!(read, expected);
}

#[test]
fn an_event_written_by_hand_takes_its_time_from_the_record() {
    let read = CloudEventsJson::decode(&record(golden("others/bare"))).unwrap();
    assert_eq!(read.time, Timestamp::from_millis(42));
    assert_eq!(read.trace, TraceContext::derived(&id("1")));
    assert_eq!(read.subject, None);
    assert!(matches!(read.payload, Payload::Known(Event::StockReleased(_))));
}

#[test]
fn an_unknown_type_or_version_is_foreign() {
    for (file, kind) in [
        ("others/later-version", "comptoir.user.registered.v2"),
        ("others/binary-data", "com.github.pull_request.opened"),
    ] {
        let read = CloudEventsJson::decode(&record(golden(file))).unwrap();
        let kind = kind.to_owned();
        assert_eq!(read.payload, Payload::Foreign { kind });

        let written = CloudEventsJson::encode(&read, None);
        assert_eq!(written.key, None);
        assert_eq!(CloudEventsJson::decode(&written).unwrap(), read);
    }
}
