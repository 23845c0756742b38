//! `kill -9` again and again: under load, while it starts, while it stops. Nothing that was acknowledged
//! is lost, nothing is done twice, each event has exactly one line, and stock balances.
//!
//! `CRASH_ROUNDS` says how often, `CRASH_SEED` when: the same seed gives the same moments again.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

#[path = "crash/rounds.rs"]
mod rounds;
#[path = "crash/shelf.rs"]
mod shelf;

#[path = "support/program.rs"]
mod program;

use std::time::Duration;

use comptoir_stage::Chance;
use comptoir_stage::environment::number;
use comptoir_stage::patience::tell;
use comptoir_stage::shoppers::{Answered, Pace, Shoppers, Visit};
use tempfile::tempdir;

use rounds::{Rounds, Street};

/// An account is made after so many rounds, and at the end.
const BETWEEN_ACCOUNTS: u64 = 50;

/// Enough to have requests on their way at any moment, and few enough to be accounted for each.
const PACE: Pace = Pace {
    shoppers: 8,
    between_payments: Duration::from_millis(10),
    payments_of_a_user: 40,
    between_receipts: Duration::from_millis(100),
    before_repeat: Duration::from_millis(50),
};

#[test]
fn nothing_acknowledged_is_lost_and_nothing_is_done_twice() {
    let data = tempdir().unwrap();
    let (count, chance) = (number("CRASH_ROUNDS", 10), Chance::new(number("CRASH_SEED", 42)));
    let street = Street::default();
    let mut rounds = Rounds::new(data.path(), &street, chance.fork(0));
    let mut all = Visit::default();
    let mut told = String::new();
    for first in (0..count).step_by(usize::try_from(BETWEEN_ACCOUNTS).unwrap()) {
        let shoppers = Shoppers::start(&street.site(), PACE, &chance.fork(1 + first));
        for _ in first..count.min(first + BETWEEN_ACCOUNTS) {
            rounds.one();
        }
        // They go on until they have seen it ready once more.
        let program = rounds.start();
        all.add(shoppers.finish());
        tell(&format!("after {rounds}"));
        told = shelf::check(&program, &all);
        rounds.stop(program);
    }
    tell(&format!(
        "CRASH_ROUNDS={count}: {rounds}; {} requests acknowledged, {} unanswered; {told}; lost 0, \
         doubled 0",
        all.total(Answered::Done),
        all.total(Answered::Cut) + all.total(Answered::Unavailable),
    ));
}
