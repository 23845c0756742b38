//! The `state` of a payment's document.

use comptoir_domain::envelope::Origin;
use comptoir_domain::event::StockRefused;
use comptoir_domain::id::{EventId, PaymentId, UserId};
use comptoir_domain::money::{Amount, Money};
use comptoir_domain::payment::{Order, Payment, PaymentStatus};
use comptoir_domain::port::store::Versioned;
use comptoir_domain::stock::{Quantity, Sku};
use comptoir_domain::time::Timestamp;
use mongodb::bson::{RawDocumentBuf, serialize_to_raw_document_buf};
use serde::{Deserialize, Serialize};

use crate::document::{Found, stored};
use crate::error::{Failure, Malformed};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Pending,
    Confirmed,
    RejectedOutOfStock,
    RejectedUnknownSku,
    Expired,
    Refunded,
}

impl From<PaymentStatus> for Status {
    fn from(status: PaymentStatus) -> Self {
        match status {
            PaymentStatus::Pending => Self::Pending,
            PaymentStatus::Confirmed => Self::Confirmed,
            PaymentStatus::Rejected(StockRefused::OutOfStock) => Self::RejectedOutOfStock,
            PaymentStatus::Rejected(StockRefused::UnknownSku) => Self::RejectedUnknownSku,
            PaymentStatus::Expired => Self::Expired,
            PaymentStatus::Refunded => Self::Refunded,
        }
    }
}

impl From<Status> for PaymentStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Pending => Self::Pending,
            Status::Confirmed => Self::Confirmed,
            Status::RejectedOutOfStock => Self::Rejected(StockRefused::OutOfStock),
            Status::RejectedUnknownSku => Self::Rejected(StockRefused::UnknownSku),
            Status::Expired => Self::Expired,
            Status::Refunded => Self::Refunded,
        }
    }
}

/// A payment's `state`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct State {
    status: Status,
    owner: Option<String>,
    sku: String,
    quantity: i64,
    amount: i64,
    currency: String,
    requested_at: i64,
    expires_at: i64,
    trace: String,
    correlation: String,
    event: String,
}

impl State {
    pub(super) fn of(payment: &Payment) -> Self {
        let Order { owner, sku, quantity, money } = &payment.order;
        Self {
            status: payment.status.into(),
            owner: owner.map(|owner| owner.to_string()),
            sku: sku.to_string(),
            quantity: quantity.pieces().into(),
            amount: stored(money.amount.minor_units()),
            currency: money.currency.to_string(),
            requested_at: payment.requested_at.as_millis(),
            expires_at: payment.expires_at.as_millis(),
            trace: payment.origin.trace.to_string(),
            correlation: payment.origin.correlation.clone(),
            event: payment.origin.event.to_string(),
        }
    }

    pub(super) fn part(&self) -> Result<RawDocumentBuf, Failure> {
        let part = serialize_to_raw_document_buf(self);
        part.map_err(|error| Failure::Refused(error.into()))
    }
}

pub(super) fn read(found: Found<'_>) -> Result<Versioned<Payment>, Malformed> {
    let state: State = found.whole_state()?;
    let owner = state.owner.map(|owner| found.accept(owner.parse::<UserId>())).transpose()?;
    let quantity = found.accept(u64::try_from(state.quantity))?;
    let amount = found.accept(u64::try_from(state.amount))?;
    let order = Order {
        owner,
        sku: found.accept(Sku::try_from(state.sku))?,
        quantity: found.accept(Quantity::to_receive(quantity))?,
        money: Money {
            amount: found.accept(Amount::try_from(amount))?,
            currency: found.accept(state.currency.parse())?,
        },
    };
    let origin = Origin {
        trace: found.accept(state.trace.parse())?,
        correlation: state.correlation,
        event: found.accept(EventId::try_from(state.event))?,
    };
    let state = Payment {
        id: read_id(found)?,
        order,
        status: state.status.into(),
        requested_at: Timestamp::from_millis(state.requested_at),
        expires_at: Timestamp::from_millis(state.expires_at),
        origin,
    };
    Ok(Versioned { state, version: found.version()? })
}

pub(super) fn read_id(found: Found<'_>) -> Result<PaymentId, Malformed> {
    found.accept(found.id()?.parse())
}

#[cfg(test)]
mod tests {
    use mongodb::bson::{Document, doc};
    use proptest::prelude::*;

    use super::*;
    use crate::damage::{PAYMENT, document, documents, reads};

    fn payment() -> Document {
        let state = doc! {
            "status": "pending", "owner": null, "sku": "coffee-mug", "quantity": 2_i64,
            "amount": 3_998_i64, "currency": "EUR", "requested_at": 1_i64, "expires_at": 2_i64,
            "trace": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "correlation": "story", "event": "asked",
        };
        document(PAYMENT, state)
    }

    #[test]
    fn the_example_is_a_payment() {
        let stored = RawDocumentBuf::try_from(&payment()).unwrap();
        let read = read(Found::new("payment", &stored)).unwrap();
        assert_eq!(State::of(&read.state).amount, 3_998);
    }

    proptest! {
        #[test]
        fn any_document_is_a_payment_or_malformed(stored in documents(vec![payment()])) {
            reads(&stored, read)?;
            reads(&stored, read_id)?;
        }
    }
}
