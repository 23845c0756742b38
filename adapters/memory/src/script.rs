//! What goes wrong next: first what a test asked for, in order, then what chance brings.

use std::collections::VecDeque;
use std::sync::Mutex;

use comptoir_domain::port::BoxError;
use comptoir_domain::port::bus::BusError;
use comptoir_domain::port::store::StoreError;
use tokio::sync::watch;

use crate::chance::Chance;
use crate::lock;

/// How often things go wrong by themselves, in cases of a thousand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Odds {
    /// A call fails before it did anything.
    pub fail: u32,
    /// A publish or a save takes place, but its answer is an error.
    pub lose_answer: u32,
    /// Half of a publish or of a batch of saves takes place, and its answer is an error.
    pub tear: u32,
    /// A guarded save meets a conflict that nobody made.
    pub conflict: u32,
    /// A batch comes again although it was committed.
    pub duplicate: u32,
}

/// One thing that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Fail,
    LoseAnswer,
    Tear,
    Conflict,
}

impl Fault {
    /// The cause of the error that it makes.
    pub(crate) fn cause(self) -> BoxError {
        match self {
            Self::Fail | Self::Conflict => "a fault came before it did anything",
            Self::LoseAnswer => "a fault lost the answer",
            Self::Tear => "a fault came half-way",
        }
        .into()
    }
}

/// How often something has gone wrong so far, outages not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Happened {
    /// Calls that failed before they did anything.
    pub failed: u64,
    /// Publishes, saves and commits that took place and answered with an error.
    pub lost_answers: u64,
    /// Publishes and saves of which half took place.
    pub torn: u64,
    /// Saves that met a conflict that nobody made.
    pub conflicts: u64,
    /// Batches that came again although they were committed.
    pub duplicates: u64,
}

impl Happened {
    fn count(&mut self, fault: Fault) {
        *match fault {
            Fault::Fail => &mut self.failed,
            Fault::LoseAnswer => &mut self.lost_answers,
            Fault::Tear => &mut self.torn,
            Fault::Conflict => &mut self.conflicts,
        } += 1;
    }
}

/// The calls that a test can plan faults for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    Publish,
    Save,
    Commit,
}

#[derive(Debug)]
struct State {
    publishes: VecDeque<Fault>,
    saves: VecDeque<Fault>,
    commits: VecDeque<Fault>,
    duplicates: usize,
    bus_away: bool,
    store_away: bool,
    store_silent: watch::Sender<bool>,
    odds: Odds,
    happened: Happened,
    chance: Chance,
}

impl State {
    fn queue(&mut self, call: Call) -> &mut VecDeque<Fault> {
        match call {
            Call::Publish => &mut self.publishes,
            Call::Save => &mut self.saves,
            Call::Commit => &mut self.commits,
        }
    }

    fn next(&mut self, call: Call) -> Option<Fault> {
        let fault = self.planned_or_by_chance(call);
        if let Some(fault) = fault {
            self.happened.count(fault);
        }
        fault
    }

    fn planned_or_by_chance(&mut self, call: Call) -> Option<Fault> {
        if let Some(planned) = self.queue(call).pop_front() {
            return Some(planned);
        }
        let Odds { fail, lose_answer, tear, conflict, duplicate: _ } = self.odds;
        let conflict = if call == Call::Save { conflict } else { 0 };
        [
            (Fault::Fail, fail),
            (Fault::LoseAnswer, lose_answer),
            (Fault::Tear, tear),
            (Fault::Conflict, conflict),
        ]
        .into_iter()
        .find_map(|(fault, odds)| self.chance.hits(odds).then_some(fault))
    }

    fn fails_by_chance(&mut self) -> bool {
        let fails = self.chance.hits(self.odds.fail);
        self.happened.failed += u64::from(fails);
        fails
    }

    fn duplicates(&mut self) -> bool {
        if self.duplicates > 0 {
            self.duplicates -= 1;
            return true;
        }
        let odds = self.odds.duplicate;
        self.chance.hits(odds)
    }
}

/// The faults of one platform, and its chance.
#[derive(Debug)]
pub(crate) struct Script(Mutex<State>);

fn away() -> BoxError {
    "the test switched it off".into()
}

