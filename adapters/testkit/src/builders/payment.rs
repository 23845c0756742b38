use std::time::Duration;

use comptoir_domain::envelope::Origin;
use comptoir_domain::event::StockRefused;
use comptoir_domain::id::{EventId, PaymentId, UserId};
use comptoir_domain::money::{Amount, Money};
use comptoir_domain::payment::{Order, Payment, PaymentStatus};
use comptoir_domain::stock::Quantity;
use comptoir_domain::time::Timestamp;
use comptoir_domain::trace::TraceContext;

use super::{THEN, a_sku, another};
use crate::world::SequentialIds;

/// Makes a payment.
#[derive(Debug, Clone)]
#[must_use]
pub struct PaymentBuilder(Payment);

/// A pending payment without login, of two mugs for 19.98 EUR, that expires after two minutes.
pub fn a_payment() -> PaymentBuilder {
    let id = SequentialIds::nth(another());
    let event = EventId::new(id);
    PaymentBuilder(Payment {
        id: PaymentId::new(id),
        order: Order {
            owner: None,
            sku: a_sku("mug"),
            quantity: Quantity::to_order(2).unwrap(),
            money: Money {
                amount: Amount::try_from(1_998).unwrap(),
                currency: "EUR".parse().unwrap(),
            },
        },
        status: PaymentStatus::Pending,
        requested_at: THEN,
        expires_at: THEN.plus(Duration::from_mins(2)),
        origin: Origin { trace: TraceContext::start(id), correlation: event.to_string(), event },
    })
}

impl PaymentBuilder {
    /// Its id.
    pub fn identified(mut self, id: PaymentId) -> Self {
        self.0.id = id;
        self
    }

    /// Who pays.
    pub fn owned_by(mut self, user: UserId) -> Self {
        self.0.order.owner = Some(user);
        self
    }

    /// What for.
    pub fn of(mut self, pieces: u64, sku: &str) -> Self {
        self.0.order.sku = a_sku(sku);
        self.0.order.quantity = Quantity::to_order(pieces).unwrap();
        self
    }

    /// The total, in minor units.
    pub fn costing(mut self, minor_units: u64, currency: &str) -> Self {
        self.0.order.money = Money {
            amount: Amount::try_from(minor_units).unwrap(),
            currency: currency.parse().unwrap(),
        };
        self
    }

    /// When it was asked for.
    pub fn requested_at(mut self, at: Timestamp) -> Self {
        self.0.requested_at = at;
        self
    }

    /// When it gives up waiting.
    pub fn expiring_at(mut self, at: Timestamp) -> Self {
        self.0.expires_at = at;
        self
    }

    /// Where its story began.
    pub fn caused_by(mut self, origin: Origin) -> Self {
        self.0.origin = origin;
        self
    }

    /// It got its stock.
    pub fn confirmed(self) -> Self {
        self.standing_at(PaymentStatus::Confirmed)
    }

    /// It got no stock.
    pub fn rejected(self, reason: StockRefused) -> Self {
        self.standing_at(PaymentStatus::Rejected(reason))
    }

    /// It waited too long.
    pub fn expired(self) -> Self {
        self.standing_at(PaymentStatus::Expired)
    }

    /// It was given back.
    pub fn refunded(self) -> Self {
        self.standing_at(PaymentStatus::Refunded)
    }

    /// Where it stands.
    pub fn standing_at(mut self, status: PaymentStatus) -> Self {
        self.0.status = status;
        self
    }

    /// The payment.
    pub fn build(self) -> Payment {
        self.0
    }
}
