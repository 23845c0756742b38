//! What happens in the shop. Each event has a versioned type; [`Event::kind`] is its CloudEvents `type`.

use crate::id::{PaymentId, UserId};
use crate::log_entry::LogEntry;
use crate::money::Money;
use crate::stock::{Quantity, Sku};
use crate::user::Username;

/// Somebody registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRegistered {
    /// Who.
    pub user: UserId,
    /// The chosen name.
    pub username: Username,
}

/// Somebody logged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserLoggedIn {
    /// Who.
    pub user: UserId,
    /// The name at that time.
    pub username: Username,
}

/// What every event of a payment tells, so that no reader needs another service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentTerms {
    /// Which payment.
    pub payment: PaymentId,
    /// Whose, if it was paid with a login.
    pub user: Option<UserId>,
    /// The article.
    pub sku: Sku,
    /// How many pieces.
    pub quantity: Quantity,
    /// The total.
    pub money: Money,
}

/// A payment found no stock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentRejected {
    /// The payment.
    pub terms: PaymentTerms,
    /// Why.
    pub reason: StockRefused,
}

/// What stock events tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockMoved {
    /// The payment that the pieces are for.
    pub payment: PaymentId,
    /// The article.
    pub sku: Sku,
    /// How many pieces.
    pub quantity: Quantity,
}

/// A reservation was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockRejected {
    /// What was asked for.
    pub asked: StockMoved,
    /// Why there was none.
    pub reason: StockRefused,
}

/// Why stock could not be reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StockRefused {
    /// Fewer pieces are available than were asked for.
    OutOfStock,
    /// Nobody ever received such an article.
    UnknownSku,
}

impl StockRefused {
    /// The reason as it stands in events and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OutOfStock => "out_of_stock",
            Self::UnknownSku => "unknown_sku",
        }
    }
}

/// Everything that the services tell each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A user registered.
    UserRegistered(UserRegistered),
    /// A user logged in.
    UserLoggedIn(UserLoggedIn),
    /// A payment asks for stock.
    PaymentRequested(PaymentTerms),
    /// A payment got its stock.
    PaymentConfirmed(PaymentTerms),
    /// A payment got no stock.
    PaymentRejected(PaymentRejected),
    /// A payment waited too long.
    PaymentExpired(PaymentTerms),
    /// A confirmed payment was given back.
    PaymentRefunded(PaymentTerms),
    /// Pieces are set aside for a payment.
    StockReserved(StockMoved),
    /// There was nothing to set aside.
    StockRejected(StockRejected),
    /// Pieces went back on the shelf.
    StockReleased(StockMoved),
    /// A line was written about another event.
    LogWritten(LogEntry),
}

impl Event {
    /// The CloudEvents `type`, version included.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::UserRegistered(_) => "comptoir.user.registered.v1",
            Self::UserLoggedIn(_) => "comptoir.user.logged_in.v1",
            Self::PaymentRequested(_) => "comptoir.payment.requested.v1",
            Self::PaymentConfirmed(_) => "comptoir.payment.confirmed.v1",
            Self::PaymentRejected(_) => "comptoir.payment.rejected.v1",
            Self::PaymentExpired(_) => "comptoir.payment.expired.v1",
            Self::PaymentRefunded(_) => "comptoir.payment.refunded.v1",
            Self::StockReserved(_) => "comptoir.stock.reserved.v1",
            Self::StockRejected(_) => "comptoir.stock.rejected.v1",
            Self::StockReleased(_) => "comptoir.stock.released.v1",
            Self::LogWritten(_) => "comptoir.log.written.v1",
        }
    }

    /// What the event is about, which is also its key on every topic: the user or the payment.
    /// A log line has no subject of its own; it takes its cause's.
    pub fn subject(&self) -> Option<String> {
        match self {
            Self::UserRegistered(UserRegistered { user, .. })
            | Self::UserLoggedIn(UserLoggedIn { user, .. }) => Some(user.to_string()),
            Self::PaymentRequested(terms)
            | Self::PaymentConfirmed(terms)
            | Self::PaymentRejected(PaymentRejected { terms, .. })
            | Self::PaymentExpired(terms)
            | Self::PaymentRefunded(terms) => Some(terms.payment.to_string()),
            Self::StockReserved(moved)
            | Self::StockRejected(StockRejected { asked: moved, .. })
            | Self::StockReleased(moved) => Some(moved.payment.to_string()),
            Self::LogWritten(_) => None,
        }
    }
}
