//! The document of a reservation.

use comptoir_domain::port::store::{ReservationWrite, Version};
use comptoir_domain::stock::{Quantity, Reservation, ReservationStatus, Sku};
use mongodb::bson::{cstr, rawdoc};
use serde::{Deserialize, Serialize};

use crate::document::Found;
use crate::error::{Failure, Malformed};
use crate::outbox::Entries;
use crate::write::Draft;

const HELD: &str = "held";
const SOLD: &str = "sold";
const RELEASED: &str = "released";
const REJECTED: &str = "rejected";

/// A reservation's `state`.
#[derive(Debug, Serialize, Deserialize)]
struct State {
    sku: String,
    quantity: i64,
    status: String,
}

pub(super) fn read(found: Found<'_>) -> Result<Reservation, Malformed> {
    let state: State = found.whole_state()?;
    let quantity = found.accept(u64::try_from(state.quantity))?;
    let status = match state.status.as_str() {
        HELD => ReservationStatus::Held,
        SOLD => ReservationStatus::Sold,
        RELEASED => ReservationStatus::Released,
        REJECTED => ReservationStatus::Rejected,
        other => return Err(found.wrong(&format!("status {other:?} is unknown"))),
    };
    Ok(Reservation {
        payment: found.accept(found.id()?.parse())?,
        sku: found.accept(Sku::try_from(state.sku))?,
        quantity: found.accept(Quantity::to_receive(quantity))?,
        status,
    })
}

/// The next version of a reservation.
pub(super) fn draft(write: &ReservationWrite, expected: Version) -> Result<Draft, Failure> {
    let Reservation { payment, sku, quantity, status } = &write.reservation;
    let status = match status {
        ReservationStatus::Held => HELD,
        ReservationStatus::Sold => SOLD,
        ReservationStatus::Released => RELEASED,
        ReservationStatus::Rejected => REJECTED,
    };
    let state = rawdoc! {
        "sku": sku.as_str(),
        "quantity": i64::from(quantity.pieces()),
        "status": status,
    };
    let outbox = Entries::of(expected.next(), &write.outbox)?;
    Ok(Draft::new(payment.to_string(), expected, outbox).with(cstr!("state"), state))
}
