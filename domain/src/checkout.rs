//! The checkout saga, a choreography between payments and stock, as pure transitions.
//!
//! Payments asks on `inventories`, stock answers on `stock`, payments settles:
//!
//! ```text
//! payment.requested ─▶ reserve ─▶ stock.reserved ─▶ payment.confirmed ─▶ sell
//!                             └─▶ stock.rejected ─▶ payment.rejected
//! payment.expired   ─▶ release ─▶ stock.released
//! payment.refunded  ─▶ put back ─▶ stock.released
//! ```
//!
//! The payments half is in [`crate::payment`]; this is the stock half. Only payments decides that
//! time is up; stock never releases on its own. Every pair of state and command has an answer, and a
//! repeat changes nothing, so at-least-once delivery is enough.

use crate::event::{Event, PaymentTerms, StockMoved, StockRefused, StockRejected};
use crate::stock::{Article, Reservation, ReservationStatus, StockRefusal};

/// What payments asks of stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StockCommand {
    /// Set the pieces aside.
    Reserve,
    /// The payment is confirmed: the pieces are sold.
    Sell,
    /// The payment gave up: the pieces go back.
    Release,
    /// The payment was refunded: the pieces come back.
    PutBack,
}

impl StockCommand {
    /// The command that an event of payments is; `None` for events that ask nothing of stock.
    pub fn of(event: &Event) -> Option<(Self, &PaymentTerms)> {
        match event {
            Event::PaymentRequested(terms) => Some((Self::Reserve, terms)),
            Event::PaymentConfirmed(terms) => Some((Self::Sell, terms)),
            Event::PaymentExpired(terms) => Some((Self::Release, terms)),
            Event::PaymentRefunded(terms) => Some((Self::PutBack, terms)),
            Event::UserRegistered(_)
            | Event::UserLoggedIn(_)
            | Event::PaymentRejected(_)
            | Event::StockReserved(_)
            | Event::StockRejected(_)
            | Event::StockReleased(_)
            | Event::LogWritten(_) => None,
        }
    }
}

/// What a command does to a reservation. The article's counters are moved in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockStep {
    /// The reservation after the command; `None` if it stays as it is.
    pub reservation: Option<Reservation>,
    /// What is answered, if anything.
    pub event: Option<Event>,
}

impl StockStep {
    const NOTHING: Self = Self { reservation: None, event: None };
}

/// Carries out one command.
///
/// `known` is the payment's reservation if there is one, and `article` the one that it names (or the
/// one that the command names, for a first command); `None` if nobody ever received it.
///
/// # Errors
/// [`StockRefusal::Unbalanced`] if the article's counters contradict its reservations,
/// [`StockRefusal::OtherArticle`] if the payment reserved something else before.
pub fn decide(
    command: StockCommand,
    terms: &PaymentTerms,
    known: Option<&Reservation>,
    article: Option<&mut Article>,
) -> Result<StockStep, StockRefusal> {
    let Some(known) = known else {
        return Ok(first_command(command, terms, article));
    };
    if known.sku != terms.sku {
        return Err(StockRefusal::OtherArticle);
    }
    let to_balance = || article.ok_or(StockRefusal::Unbalanced);
    let quantity = known.quantity;
    let status = match (known.status, command) {
        (ReservationStatus::Held, StockCommand::Sell) => {
            to_balance()?.sell(quantity)?;
            ReservationStatus::Sold
        }
        (ReservationStatus::Held, StockCommand::Release | StockCommand::PutBack) => {
            to_balance()?.release(quantity)?;
            ReservationStatus::Released
        }
        (ReservationStatus::Sold, StockCommand::PutBack) => {
            to_balance()?.put_back(quantity)?;
            ReservationStatus::Released
        }
        // Repeats, and commands that come too late.
        (ReservationStatus::Held, StockCommand::Reserve)
        | (
            ReservationStatus::Sold,
            StockCommand::Reserve | StockCommand::Sell | StockCommand::Release,
        )
        | (ReservationStatus::Released | ReservationStatus::Rejected, _) => {
            return Ok(StockStep::NOTHING);
        }
    };
    let event = (status == ReservationStatus::Released).then(|| {
        Event::StockReleased(StockMoved {
            payment: known.payment,
            sku: known.sku.clone(),
            quantity,
        })
    });
    Ok(StockStep { reservation: Some(Reservation { status, ..known.clone() }), event })
}

fn first_command(
    command: StockCommand,
    terms: &PaymentTerms,
    article: Option<&mut Article>,
) -> StockStep {
    let PaymentTerms { payment, sku, quantity, .. } = terms.clone();
    let asked = StockMoved { payment, sku: sku.clone(), quantity };
    let (status, event) = match command {
        StockCommand::Reserve => match article.map(|article| article.hold(quantity)) {
            None => rejected(asked, StockRefused::UnknownSku),
            Some(true) => (ReservationStatus::Held, Some(Event::StockReserved(asked))),
            Some(false) => rejected(asked, StockRefused::OutOfStock),
        },
        // Remembered, so that the reserve that it overtook is refused.
        StockCommand::Release | StockCommand::PutBack => (ReservationStatus::Released, None),
        // A confirmation follows a reservation in the same partition; alone it has nothing to sell.
        StockCommand::Sell => return StockStep::NOTHING,
    };
    StockStep { reservation: Some(Reservation { payment, sku, quantity, status }), event }
}

fn rejected(asked: StockMoved, reason: StockRefused) -> (ReservationStatus, Option<Event>) {
    (ReservationStatus::Rejected, Some(Event::StockRejected(StockRejected { asked, reason })))
}
