//! Payments: `pending → confirmed | rejected | expired`, `confirmed → refunded`.

use thiserror::Error;

use crate::envelope::Origin;
use crate::event::{Event, PaymentRejected, PaymentTerms, StockRefused};
use crate::id::{PaymentId, UserId};
use crate::money::Money;
use crate::stock::{Quantity, Sku};
use crate::time::Timestamp;

/// Where a payment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaymentStatus {
    /// Waiting for the stock's answer.
    Pending,
    /// Stock is reserved: the sale is done.
    Confirmed,
    /// There was no stock.
    Rejected(StockRefused),
    /// No answer came in time.
    Expired,
    /// Given back after it was confirmed.
    Refunded,
}

/// What a payment is for, and who pays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The user who pays; `None` for a payment without login.
    pub owner: Option<UserId>,
    /// The article.
    pub sku: Sku,
    /// How many pieces.
    pub quantity: Quantity,
    /// The total.
    pub money: Money,
}

/// One payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// Identity.
    pub id: PaymentId,
    /// What for, and whose.
    pub order: Order,
    /// Where it stands.
    pub status: PaymentStatus,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// When a pending payment gives up waiting.
    pub expires_at: Timestamp,
    /// What asked for it; an expiry continues the same trace.
    pub origin: Origin,
}

/// A new state, and the events that tell of it: none if nothing changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change<S> {
    /// The state after the decision.
    pub state: S,
    /// What happened, in order.
    pub events: Vec<Event>,
}

impl<S> Change<S> {
    fn one(state: S, event: Event) -> Self {
        Self { state, events: vec![event] }
    }

    fn none(state: S) -> Self {
        Self { state, events: Vec::new() }
    }

    /// Whether there is anything to save.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }
}

/// A payment that cannot be refunded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("only a confirmed payment can be refunded")]
pub struct NotRefundable {
    /// Where the payment stands instead.
    pub status: PaymentStatus,
}

impl Payment {
    /// The event that asks for stock; a new payment is saved together with it.
    pub fn requested(&self) -> Event {
        Event::PaymentRequested(self.terms())
    }

    /// Stock was reserved. Anything but a pending payment stays as it is: a late answer to an
    /// expired payment needs nothing here, because the expiry itself released the stock.
    #[must_use]
    pub fn stock_reserved(self) -> Change<Self> {
        self.answered(PaymentStatus::Confirmed, Event::PaymentConfirmed)
    }

    /// There was no stock. Anything but a pending payment stays as it is.
    #[must_use]
    pub fn stock_rejected(self, reason: StockRefused) -> Change<Self> {
        let event = |terms| Event::PaymentRejected(PaymentRejected { terms, reason });
        self.answered(PaymentStatus::Rejected(reason), event)
    }

    /// Stock has answered: the first answer settles a pending payment, any other changes nothing.
    fn answered(
        self,
        status: PaymentStatus,
        event: impl FnOnce(PaymentTerms) -> Event,
    ) -> Change<Self> {
        match self.status {
            PaymentStatus::Pending => {
                let event = event(self.terms());
                Change::one(Self { status, ..self }, event)
            }
            PaymentStatus::Confirmed
            | PaymentStatus::Rejected(_)
            | PaymentStatus::Expired
            | PaymentStatus::Refunded => Change::none(self),
        }
    }

    /// Gives up waiting, if it is time and the payment still waits.
    #[must_use]
    pub fn expire(self, now: Timestamp) -> Change<Self> {
        if self.status == PaymentStatus::Pending && self.expires_at <= now {
            let event = Event::PaymentExpired(self.terms());
            Change::one(Self { status: PaymentStatus::Expired, ..self }, event)
        } else {
            Change::none(self)
        }
    }

    /// Gives the money back; the event brings the stock back. Refunding twice changes nothing.
    pub fn refund(self) -> Result<Change<Self>, NotRefundable> {
        match self.status {
            PaymentStatus::Confirmed => {
                let event = Event::PaymentRefunded(self.terms());
                Ok(Change::one(Self { status: PaymentStatus::Refunded, ..self }, event))
            }
            PaymentStatus::Refunded => Ok(Change::none(self)),
            status @ (PaymentStatus::Pending
            | PaymentStatus::Rejected(_)
            | PaymentStatus::Expired) => Err(NotRefundable { status }),
        }
    }

    /// Whether `viewer` may see it: a user's payment is that user's only.
    pub fn visible_to(&self, viewer: Option<UserId>) -> bool {
        self.order.owner.is_none() || self.order.owner == viewer
    }

    fn terms(&self) -> PaymentTerms {
        PaymentTerms {
            payment: self.id,
            user: self.order.owner,
            sku: self.order.sku.clone(),
            quantity: self.order.quantity,
            money: self.order.money,
        }
    }
}
