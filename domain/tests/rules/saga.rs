//! The whole checkout: both halves, and between them topics that keep each payment's order but
//! deliver from any earlier place again, and to which relays that raced or died publish again what stands
//! there already, behind what is newer.

use std::collections::BTreeMap;
use std::time::Duration;

use comptoir_domain::checkout::StockCommand;
use comptoir_domain::event::{Event, StockRejected};
use comptoir_domain::payment::{Payment, PaymentStatus};
use comptoir_domain::stock::ReservationStatus;
use proptest::prelude::*;

use crate::balance::{Shelf, asked_by};
use crate::sample::{NOW, payment};

const PAYMENTS: usize = 6;

/// One payment's events on one topic, and how far its reader has committed.
#[derive(Default)]
struct Lane {
    /// Each event once, as it was decided.
    told: Vec<Event>,
    /// What stands on the topic.
    log: Vec<Event>,
    next: usize,
}

impl Lane {
    fn tell(&mut self, events: impl IntoIterator<Item = Event>) {
        for event in events {
            self.told.push(event.clone());
            self.log.push(event);
        }
    }

    /// A relay publishes what it read of the outbox a while ago.
    fn publish_again(&mut self, from: usize, count: usize) {
        let again = self.told.iter().skip(from).take(count);
        self.log.extend(again.cloned());
    }

    fn take(&mut self) -> Option<Event> {
        let event = self.log.get(self.next)?.clone();
        self.next += 1;
        Some(event)
    }

    /// The reader crashed before it committed: so many come again.
    fn rewind(&mut self, count: usize) {
        self.next = self.next.saturating_sub(count);
    }
}

struct Checkout {
    payment: Payment,
    to_stock: Lane,
    to_payments: Lane,
}

impl Checkout {
    /// A payment that was just taken in.
    fn begin(n: usize) -> Self {
        let terms = asked_by(n);
        let mut payment = payment(PaymentStatus::Pending);
        payment.id = terms.payment;
        payment.order.sku = terms.sku;
        payment.order.quantity = terms.quantity;
        let mut to_stock = Lane::default();
        to_stock.tell([payment.requested()]);
        Self { payment, to_stock, to_payments: Lane::default() }
    }

    /// Keeps a transition and announces it where stock reads.
    fn keep(&mut self, change: comptoir_domain::payment::Change<Payment>) {
        self.payment = change.state;
        let asked = change.events.into_iter();
        self.to_stock.tell(asked.filter(|event| StockCommand::of(event).is_some()));
    }

    fn carry_out_next(&mut self, stock: &mut Shelf) -> bool {
        let Some(event) = self.to_stock.take() else {
            return false;
        };
        let (command, terms) = StockCommand::of(&event).unwrap();
        let answer = stock.carry_out(command, terms).event;
        self.to_payments.tell(answer);
        true
    }

    fn settle_next(&mut self) -> bool {
        let Some(answer) = self.to_payments.take() else {
            return false;
        };
        let payment = self.payment.clone();
        match answer {
            Event::StockReserved(_) => self.keep(payment.stock_reserved()),
            Event::StockRejected(StockRejected { reason, .. }) => {
                self.keep(payment.stock_rejected(reason));
            }
            _ => {}
        }
        true
    }
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Request,
    CarryOut,
    Settle,
    Expire,
    Refund,
    StockCrashes(usize),
    PaymentsCrash(usize),
    PaymentsRelayAgain(usize, usize),
    StockRelaysAgain(usize, usize),
}

fn steps() -> impl Strategy<Value = Vec<(usize, Step)>> {
    let step = prop_oneof![
        3 => Just(Step::Request),
        4 => Just(Step::CarryOut),
        4 => Just(Step::Settle),
        1 => Just(Step::Expire),
        1 => Just(Step::Refund),
        1 => (1..4_usize).prop_map(Step::StockCrashes),
        1 => (1..4_usize).prop_map(Step::PaymentsCrash),
        1 => (0..3_usize, 1..3_usize).prop_map(|(from, n)| Step::PaymentsRelayAgain(from, n)),
        1 => (0..3_usize, 1..3_usize).prop_map(|(from, n)| Step::StockRelaysAgain(from, n)),
    ];
    prop::collection::vec((0..PAYMENTS, step), 1..80)
}

fn take(step: Step, checkout: &mut Checkout, shelf: &mut Shelf) {
    let payment = checkout.payment.clone();
    match step {
        Step::Request => {}
        Step::CarryOut => drop(checkout.carry_out_next(shelf)),
        Step::Settle => drop(checkout.settle_next()),
        Step::Expire => checkout.keep(payment.expire(NOW.plus(Duration::from_hours(1)))),
        Step::Refund => {
            if let Ok(change) = payment.refund() {
                checkout.keep(change);
            }
        }
        Step::StockCrashes(count) => checkout.to_stock.rewind(count),
        Step::PaymentsCrash(count) => checkout.to_payments.rewind(count),
        Step::PaymentsRelayAgain(from, count) => checkout.to_stock.publish_again(from, count),
        Step::StockRelaysAgain(from, count) => checkout.to_payments.publish_again(from, count),
    }
}

proptest! {
    #[test]
    fn the_checkout_ends_in_balance_whatever_comes_again(steps in steps()) {
        let mut shelf = Shelf::new();
        let mut checkouts: BTreeMap<usize, Checkout> = BTreeMap::new();
        for (n, step) in steps {
            if matches!(step, Step::Request) {
                checkouts.entry(n).or_insert_with(|| Checkout::begin(n));
            }
            if let Some(checkout) = checkouts.get_mut(&n) {
                take(step, checkout, &mut shelf);
            }
            shelf.check()?;
        }
        for checkout in checkouts.values_mut() {
            while checkout.carry_out_next(&mut shelf) || checkout.settle_next() {}
        }
        shelf.check()?;
        for checkout in checkouts.values() {
            settled(checkout, &shelf)?;
        }
    }
}

/// Once everything was delivered, payment and reservation tell the same story, each event once; nothing is
/// held any more, so the stock of whatever did not end as a sale is back.
fn settled(checkout: &Checkout, shelf: &Shelf) -> Result<(), TestCaseError> {
    use ReservationStatus::{Rejected, Released, Sold};
    let reservation = shelf.reservations[&checkout.payment.id].status;
    let agrees = match checkout.payment.status {
        PaymentStatus::Pending => false,
        PaymentStatus::Confirmed => reservation == Sold,
        PaymentStatus::Rejected(_) => reservation == Rejected,
        PaymentStatus::Expired => matches!(reservation, Released | Rejected),
        PaymentStatus::Refunded => reservation == Released,
    };
    prop_assert!(agrees, "{:?}, {:?}", checkout.payment.status, reservation);
    for lane in [&checkout.to_stock, &checkout.to_payments] {
        let mut kinds: Vec<_> = lane.told.iter().map(Event::kind).collect();
        kinds.sort_unstable();
        prop_assert!(kinds.is_sorted_by(|a, b| a < b), "told twice: {:?}", kinds);
    }
    Ok(())
}
