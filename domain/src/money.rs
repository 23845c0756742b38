//! Amounts of money: integers in minor units, never fractions.

use std::fmt;

use thiserror::Error;

/// What an amount or a currency code fails on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidMoney {
    /// Outside 1 to [`Amount::MAX`].
    #[error("an amount is 1 to {} minor units", Amount::MAX)]
    Amount,
    /// Not three capital letters.
    #[error("a currency is three capital letters (ISO 4217), such as EUR")]
    Currency,
}

/// A positive number of minor units (cents for EUR), at most [`Amount::MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount(u64);

impl Amount {
    /// The largest amount, in minor units.
    pub const MAX: u64 = 1_000_000_000_000;

    /// Minor units.
    pub const fn minor_units(self) -> u64 {
        self.0
    }
}

impl TryFrom<u64> for Amount {
    type Error = InvalidMoney;

    fn try_from(minor: u64) -> Result<Self, InvalidMoney> {
        if (1..=Self::MAX).contains(&minor) { Ok(Self(minor)) } else { Err(InvalidMoney::Amount) }
    }
}

/// An ISO 4217 alphabetic code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Currency([u8; 3]);

impl Currency {
    /// The currency of a payment that names none.
    pub const EUR: Self = Self(*b"EUR");
}

impl std::str::FromStr for Currency {
    type Err = InvalidMoney;

    fn from_str(code: &str) -> Result<Self, InvalidMoney> {
        match <[u8; 3]>::try_from(code.as_bytes()) {
            Ok(letters) if letters.iter().all(u8::is_ascii_uppercase) => Ok(Self(letters)),
            _ => Err(InvalidMoney::Currency),
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|&letter| fmt::Write::write_char(f, char::from(letter)))
    }
}

/// An amount in a currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Money {
    /// How much.
    pub amount: Amount,
    /// Of what.
    pub currency: Currency,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_both_bounds() {
        assert_eq!(Amount::try_from(0), Err(InvalidMoney::Amount));
        assert_eq!(Amount::try_from(Amount::MAX + 1), Err(InvalidMoney::Amount));
        assert_eq!(Amount::try_from(Amount::MAX).unwrap().minor_units(), Amount::MAX);
    }

    #[test]
    fn a_currency_is_three_capitals() {
        assert_eq!("EUR".parse(), Ok(Currency::EUR));
        assert_eq!(Currency::EUR.to_string(), "EUR");
        for wrong in ["", "EU", "EURO", "eur", "E1R", "ÄB"] {
            assert_eq!(wrong.parse::<Currency>(), Err(InvalidMoney::Currency), "{wrong}");
        }
    }
}
