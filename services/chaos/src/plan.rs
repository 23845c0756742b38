//! What goes wrong, and when: a seed gives the same plan again.
//!
//! Faults come in lanes. Within a lane one follows the other, and a target belongs to one lane, so
//! nothing is done to a process that is down already; the lanes go on at the same time.

#[cfg(test)]
mod tests;

use std::time::Duration;

use comptoir_stage::{Chance, KAFKA, MONGO};

/// What is done, and undone when it has lasted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Harm {
    /// `kill -9`, and a new start.
    Kill,
    /// SIGTERM, and a new start, as when it is replaced.
    Replace,
    /// SIGSTOP, and SIGCONT: a process that hangs and comes back.
    Pause,
    /// Its connections are cut, and new ones refused.
    Cut,
    /// One instance more, which dies by `kill -9`.
    AddAndKill,
    /// One instance more, which leaves by SIGTERM.
    AddAndStop,
}

/// One thing that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) harm: Harm,
    /// As `ctl` calls it.
    pub(crate) target: &'static str,
    /// From the beginning of the run.
    pub(crate) at: Duration,
    pub(crate) lasts: Duration,
}

/// One step of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Start,
    Kill,
    Terminate,
    Pause,
    Continue,
    Cut,
    Mend,
}

impl Harm {
    /// The first step, and the one that undoes it.
    pub(crate) fn steps(self) -> (Action, Action) {
        match self {
            Self::Kill => (Action::Kill, Action::Start),
            Self::Replace => (Action::Terminate, Action::Start),
            Self::Pause => (Action::Pause, Action::Continue),
            Self::Cut => (Action::Cut, Action::Mend),
            Self::AddAndKill => (Action::Start, Action::Kill),
            Self::AddAndStop => (Action::Start, Action::Terminate),
        }
    }

    /// How long it lasts, in milliseconds.
    fn lasts(self, target: &str) -> (u64, u64) {
        match self {
            Self::Kill => (0, 4_000),
            Self::Replace => (0, 500),
            // The store has five seconds to answer.
            Self::Pause | Self::Cut if target == MONGO => (500, 7_000),
            Self::Pause if target == KAFKA => (500, 8_000),
            // A member of a group is given up after ten seconds: it may come back as a stranger.
            Self::Pause | Self::Cut => (500, 12_000),
            Self::AddAndKill | Self::AddAndStop => (3_000, 10_000),
        }
    }
}

/// Faults that follow each other.
struct Lane {
    harms: &'static [(Harm, &'static [&'static str])],
    /// Between two of them, in milliseconds.
    pause: (u64, u64),
}

const WORKERS: Lane = Lane {
    harms: &[
        (Harm::Kill, &["inventories-service", "notifications-service", "logs-service"]),
        (Harm::Replace, &["inventories-service", "notifications-service", "logs-service"]),
        (Harm::Pause, &["inventories-service", "notifications-service", "logs-service"]),
        (Harm::AddAndKill, &["inventories-service-2", "notifications-service-2"]),
        (Harm::AddAndStop, &["inventories-service-2", "notifications-service-2"]),
    ],
    pause: (500, 4_000),
};
const DESKS: Lane = Lane {
    harms: &[
        (Harm::Kill, &["users-service", "payments-service"]),
        (Harm::Replace, &["users-service", "payments-service"]),
        (Harm::Pause, &["users-service", "payments-service"]),
        (Harm::AddAndKill, &["payments-service-2"]),
        (Harm::AddAndStop, &["payments-service-2"]),
    ],
    pause: (500, 4_000),
};
/// Kafka takes some seconds to come back, and is to be used in between.
const SERVERS: Lane = Lane {
    harms: &[
        (Harm::Kill, &[KAFKA]),
        (Harm::Replace, &[KAFKA]),
        (Harm::Pause, &[KAFKA, MONGO]),
        (Harm::Cut, &[MONGO]),
    ],
    pause: (4_000, 8_000),
};
/// A store that keeps what it acknowledged can be killed as well.
const DURABLE_SERVERS: Lane = Lane {
    harms: &[
        (Harm::Kill, &[KAFKA, MONGO]),
        (Harm::Replace, &[KAFKA]),
        (Harm::Pause, &[KAFKA, MONGO]),
        (Harm::Cut, &[MONGO]),
    ],
    pause: (4_000, 8_000),
};

/// The lanes of a run, each in order of time.
pub(crate) fn plan(seed: u64, length: Duration, store_is_durable: bool) -> [Vec<Fault>; 3] {
    let servers = if store_is_durable { DURABLE_SERVERS } else { SERVERS };
    let lanes = [(0, WORKERS), (1, DESKS), (2, servers)];
    lanes.map(|(number, lane)| lane.faults(Chance::new(seed).fork(number), length))
}

impl Lane {
    /// As many as end in time. Each kind comes before one comes again.
    fn faults(&self, mut chance: Chance, length: Duration) -> Vec<Fault> {
        let all = self.harms.iter().flat_map(|(harm, on)| on.iter().map(|target| (*harm, *target)));
        let all: Vec<_> = all.collect();
        let mut deck = Vec::new();
        let mut faults = Vec::new();
        let mut time = Duration::ZERO;
        loop {
            if deck.is_empty() {
                deck.clone_from(&all);
                chance.shuffle(&mut deck);
            }
            let Some((harm, target)) = deck.pop() else { return faults };
            let mut millis = |(least, most)| Duration::from_millis(chance.within(least, most + 1));
            let at = time + millis(self.pause);
            let lasts = millis(harm.lasts(target));
            time = at + lasts;
            if time > length {
                return faults;
            }
            faults.push(Fault { harm, target, at, lasts });
        }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (at, lasts) = (self.at.as_secs_f64(), self.lasts.as_secs_f64());
        write!(f, "{at:6.1} s  {} {}, for {lasts:.1} s", self.harm, self.target)
    }
}

impl std::fmt::Display for Harm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Kill => "kill -9",
            Self::Replace => "replace",
            Self::Pause => "pause",
            Self::Cut => "cut off",
            Self::AddAndKill => "add and kill -9",
            Self::AddAndStop => "add and stop",
        })
    }
}
