//! Stock stays in balance whatever is asked of it, in whatever order and however often.

use std::collections::BTreeMap;

use comptoir_domain::checkout::StockCommand::{self, PutBack, Release, Reserve, Sell};
use comptoir_domain::checkout::{StockStep, decide};
use comptoir_domain::event::PaymentTerms;
use comptoir_domain::id::PaymentId;
use comptoir_domain::stock::ReservationStatus::{self, Held, Rejected, Released, Sold};
use comptoir_domain::stock::{Article, Quantity, Reservation, Sku};
use proptest::prelude::*;

use crate::sample::{article, counters, payment_id, sku, terms};

const PAYMENTS: usize = 5;
/// On the shelf of each article at first; the third one was never received.
const RECEIVED: u64 = 6;
const ARTICLES: [&str; 3] = ["coffee-mug", "tea-pot", "nobody-has-it"];

/// Articles and reservations, as a store keeps them.
pub(crate) struct Shelf {
    articles: BTreeMap<Sku, Article>,
    pub(crate) reservations: BTreeMap<PaymentId, Reservation>,
}

/// What one payment asks for: some pieces of one article, always the same.
pub(crate) fn asked_by(n: usize) -> PaymentTerms {
    PaymentTerms {
        payment: payment_id(n as u128),
        sku: sku(ARTICLES[n % ARTICLES.len()]),
        quantity: Quantity::to_order(1 + n as u64 % 4).unwrap(),
        ..terms()
    }
}

impl Shelf {
    pub(crate) fn new() -> Self {
        let full = |code: &&str| (sku(code), article(code, [RECEIVED, 0, 0]));
        Self { articles: ARTICLES[..2].iter().map(full).collect(), reservations: BTreeMap::new() }
    }

    pub(crate) fn carry_out(&mut self, command: StockCommand, terms: &PaymentTerms) -> StockStep {
        let known = self.reservations.get(&terms.payment);
        let article = self.articles.get_mut(&terms.sku);
        let step = decide(command, terms, known, article).unwrap();
        if let Some(reservation) = &step.reservation {
            self.reservations.insert(terms.payment, reservation.clone());
        }
        step
    }

    fn pieces(&self, of: &Sku, status: ReservationStatus) -> u64 {
        let own = self.reservations.values();
        let own = own.filter(|r| r.sku == *of && r.status == status);
        own.map(|r| u64::from(r.quantity.pieces())).sum()
    }

    /// `received = available + held + sold`, and the counters are the sums of the reservations.
    pub(crate) fn check(&self) -> Result<(), TestCaseError> {
        for (sku, article) in &self.articles {
            prop_assert_eq!(article.received(), RECEIVED);
            let (held, sold) = (self.pieces(sku, Held), self.pieces(sku, Sold));
            let balance = [RECEIVED - held - sold, held, sold];
            prop_assert_eq!(counters(article), balance, "{}", sku);
        }
        Ok(())
    }

    fn all(&self) -> Vec<[u64; 3]> {
        self.articles.values().map(counters).collect()
    }
}

fn commands() -> impl Strategy<Value = Vec<(usize, StockCommand)>> {
    let command = prop_oneof![Just(Reserve), Just(Sell), Just(Release), Just(PutBack)];
    prop::collection::vec((0..PAYMENTS, command), 1..60)
}

proptest! {
    #[test]
    fn any_commands_in_any_order_keep_the_balance(commands in commands()) {
        let mut shelf = Shelf::new();
        for (payment, command) in commands {
            shelf.carry_out(command, &asked_by(payment));
            shelf.check()?;
        }
    }

    #[test]
    fn a_repeated_command_changes_nothing(commands in commands()) {
        let mut shelf = Shelf::new();
        for (payment, command) in commands {
            shelf.carry_out(command, &asked_by(payment));
            let (before, kept) = (shelf.all(), shelf.reservations.clone());
            let again = shelf.carry_out(command, &asked_by(payment));
            prop_assert_eq!(again.reservation, None);
            prop_assert_eq!(again.event, None);
            prop_assert_eq!((shelf.all(), &shelf.reservations), (before, &kept));
        }
    }

    /// What a reservation ended as, it stays: nothing is booked twice.
    #[test]
    fn a_reservation_never_goes_back(commands in commands()) {
        let mut shelf = Shelf::new();
        for (payment, command) in commands {
            let id = payment_id(payment as u128);
            let before = shelf.reservations.get(&id).map(|r| r.status);
            shelf.carry_out(command, &asked_by(payment));
            let after = shelf.reservations.get(&id).map(|r| r.status);
            let allowed = before == after
                || matches!(
                    (before, after),
                    (None, Some(Held | Rejected | Released))
                        | (Some(Held), Some(Sold | Released))
                        | (Some(Sold), Some(Released))
                );
            prop_assert!(allowed, "{:?} to {:?}", before, after);
        }
    }
}
