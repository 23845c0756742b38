//! Payments whose time is up.

use std::time::Duration;

use comptoir_domain::event::StockRefused;
use comptoir_domain::id::PaymentId;
use comptoir_domain::outbox::Published;
use comptoir_domain::payment::{Payment, PaymentStatus};
use comptoir_domain::port::store::{Outbox, PaymentRepository, Save, Version};
use comptoir_domain::time::Timestamp;

use super::kept::entries;
use crate::builders::{THEN, a_payment};
use crate::contract::{StoreHarness, Stores};
use crate::wait::within;

fn after(secs: u64) -> Timestamp {
    THEN.plus(Duration::from_secs(secs))
}

async fn save(payments: &impl PaymentRepository, state: Payment, expected: Version) {
    let write = Save { state, expected, outbox: Vec::new(), answer: None };
    payments.save(vec![write]).await.unwrap().remove(0).unwrap();
}

async fn pending_until(payments: &impl PaymentRepository, secs: u64) -> PaymentId {
    let payment = a_payment().expiring_at(after(secs)).build();
    save(payments, payment.clone(), Version::NEW).await;
    payment.id
}

/// Those are due whose time was up before or at the moment asked for, longest waiting first, so many.
pub async fn due_payments_come_longest_waiting_first(h: &impl StoreHarness) {
    let payments = h.open().await.payments();
    let mut ids = Vec::new();
    for secs in [40, 20, 60, 30, 50] {
        ids.push(pending_until(&payments, secs).await);
    }
    let [forty, twenty, sixty, thirty, fifty] = ids.try_into().unwrap();
    assert_eq!(payments.due(after(19), 10).await.unwrap(), []);
    assert_eq!(payments.due(after(20), 10).await.unwrap(), [twenty], "at that moment");
    assert_eq!(payments.due(after(45), 10).await.unwrap(), [twenty, thirty, forty]);
    assert_eq!(payments.due(after(99), 2).await.unwrap(), [twenty, thirty]);
    let all = [twenty, thirty, forty, fifty, sixty];
    assert_eq!(payments.due(after(99), 10).await.unwrap(), all);
    assert_eq!(payments.due(after(99), 0).await.unwrap(), []);
}

/// A payment that is settled, however, is due no more.
pub async fn settled_payments_are_not_due(h: &impl StoreHarness) {
    let payments = h.open().await.payments();
    let mut still = Vec::new();
    for status in [
        PaymentStatus::Confirmed,
        PaymentStatus::Rejected(StockRefused::OutOfStock),
        PaymentStatus::Expired,
        PaymentStatus::Refunded,
    ] {
        let id = pending_until(&payments, 1).await;
        still.push(pending_until(&payments, 2).await);
        assert!(payments.due(after(9), 10).await.unwrap().contains(&id));
        let settled = a_payment().identified(id).expiring_at(after(1)).standing_at(status).build();
        save(&payments, settled, Version(1)).await;
        let born_settled = a_payment().expiring_at(after(1)).standing_at(status).build();
        save(&payments, born_settled, Version::NEW).await;
        let mut due = payments.due(after(9), 10).await.unwrap();
        due.sort();
        still.sort();
        assert_eq!(due, still, "after {status:?}");
    }
}

/// One whose events are still unpublished is left out, without hiding others behind it: stock was
/// never asked.
pub async fn unpublished_payments_are_not_due<H: StoreHarness>(h: &H) {
    let payments = h.open().await.payments();
    let state = a_payment().expiring_at(after(1)).build();
    let id = state.id;
    let write =
        Save { state, expected: Version::NEW, outbox: entries(&["asks", "again"]), answer: None };
    payments.save(vec![write]).await.unwrap().remove(0).unwrap();
    let published = pending_until(&payments, 2).await;
    assert_eq!(payments.due(after(9), 1).await.unwrap(), [published]);
    let owners = within(H::FEATURES.patience, "a nudge", payments.nudged()).await;
    let pending = payments.pending(&owners).await.unwrap().remove(0);
    for ((through, _), due) in
        pending.entries.into_iter().zip([vec![published], vec![id, published]])
    {
        let owner = pending.owner.clone();
        payments.clear(&[Published { owner, through }]).await.unwrap();
        assert_eq!(payments.due(after(9), 10).await.unwrap(), due);
    }
}

/// A payment that is saved again while it waits, is due once, at its newest time.
pub async fn a_payment_saved_again_is_due_once(h: &impl StoreHarness) {
    let payments = h.open().await.payments();
    let id = pending_until(&payments, 1).await;
    let later = a_payment().identified(id).expiring_at(after(5)).build();
    save(&payments, later, Version(1)).await;
    assert_eq!(payments.due(after(4), 10).await.unwrap(), []);
    assert_eq!(payments.due(after(9), 10).await.unwrap(), [id]);
}
