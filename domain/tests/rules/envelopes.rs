//! Envelopes: what an event inherits from its cause.

use std::sync::Arc;
use std::time::Duration;

use comptoir_domain::envelope::{Cause, Envelope, Payload, Service};
use comptoir_domain::event::Event;
use comptoir_domain::outbox::Announcer;
use comptoir_domain::payment::PaymentStatus;
use comptoir_domain::port::world::Clock;
use comptoir_domain::time::Timestamp;
use comptoir_domain::topic::Topics;

use crate::sample::{NOW, envelope, event_id, every_event, payment, terms, trace};

const LATER: Timestamp = Timestamp::from_millis(NOW.as_millis() + 1_000);

fn request() -> Cause {
    Cause::Request { trace: trace(), id: event_id("asked"), received: NOW }
}

fn requested() -> Event {
    Event::PaymentRequested(terms())
}

/// The event that a request led to, and the one that the first leads to.
fn story() -> [Envelope; 2] {
    let first = request().announce(requested(), Service::Payments, NOW);
    let cause = Cause::delivered(&first, LATER);
    let second = cause.announce(Event::PaymentConfirmed(terms()), Service::Payments, LATER);
    [first, second]
}

#[test]
fn the_first_event_has_the_id_of_its_request_and_begins_the_story() {
    let [first, _] = story();
    assert_eq!(first.id, event_id("asked"));
    assert_eq!(first.correlation.as_deref(), Some("asked"));
    assert_eq!(first.causation, None);
    assert_eq!(first.source, "payments-service");
    assert_eq!(first.subject, requested().subject());
    assert_eq!((first.time, first.received), (NOW, Some(NOW)));
    assert_eq!(first.trace.trace_id(), trace().trace_id());
}

#[test]
fn what_follows_stays_in_trace_and_story_and_names_its_cause() {
    let [first, second] = story();
    assert_eq!(second.causation, Some(first.id.clone()));
    assert_eq!(second.correlation, first.correlation);
    assert_eq!(second.trace.trace_id(), first.trace.trace_id());
    assert_ne!(second.trace, first.trace, "each event is a span of its own");
    assert_eq!((second.time, second.received), (LATER, Some(LATER)));
}

#[test]
fn the_same_cause_gives_the_same_ids_again() {
    assert_eq!(story(), story());
    let [first, second] = story();
    let taken_up_later = Cause::delivered(&first, LATER.plus(Duration::from_secs(9)));
    let again = taken_up_later.announce(
        Event::PaymentConfirmed(terms()),
        Service::Payments,
        LATER.plus(Duration::from_secs(9)),
    );
    assert_eq!((again.id, again.trace), (second.id, second.trace));
}

#[test]
fn each_kind_of_event_has_an_id_of_its_own() {
    let cause = Cause::delivered(&story()[0], NOW);
    let announced = |event| cause.announce(event, Service::Payments, NOW).id;
    let mut ids: Vec<_> = every_event().into_iter().map(announced).collect();
    ids.sort();
    assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
}

#[test]
fn an_event_without_a_story_begins_one() {
    let mut foreign = envelope(Payload::Foreign { kind: "com.example.paid.v1".to_owned() });
    foreign.correlation = None;
    let next = Cause::delivered(&foreign, NOW).announce(requested(), Service::Payments, NOW);
    assert_eq!(next.correlation.as_deref(), Some("e1"));
    assert_eq!(next.causation, Some(event_id("e1")));
}

#[test]
fn an_expiry_goes_on_where_its_payment_began() {
    let payment = payment(PaymentStatus::Pending);
    let cause = Cause::continued(&payment.origin, LATER);
    let expired = cause.announce(Event::PaymentExpired(terms()), Service::Payments, LATER);
    assert_eq!(expired.correlation.as_deref(), Some("story"));
    assert_eq!(expired.causation, Some(event_id("asked")));
    assert_eq!(expired.trace.trace_id(), trace().trace_id());
    assert_eq!(expired.id, event_id("asked").derive("comptoir.payment.expired.v1"));
}

#[test]
fn an_origin_is_what_continues_a_cause() {
    let [first, _] = story();
    for cause in [request(), Cause::delivered(&first, NOW)] {
        let origin = cause.origin();
        let continued = Cause::continued(&origin, NOW);
        assert_eq!(continued.origin(), origin);
        let direct = Cause::delivered(&cause.announce(requested(), Service::Payments, NOW), NOW);
        assert_eq!(direct.origin().correlation, origin.correlation);
        assert_eq!(direct.origin().trace.trace_id(), origin.trace.trace_id());
    }
}

#[derive(Debug)]
struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        LATER
    }
}

#[test]
fn an_announcer_puts_events_into_envelopes_with_their_topics() {
    let topics = Topics::with_prefix("t-").unwrap();
    let announcer = Announcer::new(Service::Inventories, topics.clone(), Arc::new(Stopped));
    let entries = announcer.entries(&request(), every_event());
    assert_eq!(entries.len(), every_event().len());
    for (entry, event) in entries.into_iter().zip(every_event()) {
        assert_eq!(entry.topics, topics.route(&event));
        let expected = request().announce(event, Service::Inventories, LATER);
        assert_eq!(entry.envelope, expected);
    }
}
