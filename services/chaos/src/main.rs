//! Load on the separate programs while they, Kafka and the store are killed, paused, cut off, replaced
//! and scaled; and then the account, by id: nothing that was acknowledged is lost, nothing is done twice.
//!
//! It runs the programs of `BIN_DIR`, or of `target/release`, and needs what `deploy/local/up` needs, and
//! `kcat`. `CHAOS_SECONDS` (300) says for how long there are faults, `CHAOS_SEED` which ones, `STORE`
//! (`memory`) on which store; `ferretdb` keeps what it acknowledged, so it is killed as well.
#![expect(clippy::unwrap_used, reason = "a run that cannot go on should panic")]

mod faults;
mod follower;
mod ledger;
mod plan;
mod report;
mod town;

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::time::Duration;

use comptoir_stage::Chance;
use comptoir_stage::books::{unfollowed, wrong_users};
use comptoir_stage::environment::{number, variable};
use comptoir_stage::patience::{now, pause, tell, until};
use comptoir_stage::problem::Problem;
use comptoir_stage::shoppers::{Pace, Shoppers};

use follower::{Follower, Seen};
use report::Report;
use town::Town;

/// How much there is to do before the first fault.
const CALM: Duration = Duration::from_secs(3);
/// A follower has this long for the last line.
const LINE_TIME: Duration = Duration::from_secs(30);
/// Users that are asked for by name: each costs a hash.
const ASKED_FOR: usize = 100;
/// Problems that are shown.
const SHOWN: usize = 30;

fn main() {
    let length = Duration::from_secs(number("CHAOS_SECONDS", 300));
    let seed = number("CHAOS_SEED", RandomState::new().hash_one(0) % 1_000_000);
    let store = variable("STORE").unwrap_or_else(|| "memory".to_owned());
    let title = format!("CHAOS_SEED={seed} CHAOS_SECONDS={} STORE={store}", length.as_secs());
    tell(&title);
    let lanes = plan::plan(seed, length, store == "ferretdb");

    let town = Town::build(&store);
    let logs = town.shop.port("logs-service");
    let chance = Chance::new(seed);
    let followers =
        [Follower::start(logs, None), Follower::start(logs, Some(chance.fork(u64::MAX)))];
    let shoppers = Shoppers::start(&town.site(), pace(&store, length), &chance);
    pause(CALM);
    let began = now();
    faults::carry_out(&town, &lanes);
    let took = began.elapsed();
    let visit = shoppers.finish();

    let mut ledger = ledger::settle(&town, &visit);
    let followers =
        followers.map(|follower| all_seen(&follower, ledger.books.account.events.len()));
    for seen in &followers {
        ledger.problems.extend(unfollowed(&ledger.books, &seen.lines));
        let complaints = seen.complaints.iter();
        ledger.problems.extend(complaints.map(|frame| Problem::Wrong(format!("told {frame}"))));
    }
    // Last, since it makes users where there are none.
    let users = town.shop.port("users-service");
    ledger.problems.extend(wrong_users(users, &ledger.books, &visit.asked, ASKED_FOR));
    let (visit, ledger, followers) = (&visit, &ledger, &followers);
    Report { title: &title, lanes: &lanes, took, visit, ledger, followers }.show();
    stop(town, &ledger.problems);
}

/// What the store can bear: the durable one looks through all documents for every write.
fn pace(store: &str, length: Duration) -> Pace {
    const PAYMENTS: u32 = 900;
    const MOST_A_SECOND: u32 = 6;
    let seconds = u32::try_from(length.as_secs()).unwrap_or(u32::MAX).max(1);
    let (shoppers, between_payments) = match store {
        "ferretdb" => (3, Duration::from_secs(3) / (PAYMENTS / seconds).clamp(1, MOST_A_SECOND)),
        _ => (6, Duration::from_millis(60)),
    };
    Pace {
        shoppers,
        between_payments,
        payments_of_a_user: 40,
        between_receipts: Duration::from_secs(3),
        before_repeat: Duration::from_millis(500),
    }
}

/// What a follower has seen when it has had time for all of it.
fn all_seen(follower: &Follower, lines: usize) -> Seen {
    let since = now();
    until("the follower has seen all", LINE_TIME * 2, || {
        let seen = follower.seen();
        // If some are missing, the account says which.
        let enough = seen.lines.len() >= lines || since.elapsed() > LINE_TIME;
        if enough { Ok(seen) } else { Err(seen.lines.len()) }
    })
}

/// Each program must stop as it should, and nothing may be wrong.
fn stop(town: Town, problems: &[Problem]) {
    for problem in problems.iter().take(SHOWN) {
        tell(&format!("{problem:?}"));
    }
    assert!(problems.is_empty(), "{} problems", problems.len());
    town.shop.stop();
}
