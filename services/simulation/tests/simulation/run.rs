//! One run: a seed decides everything.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use comptoir_domain::port::bus::LogAdmin as _;
use comptoir_domain::port::platform::Log as _;
use comptoir_domain::topic::Partition;
use tokio::runtime::Builder;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::customer::Customer;
use crate::director::Director;
use crate::http::{Answer, Reply};
use crate::journal::History;
use crate::ledger::{Asked, Ledger};
use crate::mistakes::Variant;
use crate::proof;
use crate::reader::{self, Read};
use crate::shop::{Shop, keep};
use crate::tally::{Counted, Tally};
use crate::world::{World, lock};

/// Everything that customers ask for has its answer by then.
const VISITS: Duration = Duration::from_mins(30);
/// How long the shop may take to come to rest once all goes well.
const REST: Duration = Duration::from_mins(10);
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What became of a run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) seed: u64,
    /// Of the history, if it was written: two runs of one seed have the same.
    pub(crate) hash: u64,
    pub(crate) tally: Tally,
    /// Broken invariants; none if all is well.
    pub(crate) broken: Vec<String>,
    /// Of a run that failed.
    pub(crate) history: String,
}

/// Runs a seed on this thread, and once more for the history if it fails.
pub(crate) fn run<V: Variant>(seed: u64) -> Run {
    let run = once::<V>(seed, History::Counted);
    if run.broken.is_empty() {
        run
    } else {
        Run { broken: run.broken, ..run_with_history::<V>(seed) }
    }
}

pub(crate) fn run_with_history<V: Variant>(seed: u64) -> Run {
    once::<V>(seed, History::Written)
}

fn once<V: Variant>(seed: u64, history: History) -> Run {
    let mut runtime = Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build();
    let runtime = runtime.expect("a runtime of one thread needs nothing");
    runtime.block_on(async {
        let world = World::new(seed, history);
        let mut broken = play::<V>(&world).await;
        broken.dedup();
        let history = if broken.is_empty() { String::new() } else { world.journal.print() };
        let tally = world.tally(world.time.elapsed());
        Run { seed, hash: world.journal.hash(), tally, broken, history }
    })
}

async fn play<V: Variant>(world: &Arc<World>) -> Vec<String> {
    let mut chance = world.chance();
    let shop = Arc::new(Shop::new(world, &mut chance));
    let partitions = chance.u32(1..=4);
    let created = world.memory.admin().create_topics(&shop.topics.all(), partitions).await;
    created.expect("no fault is on yet");
    // Dropped at the end, and with them all that still runs.
    let mut processes = JoinSet::new();
    for slot in &shop.slots {
        processes.spawn(keep::<V>(Arc::clone(&shop), Arc::clone(slot)));
    }
    let (read, ledger) = (Arc::<Mutex<Read>>::default(), Arc::<Ledger>::default());
    for partition in (0..partitions).map(Partition) {
        let logs = shop.topics.logs.clone();
        processes.spawn(reader::read(world.memory.clone(), logs, partition, Arc::clone(&read)));
    }
    let mut faults = JoinSet::new();
    faults.spawn(Director::new(&shop).direct());
    let mut customers = JoinSet::new();
    for number in 1..=chance.usize(2..=5) {
        let customer = Customer::new(format!("customer-{number}"), &shop, &ledger);
        customers.spawn(customer.visit(chance.u64(4..=20)));
    }
    let visits = async { while customers.join_next().await.is_some() {} };
    if timeout(VISITS, visits).await.is_err() {
        world.breaks("every request has an answer, or an end: some have not".to_owned());
    }
    faults.shutdown().await;
    shop.calm();
    come_to_rest(&shop, &read).await;
    count(&shop, &ledger);
    let mut broken = world.broken();
    broken.extend(ledger.asked().iter().filter_map(is_odd));
    if broken.is_empty() {
        broken.extend(proof::check(&shop, &ledger, &lock(&read)));
    }
    broken
}

/// Waits until nothing is left to be done, or something is broken.
async fn come_to_rest(shop: &Shop, read: &Mutex<Read>) {
    let resting = async {
        while shop.world.broken().is_empty() && proof::unrest(shop, &lock(read)).is_some() {
            sleep(LOOK_AGAIN).await;
        }
    };
    if timeout(REST, resting).await.is_err() {
        let unrest = proof::unrest(shop, &lock(read)).unwrap_or_default();
        shop.world.breaks(format!("the shop comes to rest: {unrest}"));
    }
}

fn count(shop: &Shop, ledger: &Ledger) {
    let world = &shop.world;
    let count = |what, times| (0..times).for_each(|_| world.count(what));
    let given_again = proof::keys::given_again(&ledger.asked(), &world.memory.all_payments());
    count(Counted::GivenAgain, given_again);
    let on = |topic| proof::topic(&world.memory, topic).unwrap_or_default();
    count(Counted::Events, on(&shop.topics.notifications).len());
    for line in on(&shop.topics.logs).values() {
        count(Counted::Lines, 1);
        count(Counted::LinesAgain, usize::try_from(line.times - 1).unwrap_or(0));
    }
}

/// An answer that a correct shop never gives.
fn is_odd(asked: &Asked) -> Option<String> {
    match &asked.answer {
        Answer::Came(Reply { status, json, .. }) if !asked.may_be_answered(*status) => {
            let ask = &asked.ask;
            Some(format!("every answer is one of its route's: {ask:?} got {status}: {json}"))
        }
        _ => None,
    }
}
