//! One of everything, always the same.

use std::time::Duration;

use comptoir_domain::envelope::{Envelope, Origin, Payload, Service};
use comptoir_domain::event::{
    Event, PaymentRejected, PaymentTerms, StockMoved, StockRefused, StockRejected, UserLoggedIn,
    UserRegistered,
};
use comptoir_domain::id::{EventId, PaymentId, UserId};
use comptoir_domain::log_entry::LogEntry;
use comptoir_domain::money::{Amount, Currency, Money};
use comptoir_domain::payment::{Order, Payment, PaymentStatus};
use comptoir_domain::stock::{Article, Quantity, Sku};
use comptoir_domain::time::Timestamp;
use comptoir_domain::trace::TraceContext;
use comptoir_domain::user::Username;
use uuid::Uuid;

/// The start of 2026.
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_767_225_600_000);
pub(crate) const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
pub(crate) const REFUSALS: [StockRefused; 2] = [StockRefused::OutOfStock, StockRefused::UnknownSku];
pub(crate) const USER_ID: &str = "00000000-0000-0000-0000-000000000007";
pub(crate) const PAYMENT_ID: &str = "00000000-0000-0000-0000-000000000001";

pub(crate) fn payment_id(n: u128) -> PaymentId {
    PaymentId::new(Uuid::from_u128(n))
}

pub(crate) fn event_id(text: &str) -> EventId {
    EventId::try_from(text.to_owned()).unwrap()
}

pub(crate) fn trace() -> TraceContext {
    TRACE.parse().unwrap()
}

pub(crate) fn sku(code: &str) -> Sku {
    Sku::try_from(code.to_owned()).unwrap()
}

pub(crate) fn pieces(count: u64) -> Quantity {
    Quantity::to_order(count).unwrap()
}

pub(crate) fn money(minor_units: u64) -> Money {
    Money { amount: Amount::try_from(minor_units).unwrap(), currency: Currency::EUR }
}

/// A payment of two mugs, which user 7 pays.
pub(crate) fn payment(status: PaymentStatus) -> Payment {
    Payment {
        id: payment_id(1),
        order: Order {
            owner: Some(UserId::new(Uuid::from_u128(7))),
            sku: sku("coffee-mug"),
            quantity: pieces(2),
            money: money(3_998),
        },
        status,
        requested_at: NOW,
        expires_at: NOW.plus(Duration::from_mins(2)),
        origin: Origin {
            trace: trace(),
            correlation: "story".to_owned(),
            event: event_id("asked"),
        },
    }
}

pub(crate) fn terms() -> PaymentTerms {
    let Payment { id, order, .. } = payment(PaymentStatus::Pending);
    PaymentTerms {
        payment: id,
        user: order.owner,
        sku: order.sku,
        quantity: order.quantity,
        money: order.money,
    }
}

/// An article's counters: `[available, held, sold]`.
pub(crate) fn article(code: &str, counters: [u64; 3]) -> Article {
    Article::restore(sku(code), counters.iter().sum(), counters).unwrap()
}

pub(crate) fn counters(article: &Article) -> [u64; 3] {
    [article.available(), article.held(), article.sold()]
}

pub(crate) fn envelope(payload: Payload) -> Envelope {
    Envelope {
        id: event_id("e1"),
        source: Service::Payments.name().to_owned(),
        subject: Some("subject".to_owned()),
        time: NOW,
        trace: trace(),
        correlation: Some("story".to_owned()),
        causation: None,
        received: None,
        payload,
    }
}

/// One of every event that the services tell each other.
pub(crate) fn every_event() -> Vec<Event> {
    let user = UserId::new(Uuid::from_u128(7));
    let username = Username::try_from("alice".to_owned()).unwrap();
    let registered = UserRegistered { user, username: username.clone() };
    let moved = StockMoved { payment: payment_id(1), sku: sku("coffee-mug"), quantity: pieces(2) };
    let rejected = PaymentRejected { terms: terms(), reason: StockRefused::OutOfStock };
    let refused = StockRejected { asked: moved.clone(), reason: StockRefused::UnknownSku };
    let line = LogEntry::of(&envelope(Payload::Known(Event::UserRegistered(registered.clone()))));
    vec![
        Event::UserRegistered(registered),
        Event::UserLoggedIn(UserLoggedIn { user, username }),
        Event::PaymentRequested(terms()),
        Event::PaymentConfirmed(terms()),
        Event::PaymentRejected(rejected),
        Event::PaymentExpired(terms()),
        Event::PaymentRefunded(terms()),
        Event::StockReserved(moved.clone()),
        Event::StockRejected(refused),
        Event::StockReleased(moved),
        Event::LogWritten(line),
    ]
}
