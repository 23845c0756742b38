//! What a run, or all runs together, went through.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::time::Duration;

/// What is counted, in the order in which it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Counted {
    Seeds,
    Crashes,
    PowerCuts,
    Stops,
    Freezes,
    Expulsions,
    SetBacks,
    Rebalances,
    FailedCalls,
    LostAnswers,
    TornCalls,
    Conflicts,
    Duplicates,
    Redeliveries,
    LostNudges,
    SlowCalls,
    LogOutages,
    StoreOutages,
    ClockJumps,
    ClientsGone,
    Repeated,
    GivenAgain,
    InFlight,
    KeysReused,
    Events,
    Lines,
    LinesAgain,
    Calls,
    Steps,
}

impl Counted {
    const fn name(self) -> &'static str {
        match self {
            Self::Seeds => "seeds",
            Self::Crashes => "processes crashed",
            Self::PowerCuts => "power cuts: all crash at once",
            Self::Stops => "processes stopped and started again",
            Self::Freezes => "processes frozen for a while",
            Self::Expulsions => "members expelled",
            Self::SetBacks => "groups set back",
            Self::Rebalances => "partitions revoked or lost",
            Self::FailedCalls => "calls that failed",
            Self::LostAnswers => "lost answers of publishes, saves, commits",
            Self::TornCalls => "publishes and saves that were torn",
            Self::Conflicts => "conflicts that nobody made",
            Self::Duplicates => "batches that came twice",
            Self::Redeliveries => "records delivered again",
            Self::LostNudges => "nudges lost",
            Self::SlowCalls => "slow calls",
            Self::LogOutages => "outages of the log",
            Self::StoreOutages => "outages of the stores",
            Self::ClockJumps => "clock jumps",
            Self::ClientsGone => "clients that did not wait",
            Self::Repeated => "requests repeated with a key",
            Self::GivenAgain => "first answers given again",
            Self::InFlight => "requests refused while another with their key was in hand",
            Self::KeysReused => "keys refused that were another request's",
            Self::Events => "events",
            Self::Lines => "lines",
            Self::LinesAgain => "lines written again",
            Self::Calls => "calls of ports",
            Self::Steps => "steps of history",
        }
    }
}

/// The counts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    counts: BTreeMap<Counted, u64>,
    answers: BTreeMap<(&'static str, String), u64>,
    pub(crate) virtual_time: Duration,
}

impl Tally {
    pub(crate) fn count(&mut self, what: Counted, times: u64) {
        *self.counts.entry(what).or_default() += times;
    }

    pub(crate) fn answered(&mut self, route: &'static str, answer: String) {
        *self.answers.entry((route, answer)).or_default() += 1;
    }

    pub(crate) fn add(&mut self, other: Self) {
        for (what, times) in other.counts {
            self.count(what, times);
        }
        for (answer, times) in other.answers {
            *self.answers.entry(answer).or_default() += times;
        }
        self.virtual_time += other.virtual_time;
    }
}

impl Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, times) in &self.counts {
            writeln!(f, "{times:>12}  {}", what.name())?;
        }
        for ((route, answer), times) in &self.answers {
            writeln!(f, "{times:>12}  {route} → {answer}")?;
        }
        let hours = self.virtual_time.as_secs_f64() / 3_600.0;
        write!(f, "{hours:>12.1}  hours of virtual time")
    }
}
