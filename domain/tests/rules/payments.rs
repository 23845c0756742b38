//! A payment's transitions: every status, everything that can happen to it.

use std::time::Duration;

use comptoir_domain::event::{Event, StockRefused};
use comptoir_domain::id::UserId;
use comptoir_domain::payment::PaymentStatus::{
    self, Confirmed, Expired, Pending, Refunded, Rejected,
};
use comptoir_domain::payment::{Change, NotRefundable, Payment};
use uuid::Uuid;

use crate::sample::{NOW, REFUSALS, payment, terms};

const EVERY_STATUS: [PaymentStatus; 6] = [
    Pending,
    Confirmed,
    Rejected(StockRefused::OutOfStock),
    Rejected(StockRefused::UnknownSku),
    Expired,
    Refunded,
];
/// Long after every payment here is due.
const LATE: Duration = Duration::from_hours(1);

/// The one event that told of a change, and that nothing but the status did change.
fn told(before: &Payment, change: Change<Payment>) -> (PaymentStatus, Option<Event>) {
    let status = change.state.status;
    let moved = Payment { status, ..before.clone() };
    assert_eq!(change.state, moved);
    assert!(change.events.len() <= 1, "{:?}", change.events);
    assert_eq!(change.is_empty(), change.events.is_empty());
    assert_eq!(change.is_empty(), status == before.status);
    (status, change.events.into_iter().next())
}

#[test]
fn reserved_stock_confirms_a_pending_payment_and_no_other() {
    for status in EVERY_STATUS {
        let before = payment(status);
        let expected = match status {
            Pending => (Confirmed, Some(Event::PaymentConfirmed(terms()))),
            settled => (settled, None),
        };
        assert_eq!(told(&before, before.clone().stock_reserved()), expected);
    }
}

#[test]
fn refused_stock_rejects_a_pending_payment_and_no_other() {
    for (status, reason) in
        EVERY_STATUS.into_iter().flat_map(|status| REFUSALS.map(|reason| (status, reason)))
    {
        let before = payment(status);
        let (after, event) = told(&before, before.clone().stock_rejected(reason));
        let Some(event) = event else {
            assert_ne!(status, Pending);
            continue;
        };
        assert_eq!((status, after), (Pending, Rejected(reason)));
        let Event::PaymentRejected(rejected) = event else {
            panic!("{event:?}");
        };
        assert_eq!((rejected.terms, rejected.reason), (terms(), reason));
    }
}

#[test]
fn time_expires_a_pending_payment_and_no_other() {
    for status in EVERY_STATUS {
        let before = payment(status);
        let expected = match status {
            Pending => (Expired, Some(Event::PaymentExpired(terms()))),
            settled => (settled, None),
        };
        assert_eq!(told(&before, before.clone().expire(NOW.plus(LATE))), expected);
    }
}

#[test]
fn a_payment_expires_at_its_time_and_not_before() {
    let waits = payment(Pending);
    let due = waits.expires_at;
    let early = due.minus(Duration::from_millis(1));
    assert!(waits.clone().expire(early).is_empty());
    assert_eq!(waits.expire(due).state.status, Expired);
}

#[test]
fn only_a_confirmed_payment_is_refunded_and_a_refunded_one_stays_so() {
    for status in EVERY_STATUS {
        let before = payment(status);
        let refunded = before.clone().refund();
        let expected = match status {
            Confirmed => Ok((Refunded, Some(Event::PaymentRefunded(terms())))),
            Refunded => Ok((Refunded, None)),
            status => Err(NotRefundable { status }),
        };
        assert_eq!(refunded.map(|change| told(&before, change)), expected);
    }
}

#[test]
fn a_new_payment_asks_for_stock() {
    assert_eq!(payment(Pending).requested(), Event::PaymentRequested(terms()));
}

#[test]
fn a_users_payment_is_shown_to_that_user_only() {
    let (own, other) = (7, 8);
    let viewer = |n: u128| Some(UserId::new(Uuid::from_u128(n)));
    let owned = payment(Pending);
    assert!(owned.visible_to(viewer(own)));
    assert!(!owned.visible_to(viewer(other)));
    assert!(!owned.visible_to(None));
    let mut free = payment(Pending);
    free.order.owner = None;
    assert!(free.visible_to(None) && free.visible_to(viewer(other)));
}
