//! What a person is told about each event, and the log line that says it.

use std::collections::BTreeMap;

use comptoir_domain::envelope::{Cause, Payload, Service};
use comptoir_domain::event::Event;
use comptoir_domain::log_entry::FieldValue::{self, Integer, Text};
use comptoir_domain::log_entry::Level::{self, Info, Warn};
use comptoir_domain::log_entry::LogEntry;
use comptoir_domain::notification::Notification;

use crate::sample::{NOW, PAYMENT_ID, USER_ID, envelope, event_id, every_event, trace};

/// Level and message of every event, in the order of the samples; the last is a line about a line.
const SAID: [(Level, &str); 11] = [
    (Info, "User alice registered successfully"),
    (Info, "User alice logged in"),
    (Info, "Payment 00000000-0000-0000-0000-000000000001 requested: 2 × coffee-mug"),
    (Info, "Payment 00000000-0000-0000-0000-000000000001 confirmed"),
    (Warn, "Payment 00000000-0000-0000-0000-000000000001 rejected: out_of_stock"),
    (Warn, "Payment 00000000-0000-0000-0000-000000000001 expired"),
    (Info, "Payment 00000000-0000-0000-0000-000000000001 refunded"),
    (Info, "Stock reserved for payment 00000000-0000-0000-0000-000000000001: 2 × coffee-mug"),
    (
        Warn,
        "Stock rejected for payment 00000000-0000-0000-0000-000000000001: 2 × coffee-mug: unknown_sku",
    ),
    (Info, "Stock released for payment 00000000-0000-0000-0000-000000000001: 2 × coffee-mug"),
    (Info, "User alice registered successfully"),
];

fn said_about(event: Event) -> Notification {
    Notification::about(&envelope(Payload::Known(event)))
}

fn fields<const N: usize>(pairs: [(&str, FieldValue); N]) -> BTreeMap<String, FieldValue> {
    pairs.map(|(name, value)| (name.to_owned(), value)).into()
}

fn text(text: &str) -> FieldValue {
    Text(text.to_owned())
}

#[test]
fn every_event_has_its_sentence() {
    let said = every_event().into_iter().map(said_about);
    let said: Vec<_> = said.map(|n| (n.level, n.message)).collect();
    let said: Vec<_> = said.iter().map(|(level, text)| (*level, text.as_str())).collect();
    assert_eq!(said, SAID);
}

#[test]
fn the_facts_stand_beside_the_sentence() {
    let user = fields([("user_id", text(USER_ID)), ("username", text("alice"))]);
    let payment = fields([
        ("payment_id", text(PAYMENT_ID)),
        ("sku", text("coffee-mug")),
        ("quantity", Integer(2)),
        ("amount", Integer(3_998)),
        ("currency", text("EUR")),
        ("user_id", text(USER_ID)),
    ]);
    let stock = fields([
        ("payment_id", text(PAYMENT_ID)),
        ("sku", text("coffee-mug")),
        ("quantity", Integer(2)),
    ]);
    for event in every_event() {
        let kind = event.kind();
        let mut expected = match kind.split('.').nth(1) {
            Some("user") => user.clone(),
            Some("payment") => payment.clone(),
            Some("stock") => stock.clone(),
            _ => BTreeMap::new(),
        };
        if let Some(reason) =
            [("payment.rejected", "out_of_stock"), ("stock.rejected", "unknown_sku")]
                .iter()
                .find_map(|(part, reason)| kind.contains(part).then_some(*reason))
        {
            expected.insert("reason".to_owned(), text(reason));
        }
        assert_eq!(said_about(event).fields, expected, "{kind}");
    }
}

#[test]
fn a_foreign_event_is_told_by_its_envelope_and_never_at_length() {
    let foreign = |kind: &str, source: &str, subject: Option<&str>| {
        let mut envelope = envelope(Payload::Foreign { kind: kind.to_owned() });
        source.clone_into(&mut envelope.source);
        envelope.subject = subject.map(str::to_owned);
        Notification::about(&envelope)
    };
    let said = foreign("com.example.paid.v1", "/till", Some("order-7"));
    assert_eq!(said.level, Info);
    assert_eq!(said.message, "Event com.example.paid.v1 from /till");
    assert_eq!(said.fields, fields([("subject", text("order-7"))]));
    let long = "ä".repeat(129);
    let said = foreign(&long, &long, Some(&long));
    let short = format!("{}…", "ä".repeat(128));
    assert_eq!(said.message, format!("Event {short} from {short}"));
    assert_eq!(said.fields, fields([("subject", text(&short))]));
    assert!(foreign("x", "y", None).fields.is_empty());
}

#[test]
fn a_line_depends_on_its_event_alone() {
    for event in every_event() {
        let envelope = envelope(Payload::Known(event));
        let line = LogEntry::of(&envelope);
        assert_eq!(line, LogEntry::of(&envelope), "the same again on a repeat");
        assert_eq!(line.time, NOW);
        assert_eq!(line.service, "payments-service");
        assert_eq!(line.trace_id, trace().trace_id());
        assert_eq!(line.event_type, envelope.kind());
    }
}

#[test]
fn two_events_never_share_a_line() {
    let mut other = envelope(Payload::Known(every_event().remove(0)));
    let line = LogEntry::of(&other);
    other.id = event_id("e2");
    assert_ne!(LogEntry::of(&other).id, line.id);
}

#[test]
fn the_event_that_carries_a_line_has_the_lines_id() {
    let event = envelope(Payload::Known(every_event().remove(0)));
    let line = LogEntry::of(&event);
    let carrier = Cause::delivered(&event, NOW).announce(
        Event::LogWritten(line.clone()),
        Service::Notifications,
        event.time,
    );
    assert_eq!(carrier.id, line.id);
    assert_eq!(carrier.causation, Some(event.id));
    assert_eq!(carrier.subject, None, "it takes its cause's");
}