impl Script {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Mutex::new(State {
            publishes: VecDeque::new(),
            saves: VecDeque::new(),
            commits: VecDeque::new(),
            duplicates: 0,
            bus_away: false,
            store_away: false,
            store_silent: watch::Sender::new(false),
            odds: Odds::default(),
            happened: Happened::default(),
            chance: Chance::new(seed),
        }))
    }

    pub(crate) fn plan(&self, call: Call, fault: Fault, times: usize) {
        lock(&self.0).queue(call).extend(std::iter::repeat_n(fault, times));
    }

    pub(crate) fn plan_duplicates(&self, times: usize) {
        lock(&self.0).duplicates += times;
    }

    pub(crate) fn set_bus_away(&self, away: bool) {
        lock(&self.0).bus_away = away;
    }

    pub(crate) fn set_store_away(&self, away: bool) {
        lock(&self.0).store_away = away;
    }

    pub(crate) fn set_store_silent(&self, silent: bool) {
        lock(&self.0).store_silent.send_replace(silent);
    }

    pub(crate) fn set_odds(&self, odds: Odds) {
        lock(&self.0).odds = odds;
    }

    /// Ends every outage and forgets what was planned.
    pub(crate) fn calm(&self) {
        let mut state = lock(&self.0);
        for call in [Call::Publish, Call::Save, Call::Commit] {
            state.queue(call).clear();
        }
        state.duplicates = 0;
        state.bus_away = false;
        state.store_away = false;
        state.store_silent.send_replace(false);
        state.odds = Odds::default();
    }

    pub(crate) fn happened(&self) -> Happened {
        lock(&self.0).happened
    }

    /// What goes wrong with a publish or a commit that begins now.
    pub(crate) fn bus_call(&self, call: Call) -> Result<Option<Fault>, BusError> {
        let mut state = lock(&self.0);
        if state.bus_away {
            return Err(BusError::Unavailable(away()));
        }
        match state.next(call) {
            Some(Fault::Fail) => Err(BusError::Unavailable(Fault::Fail.cause())),
            fault => Ok(fault),
        }
    }

    /// Whether the log answers a call that writes no records.
    pub(crate) fn bus_answers(&self) -> Result<(), BusError> {
        let mut state = lock(&self.0);
        if state.bus_away {
            Err(BusError::Unavailable(away()))
        } else if state.fails_by_chance() {
            Err(BusError::Unavailable(Fault::Fail.cause()))
        } else {
            Ok(())
        }
    }

    /// Waits while the store is silent.
    pub(crate) async fn store_is_heard(&self) {
        let mut silent = lock(&self.0).store_silent.subscribe();
        let _ = silent.wait_for(|silent| !silent).await;
    }

    /// What goes wrong with a save that begins now.
    pub(crate) fn save(&self) -> Result<Option<Fault>, StoreError> {
        let mut state = lock(&self.0);
        if state.store_away {
            return Err(StoreError::Unavailable(away()));
        }
        match state.next(Call::Save) {
            Some(Fault::Fail) => Err(StoreError::Unavailable(Fault::Fail.cause())),
            Some(Fault::Conflict) => Err(StoreError::Conflict),
            fault => Ok(fault),
        }
    }

    /// Whether the store answers a call that saves nothing.
    pub(crate) fn store_answers(&self) -> Result<(), StoreError> {
        let mut state = lock(&self.0);
        if state.store_away {
            Err(StoreError::Unavailable(away()))
        } else if state.fails_by_chance() {
            Err(StoreError::Unavailable(Fault::Fail.cause()))
        } else {
            Ok(())
        }
    }

    /// Whether the batch that is delivered now comes again.
    pub(crate) fn duplicates(&self) -> bool {
        let mut state = lock(&self.0);
        let again = state.duplicates();
        state.happened.duplicates += u64::from(again);
        again
    }

    pub(crate) fn below(&self, n: usize) -> usize {
        lock(&self.0).chance.below(n)
    }

    /// Lets others run first: never, once or twice.
    pub(crate) async fn take_turns(&self) {
        for _ in 0..self.below(3) {
            tokio::task::yield_now().await;
        }
    }
}
