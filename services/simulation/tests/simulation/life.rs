//! The life of one process: it may crash, freeze or be slow at every call of a port.
//!
//! A crash stops its tasks where they are: none of them gets any further, whatever it was about to
//! do. They are dropped when somebody notices, which can be seconds later.

use std::fmt::Display;
use std::future::{pending, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use fastrand::Rng;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::tally::Counted;
use crate::world::{World, lock};

/// The longest that a slow call takes longer.
const SLOW_MILLIS: u64 = 400;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pulse {
    Runs,
    Frozen,
    Dead,
}

#[derive(Debug)]
struct State {
    pulse: Pulse,
    /// After so many more steps it crashes.
    fuse: Option<u32>,
    /// Whether its relays miss what it saves.
    is_deaf: bool,
    /// How many of a thousand steps are slow.
    slow: u64,
    waiting: Vec<Waker>,
    chance: Rng,
}

/// One process's life. Clones are the same life.
#[derive(Debug, Clone)]
pub(crate) struct Life {
    name: Arc<str>,
    world: Arc<World>,
    state: Arc<Mutex<State>>,
    dead: CancellationToken,
}

impl Life {
    pub(crate) fn new(name: &str, world: &Arc<World>) -> Self {
        let mut chance = world.chance();
        let slow = if chance.bool() { chance.u64(..60) } else { 0 };
        let state = State {
            pulse: Pulse::Runs,
            fuse: None,
            is_deaf: false,
            slow,
            waiting: Vec::new(),
            chance,
        };
        Self {
            name: name.into(),
            world: Arc::clone(world),
            state: Arc::new(Mutex::new(state)),
            dead: CancellationToken::new(),
        }
    }

    pub(crate) fn world(&self) -> &World {
        &self.world
    }

    /// Notes in the history what the process did.
    pub(crate) fn tell(&self, what: impl Display) {
        self.world.journal.tell(&self.name, what);
    }

    /// Words for what it is about to do.
    pub(crate) fn words(&self, words: impl FnOnce() -> String) -> String {
        self.world.journal.words(words)
    }

    pub(crate) fn kill(&self, when: &str) {
        let mut state = lock(&self.state);
        if state.pulse != Pulse::Dead {
            state.pulse = Pulse::Dead;
            drop(state);
            self.tell(format_args!("CRASHES {when}"));
            self.world.count(Counted::Crashes);
            self.dead.cancel();
        }
    }

    /// Crashes it after so many more steps.
    pub(crate) fn light_fuse(&self, steps: u32) {
        lock(&self.state).fuse = Some(steps);
    }

    /// Its calls stand still; the others, and time, go on. False if it is not running.
    pub(crate) fn freeze(&self) -> bool {
        let mut state = lock(&self.state);
        let runs = state.pulse == Pulse::Runs;
        if runs {
            state.pulse = Pulse::Frozen;
        }
        runs
    }

    pub(crate) fn thaw(&self) {
        let mut state = lock(&self.state);
        if state.pulse == Pulse::Frozen {
            state.pulse = Pulse::Runs;
            let waiting = std::mem::take(&mut state.waiting);
            drop(state);
            waiting.into_iter().for_each(Waker::wake);
        }
    }

    pub(crate) fn set_deaf(&self, deaf: bool) {
        lock(&self.state).is_deaf = deaf;
    }

    pub(crate) fn is_deaf(&self) -> bool {
        lock(&self.state).is_deaf
    }

    /// Nothing more happens to it.
    pub(crate) fn calm(&self) {
        let mut state = lock(&self.state);
        state.fuse = None;
        state.is_deaf = false;
        state.slow = 0;
        drop(state);
        self.thaw();
    }

    pub(crate) async fn died(&self) {
        self.dead.cancelled().await;
    }

    fn runs(&self, context: &Context<'_>) -> bool {
        let mut state = lock(&self.state);
        if state.pulse == Pulse::Frozen {
            state.waiting.push(context.waker().clone());
        }
        state.pulse == Pulse::Runs
    }

    async fn running(&self) {
        poll_fn(|cx| if self.runs(cx) { Poll::Ready(()) } else { Poll::Pending }).await;
    }

    /// A call of a port, with a step before it and one between its effect and its answer.
    pub(crate) async fn call<T: Send>(
        &self,
        what: &str,
        call: impl Future<Output = T> + Send,
    ) -> T {
        if !self.world.may_call() {
            return pending().await;
        }
        self.step("before", what).await;
        let answer = self.alive(call).await;
        self.step("after", what).await;
        answer
    }

    /// A step at which the process may crash, stand still or take its time.
    pub(crate) async fn step(&self, when: &str, what: &str) {
        if self.burns() {
            self.kill(&format!("{when} {what}"));
        }
        self.running().await;
        if let Some(pause) = self.pause() {
            self.world.count(Counted::SlowCalls);
            sleep(pause).await;
            self.running().await;
        }
    }

    /// Gets no further while the process does not run.
    pub(crate) async fn alive<T>(&self, call: impl Future<Output = T> + Send) -> T {
        let mut call = pin!(call);
        poll_fn(|cx| if self.runs(cx) { call.as_mut().poll(cx) } else { Poll::Pending }).await
    }

    fn burns(&self) -> bool {
        let mut state = lock(&self.state);
        let Some(left) = state.fuse else {
            return false;
        };
        state.fuse = left.checked_sub(1);
        left == 0
    }

    fn pause(&self) -> Option<Duration> {
        let mut state = lock(&self.state);
        let slow = state.slow;
        let is_slow = slow > 0 && state.chance.u64(..1_000) < slow;
        is_slow.then(|| Duration::from_millis(state.chance.u64(1..=SLOW_MILLIS)))
    }
}
