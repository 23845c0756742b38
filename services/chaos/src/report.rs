//! The table at the end.

use std::collections::BTreeMap;
use std::time::Duration;

use comptoir_stage::patience::tell;
use comptoir_stage::problem::lost_and_doubled;
use comptoir_stage::shoppers::{Answered, Visit};

use crate::follower::Seen;
use crate::ledger::Ledger;
use crate::plan::Fault;

const REQUESTS: [&str; 5] = ["register", "login", "pay", "refund", "receive"];
const ANSWERS: [Answered; 5] =
    [Answered::Done, Answered::Refused, Answered::Unavailable, Answered::Cut, Answered::Nobody];

/// What a run has to tell.
pub(crate) struct Report<'a> {
    pub(crate) title: &'a str,
    pub(crate) lanes: &'a [Vec<Fault>],
    pub(crate) took: Duration,
    pub(crate) visit: &'a Visit,
    pub(crate) ledger: &'a Ledger,
    pub(crate) followers: &'a [Seen],
}

impl Report<'_> {
    /// Shows it.
    pub(crate) fn show(&self) {
        tell("");
        tell(self.title);
        self.faults();
        self.answers();
        self.books();
    }

    fn faults(&self) {
        let mut counts: BTreeMap<_, BTreeMap<_, usize>> = BTreeMap::new();
        for fault in self.lanes.iter().flatten() {
            *counts.entry(fault.harm).or_default().entry(fault.target).or_default() += 1;
        }
        let count: usize = self.lanes.iter().map(Vec::len).sum();
        tell(&format!("{count} faults in {:.0} s", self.took.as_secs_f64()));
        for (harm, targets) in counts {
            let targets: Vec<_> =
                targets.iter().map(|(name, count)| format!("{name} {count}")).collect();
            tell(&format!("  {harm:<18}{}", targets.join(", ")));
        }
    }

    fn answers(&self) {
        tell("requests      2xx     4xx     5xx     cut  nobody   longest without");
        for what in REQUESTS {
            let counts = ANSWERS.map(|answered| self.visit.count(what, answered));
            let counts = counts.map(|count| format!("{count:>8}")).concat();
            let longest = self.visit.longest_without.get(what).copied().unwrap_or_default();
            tell(&format!("  {what:<8}{counts}{:>14.1} s", longest.as_secs_f64()));
        }
        let repeated = self.visit.asked.iter().filter(|asked| asked.sent > 1).count();
        tell(&format!("  {repeated} were sent again with the same Idempotency-Key"));
    }

    fn books(&self) {
        let Ledger { books, problems, settled_after } = self.ledger;
        let (lost, doubled) = lost_and_doubled(problems);
        let wrong = problems.len() - lost - doubled;
        tell(&books.account.to_string());
        for seen in self.followers {
            tell(&format!(
                "follower: {} lines over {} connections",
                seen.lines.len(),
                seen.connections
            ));
        }
        tell(&format!("settled {:.1} s after the last fault", settled_after.as_secs_f64()));
        tell(&format!("lost {lost}, doubled {doubled}, otherwise wrong {wrong}"));
    }
}
