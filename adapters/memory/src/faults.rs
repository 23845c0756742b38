//! The handle by which a test breaks things.

use std::sync::Arc;

use comptoir_domain::topic::GroupId;

use crate::log::MemoryLog;
use crate::script::{Call, Fault, Happened, Odds, Script};

/// What goes wrong. Everything is off until a test asks for it. What is planned for the next calls
/// queues up behind what was planned before.
#[derive(Debug, Clone)]
pub struct Faults {
    script: Arc<Script>,
    log: MemoryLog,
}

impl Faults {
    pub(crate) fn new(script: Arc<Script>, log: MemoryLog) -> Self {
        Self { script, log }
    }

    /// The next publishes append nothing and answer `Unavailable`.
    pub fn fail_next_publishes(&self, times: usize) {
        self.script.plan(Call::Publish, Fault::Fail, times);
    }

    /// The next publishes append everything and answer `Unavailable`.
    pub fn lose_next_publish_answers(&self, times: usize) {
        self.script.plan(Call::Publish, Fault::LoseAnswer, times);
    }

    /// The next publishes append the first half of their records and answer `Unavailable`.
    pub fn tear_next_publishes(&self, times: usize) {
        self.script.plan(Call::Publish, Fault::Tear, times);
    }

    /// The next saves (users, payments, stock alike) write nothing and answer `Unavailable`.
    pub fn fail_next_saves(&self, times: usize) {
        self.script.plan(Call::Save, Fault::Fail, times);
    }

    /// The next saves write everything and answer `Unavailable`. Nobody is nudged.
    pub fn lose_next_save_answers(&self, times: usize) {
        self.script.plan(Call::Save, Fault::LoseAnswer, times);
    }

    /// The next saves answer `Unavailable`; of a batch of payments the first half is written, of
    /// anything else, being one step, all. Nobody is nudged.
    pub fn tear_next_saves(&self, times: usize) {
        self.script.plan(Call::Save, Fault::Tear, times);
    }

    /// The next saves write nothing and answer `Conflict`; those of users, which have no version to
    /// guard, answer `Unavailable`.
    pub fn conflict_next_saves(&self, times: usize) {
        self.script.plan(Call::Save, Fault::Conflict, times);
    }

    /// The next commits of offsets record nothing and answer `Unavailable`.
    pub fn fail_next_commits(&self, times: usize) {
        self.script.plan(Call::Commit, Fault::Fail, times);
    }

    /// The next commits of offsets are recorded and answer `Unavailable`.
    pub fn lose_next_commit_answers(&self, times: usize) {
        self.script.plan(Call::Commit, Fault::LoseAnswer, times);
    }

    /// The next batches that members get come a second time once they are committed.
    pub fn duplicate_next_batches(&self, times: usize) {
        self.script.plan_duplicates(times);
    }

    /// Throws the longest-serving member of the group out, as Kafka does with one that was silent
    /// for too long: it is told what it lost, then it joins again. False if there is none.
    pub fn expel_member(&self, group: &GroupId) -> bool {
        self.log.expel_member(group)
    }

    /// The same, and of what was committed of that member's partitions the later part is lost, from
    /// any offset on: whoever gets them next is given old records again, as after a crash of a
    /// coordinator that had not yet copied the commits, or a reset by an operator.
    pub fn set_group_back(&self, group: &GroupId) -> bool {
        self.log.set_group_back(group)
    }

    /// Whether the log answers at all.
    pub fn set_bus_away(&self, away: bool) {
        self.script.set_bus_away(away);
        self.log.wake_all();
    }

    /// Whether the stores answer at all. Nudges are the process's own and still come.
    pub fn set_store_away(&self, away: bool) {
        self.script.set_store_away(away);
    }

    /// Whether calls of the stores wait until they are no longer silent.
    pub fn set_store_silent(&self, silent: bool) {
        self.script.set_store_silent(silent);
    }

    /// What goes wrong by itself from now on, by the platform's seed.
    pub fn set_odds(&self, odds: Odds) {
        self.script.set_odds(odds);
    }

    /// All is well again: nothing is away, and what was planned or likely is forgotten.
    pub fn calm(&self) {
        self.script.calm();
        self.log.wake_all();
    }

    /// What has gone wrong so far.
    pub fn happened(&self) -> Happened {
        self.script.happened()
    }
}
