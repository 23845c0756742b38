//! Stock: what is there of an article, and what each payment holds of it.
//!
//! The article has only counters; each payment's claim is a [`Reservation`] of its own, kept as long
//! as the payment, which makes repeats harmless for ever. At every moment
//! `received = available + held + sold`.

use std::fmt;

use thiserror::Error;

use crate::id::PaymentId;

/// Why a text names no article.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "an article's code has 1 to {} characters, none of them a control character",
    Sku::MAX_CHARS
)]
pub struct InvalidSku;

/// An article's code (stock keeping unit).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sku(String);

impl Sku {
    /// The longest code, in characters.
    pub const MAX_CHARS: usize = 64;

    /// The code as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Sku {
    type Error = InvalidSku;

    fn try_from(text: String) -> Result<Self, InvalidSku> {
        let fits = (1..=Self::MAX_CHARS).contains(&text.chars().count());
        if fits && !text.chars().any(char::is_control) { Ok(Self(text)) } else { Err(InvalidSku) }
    }
}

impl fmt::Display for Sku {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A number of pieces that is zero or too large.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a quantity is 1 to {max} pieces")]
pub struct InvalidQuantity {
    max: u32,
}

/// How many pieces: at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quantity(u32);

impl Quantity {
    /// One piece.
    pub const ONE: Self = Self(1);
    /// The most pieces in one payment.
    pub const MAX_ORDER: u32 = 1_000;
    /// The most pieces in one receipt.
    pub const MAX_RECEIPT: u32 = 1_000_000;

    /// A quantity to buy.
    pub fn to_order(pieces: u64) -> Result<Self, InvalidQuantity> {
        Self::up_to(pieces, Self::MAX_ORDER)
    }

    /// A quantity that arrives in stock; also the widest that is read back from a store or an event.
    pub fn to_receive(pieces: u64) -> Result<Self, InvalidQuantity> {
        Self::up_to(pieces, Self::MAX_RECEIPT)
    }

    fn up_to(pieces: u64, max: u32) -> Result<Self, InvalidQuantity> {
        match u32::try_from(pieces) {
            Ok(pieces) if (1..=max).contains(&pieces) => Ok(Self(pieces)),
            _ => Err(InvalidQuantity { max }),
        }
    }

    /// Pieces.
    pub const fn pieces(self) -> u32 {
        self.0
    }
}

/// Why an article's counters cannot be moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum StockRefusal {
    /// The counter of received pieces would overflow.
    #[error("no more than {} pieces of one article can ever be received", Article::MAX_RECEIVED)]
    Full,
    /// `received` is not `available + held + sold`, or fewer pieces are held than a reservation says.
    #[error("the counters of the article do not add up")]
    Unbalanced,
    /// A command names another article than the payment's reservation.
    #[error("the payment reserved another article")]
    OtherArticle,
}

/// The counters of one article.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Article {
    sku: Sku,
    available: u64,
    held: u64,
    sold: u64,
}

impl Article {
    /// The most pieces ever received of one article: a JSON number holds it exactly.
    pub const MAX_RECEIVED: u64 = 1 << 53;

    /// An article nobody has received yet.
    pub fn new(sku: Sku) -> Self {
        Self { sku, available: 0, held: 0, sold: 0 }
    }

    /// Reads stored counters back.
    pub fn restore(
        sku: Sku,
        received: u64,
        [available, held, sold]: [u64; 3],
    ) -> Result<Self, StockRefusal> {
        let sum = available.checked_add(held).and_then(|sum| sum.checked_add(sold));
        let balanced = sum == Some(received) && received <= Self::MAX_RECEIVED;
        if balanced {
            Ok(Self { sku, available, held, sold })
        } else {
            Err(StockRefusal::Unbalanced)
        }
    }

    /// The article's code.
    pub fn sku(&self) -> &Sku {
        &self.sku
    }

    /// Pieces ever received: always the sum of the other three.
    pub fn received(&self) -> u64 {
        self.available + self.held + self.sold
    }

    /// Pieces that can be reserved.
    pub fn available(&self) -> u64 {
        self.available
    }

    /// Pieces reserved by payments that are not settled.
    pub fn held(&self) -> u64 {
        self.held
    }

    /// Pieces of confirmed payments.
    pub fn sold(&self) -> u64 {
        self.sold
    }

    /// Takes pieces in.
    pub fn receive(&mut self, quantity: Quantity) -> Result<(), StockRefusal> {
        let pieces = u64::from(quantity.pieces());
        if self.received() + pieces > Self::MAX_RECEIVED {
            return Err(StockRefusal::Full);
        }
        self.available += pieces;
        Ok(())
    }

    /// Moves pieces from available to held; false if there are not as many.
    pub(crate) fn hold(&mut self, quantity: Quantity) -> bool {
        Self::shift(&mut self.available, &mut self.held, quantity).is_ok()
    }

    /// Moves pieces from held to sold.
    pub(crate) fn sell(&mut self, quantity: Quantity) -> Result<(), StockRefusal> {
        Self::shift(&mut self.held, &mut self.sold, quantity)
    }

    /// Moves pieces from held back to available.
    pub(crate) fn release(&mut self, quantity: Quantity) -> Result<(), StockRefusal> {
        Self::shift(&mut self.held, &mut self.available, quantity)
    }

    /// Moves pieces from sold back to available.
    pub(crate) fn put_back(&mut self, quantity: Quantity) -> Result<(), StockRefusal> {
        Self::shift(&mut self.sold, &mut self.available, quantity)
    }

    fn shift(from: &mut u64, to: &mut u64, quantity: Quantity) -> Result<(), StockRefusal> {
        let pieces = u64::from(quantity.pieces());
        *from = from.checked_sub(pieces).ok_or(StockRefusal::Unbalanced)?;
        *to += pieces;
        Ok(())
    }
}

/// What became of a payment's claim on stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReservationStatus {
    /// The pieces are set aside.
    Held,
    /// The payment was confirmed.
    Sold,
    /// The pieces went back, or were released before they were ever asked for.
    Released,
    /// There was nothing to set aside.
    Rejected,
}

/// One payment's claim on one article.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    /// The payment, which is also the reservation's identity.
    pub payment: PaymentId,
    /// The article.
    pub sku: Sku,
    /// How many pieces.
    pub quantity: Quantity,
    /// Where the claim stands.
    pub status: ReservationStatus,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_article_must_balance() {
        let sku = || Sku::try_from("mug".to_owned()).unwrap();
        assert!(Article::restore(sku(), 6, [1, 2, 3]).is_ok());
        assert_eq!(Article::restore(sku(), 7, [1, 2, 3]), Err(StockRefusal::Unbalanced));
        assert_eq!(Article::restore(sku(), 0, [u64::MAX, 1, 0]), Err(StockRefusal::Unbalanced));
    }

    #[test]
    fn an_article_can_be_full() {
        let sku = Sku::try_from("mug".to_owned()).unwrap();
        let most = Article::MAX_RECEIVED;
        let mut article = Article::restore(sku, most, [most, 0, 0]).unwrap();
        assert_eq!(article.receive(Quantity::ONE), Err(StockRefusal::Full));
        assert_eq!(article.received(), most);
    }

    #[test]
    fn quantities_are_bounded() {
        assert!(Quantity::to_order(0).is_err());
        assert!(Quantity::to_order(1_001).is_err());
        assert!(Quantity::to_order(u64::MAX).is_err());
        assert_eq!(Quantity::to_order(1_000).unwrap().pieces(), 1_000);
        assert_eq!(Quantity::to_receive(1_000_000).unwrap().pieces(), 1_000_000);
    }
}
