use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use comptoir_stage::MONGO;
use proptest::prelude::*;

use super::{Action, Fault, Harm, plan};

/// What a target can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Absent,
    Running,
    Still,
    CutOff,
}

/// Does a step to a target; a step that makes no sense there is none.
fn after(state: State, action: Action) -> Option<State> {
    match (state, action) {
        (State::Absent, Action::Start)
        | (State::Still, Action::Continue)
        | (State::CutOff, Action::Mend) => Some(State::Running),
        (State::Running, Action::Kill | Action::Terminate) => Some(State::Absent),
        (State::Running, Action::Pause) => Some(State::Still),
        (State::Running, Action::Cut) => Some(State::CutOff),
        _ => None,
    }
}

/// What is there before anything goes wrong.
fn at_first(target: &str) -> State {
    if target.ends_with("-2") { State::Absent } else { State::Running }
}

/// Every step of every lane, in order of time.
fn steps(lanes: &[Vec<Fault>]) -> Vec<(Duration, &'static str, Action)> {
    let faults = lanes.iter().flatten();
    let mut steps: Vec<_> = faults
        .flat_map(|fault| {
            let (begin, end) = fault.harm.steps();
            [(fault.at, fault.target, begin), (fault.at + fault.lasts, fault.target, end)]
        })
        .collect();
    // A fault may last no time at all: its steps stay in order.
    steps.sort_by_key(|(at, _, _)| *at);
    steps
}

proptest! {
    #[test]
    fn every_fault_is_undone_by_the_end(seed: u64, seconds in 1..600_u64, durable: bool) {
        let length = Duration::from_secs(seconds);
        let mut states = BTreeMap::new();
        for (at, target, action) in steps(&plan(seed, length, durable)) {
            prop_assert!(at <= length);
            let state = states.entry(target).or_insert_with(|| at_first(target));
            let next = after(*state, action);
            prop_assert!(next.is_some(), "{action:?} on {target}, which is {state:?}, at {at:?}");
            *state = next.unwrap();
        }
        for (target, state) in states {
            prop_assert_eq!(state, at_first(target), "{} at the end", target);
        }
    }

    #[test]
    fn a_seed_gives_the_same_plan_again(seed: u64) {
        let length = Duration::from_secs(100);
        prop_assert_eq!(plan(seed, length, true), plan(seed, length, true));
        prop_assert_ne!(plan(seed, length, true), plan(seed ^ 1, length, true));
    }
}

/// A store in memory would take all it holds with it.
#[test]
fn only_a_durable_store_is_killed() {
    let kills = |durable| {
        let lanes = plan(7, Duration::from_mins(10), durable);
        let mut faults = lanes.into_iter().flatten();
        faults.any(|fault| fault.target == MONGO && fault.harm == Harm::Kill)
    };
    assert!(!kills(false));
    assert!(kills(true));
}

#[test]
fn some_minutes_have_all_there_is() {
    let lanes = plan(1, Duration::from_mins(5), true);
    let had: BTreeSet<_> = lanes.iter().flatten().map(|f| (f.harm, f.target)).collect();
    assert_eq!(had.len(), 13 + 8 + 6, "{had:?}");
}
