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
