//! Many seeds, and what is told of them.

use std::panic::{catch_unwind, resume_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::mistakes::Variant;
use crate::run::{Run, run};
use crate::tally::Tally;
use crate::world::lock;

/// Seeds to run, one after the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seeds {
    pub(crate) first: u64,
    pub(crate) count: u64,
}

impl Seeds {
    /// As the variables say.
    pub(crate) fn asked_for() -> Self {
        Self { first: number("SIM_SEED", 0), count: number("SIM_SEEDS", 200) }
    }
}

#[expect(clippy::disallowed_methods, reason = "a test's own switch, not a program's configuration")]
fn number(variable: &str, default: u64) -> u64 {
    match std::env::var(variable) {
        Ok(text) if !text.is_empty() => text.parse().expect("the variable is a number"),
        _ => default,
    }
}

/// Runs all seeds, a thread for each core; the first that failed, by its number.
pub(crate) fn all<V: Variant>(seeds: Seeds) -> (Tally, Option<Run>) {
    let (next, result) = (AtomicU64::new(0), Mutex::new((Tally::default(), None::<Run>)));
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= seeds.count {
                return;
            }
            let mut run = run_or_name::<V>(seeds.first + number);
            let (all, failure) = &mut *lock(&result);
            all.add(std::mem::take(&mut run.tally));
            let is_first = failure.as_ref().is_none_or(|failure| run.seed < failure.seed);
            if !run.broken.is_empty() && is_first {
                // Those before it are under way already.
                next.store(seeds.count, Ordering::Relaxed);
                *failure = Some(run);
            }
        }
    };
    thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    result.into_inner().expect("no thread panicked")
}

/// A panic in the simulation itself tells no seed.
fn run_or_name<V: Variant>(seed: u64) -> Run {
    catch_unwind(|| run::<V>(seed)).unwrap_or_else(|panic| {
        eprintln!("seed {seed} panicked");
        resume_unwind(panic)
    })
}

pub(crate) fn first_that_fails<V: Variant>(seeds: Seeds) -> Option<Run> {
    all::<V>(seeds).1
}

/// What broke, how to see it again, and all that led to it.
pub(crate) fn of<V: Variant>(Run { seed, broken, history, .. }: &Run) -> String {
    let broken = broken.join("\n  ");
    let test = V::TEST;
    format!(
        "seed {seed} breaks an invariant\n  {broken}\n\nagain: SIM_SEED={seed} SIM_SEEDS=1 cargo test \
         -p comptoir-simulation {test} -- --nocapture\n\n{history}"
    )
}
