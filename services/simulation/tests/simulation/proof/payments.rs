//! Each payment's state, its reservation and its events tell the same story, and each event of it
//! happened once.

use std::collections::BTreeMap;

use comptoir_domain::payment::{Payment, PaymentStatus};
use comptoir_domain::stock::{Reservation, ReservationStatus};
use comptoir_memory::Memory;

use super::told::Told;
use crate::words::{brief, kind};

const REQUESTED: &str = "payment.requested";
const CONFIRMED: &str = "payment.confirmed";
const REJECTED: &str = "payment.rejected";
const EXPIRED: &str = "payment.expired";
const REFUNDED: &str = "payment.refunded";
const STOCK_RESERVED: &str = "stock.reserved";
const STOCK_REJECTED: &str = "stock.rejected";
const STOCK_RELEASED: &str = "stock.released";

/// What a payment in that state has told, with the reservation that belongs to it: one of these.
fn stories(status: PaymentStatus) -> Vec<(ReservationStatus, Vec<&'static str>)> {
    match status {
        PaymentStatus::Pending => vec![],
        PaymentStatus::Confirmed => {
            vec![(ReservationStatus::Sold, vec![REQUESTED, STOCK_RESERVED, CONFIRMED])]
        }
        PaymentStatus::Rejected(_) => {
            vec![(ReservationStatus::Rejected, vec![REQUESTED, STOCK_REJECTED, REJECTED])]
        }
        // Stock had answered, but not in time.
        PaymentStatus::Expired => vec![
            (ReservationStatus::Released, vec![REQUESTED, STOCK_RESERVED, EXPIRED, STOCK_RELEASED]),
            (ReservationStatus::Rejected, vec![REQUESTED, STOCK_REJECTED, EXPIRED]),
        ],
        PaymentStatus::Refunded => vec![(
            ReservationStatus::Released,
            vec![REQUESTED, STOCK_RESERVED, CONFIRMED, REFUNDED, STOCK_RELEASED],
        )],
    }
}

pub(super) fn check(payments: &[Payment], memory: &Memory, told: &Told) -> Vec<String> {
    let (_, reservations) = memory.all_stock();
    let mut reservations: BTreeMap<_, _> =
        reservations.into_iter().map(|reservation| (reservation.payment, reservation)).collect();
    let mut broken = Vec::new();
    for payment in payments {
        broken.extend(tells_its_story(payment, reservations.remove(&payment.id).as_ref(), told));
    }
    for payment in reservations.keys() {
        let payment = brief(payment);
        broken.push(format!("every reservation has its payment: that of {payment} has none"));
    }
    let known: Vec<_> = payments.iter().map(|payment| payment.id.to_string()).collect();
    for (event, envelope) in told.events() {
        let about = envelope.subject.as_deref().unwrap_or_default();
        let of_user = event.kind().contains("user.");
        if !of_user && !known.iter().any(|payment| payment == about) {
            let (event, about) = (kind(event.kind()), brief(&about));
            broken.push(format!("every event has its payment: {event} of {about} has none"));
        }
    }
    broken
}

fn tells_its_story(
    payment: &Payment,
    reservation: Option<&Reservation>,
    told: &Told,
) -> Option<String> {
    let id = payment.id.to_string();
    let mut kinds: Vec<_> = told.about(&id).map(|(event, _)| kind(event.kind())).collect();
    kinds.sort_unstable();
    let status = reservation.map(|reservation| reservation.status);
    let fits = stories(payment.status).into_iter().any(|(reserved, mut story)| {
        story.sort_unstable();
        Some(reserved) == status && story == kinds
    });
    let same_claim = reservation.is_none_or(|reservation| {
        (&reservation.sku, reservation.quantity) == (&payment.order.sku, payment.order.quantity)
    });
    (!fits || !same_claim).then(|| {
        format!(
            "a payment, its stock and its events tell one story: payment {} is {:?}, its \
             reservation is {status:?}, and its events are {}",
            brief(&id),
            payment.status,
            kinds.join(", ")
        )
    })
}
