//! The shop: several processes of every service, each kept by somebody who starts it again.

mod keeper;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use comptoir_domain::topic::Topics;
use comptoir_http::Routes;
use fastrand::Rng;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

pub(crate) use self::keeper::keep;
use crate::clock::WallClock;
use crate::http::{Answer, Call};
use crate::life::Life;
use crate::tally::Counted;
use crate::world::{World, lock};

/// What a process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Users,
    Payments,
    Inventories,
    Notifications,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Payments => "payments",
            Self::Inventories => "inventories",
            Self::Notifications => "notifications",
        }
    }
}

/// A process that takes requests.
#[derive(Clone)]
pub(crate) struct Running {
    pub(crate) life: Life,
    stop: CancellationToken,
    routes: Routes,
    requests: Arc<Mutex<JoinSet<()>>>,
}

/// A place where a process runs, most of the time.
pub(crate) struct Slot {
    pub(crate) kind: Kind,
    pub(crate) name: String,
    pub(crate) clock: WallClock,
    running: Mutex<Option<Running>>,
}

/// All of them.
pub(crate) struct Shop {
    pub(crate) world: Arc<World>,
    pub(crate) topics: Topics,
    pub(crate) slots: Vec<Arc<Slot>>,
    pub(crate) expires_after: Duration,
    calm: CancellationToken,
}

impl Shop {
    /// A shop whose size and patience the seed decides. Nothing runs yet.
    pub(crate) fn new(world: &Arc<World>, chance: &mut Rng) -> Self {
        let mut slots = Vec::new();
        for (kind, most) in [
            (Kind::Users, 2),
            (Kind::Payments, 3),
            (Kind::Inventories, 3),
            (Kind::Notifications, 2),
        ] {
            for number in 1..=chance.usize(1..=most) {
                slots.push(Arc::new(Slot {
                    kind,
                    name: format!("{}-{number}", kind.name()),
                    clock: WallClock::new(world.time),
                    running: Mutex::default(),
                }));
            }
        }
        Self {
            world: Arc::clone(world),
            topics: Topics::with_prefix("").expect("no prefix is one"),
            slots,
            expires_after: Duration::from_millis(chance.u64(500..=30_000)),
            calm: CancellationToken::new(),
        }
    }

    /// Sends a request to one of those who run, and waits for the answer, but not for ever.
    pub(crate) async fn send(
        &self,
        kind: Kind,
        call: Call,
        patience: Duration,
        chance: &mut Rng,
    ) -> Answer {
        let of_kind = self.slots.iter().filter(|slot| slot.kind == kind);
        let open: Vec<_> = of_kind.filter_map(|slot| slot.running()).collect();
        let Some(process) = chance.choice(open) else {
            return Answer::Refused;
        };
        let (answer, answered) = oneshot::channel();
        let (routes, life) = (process.routes.clone(), process.life.clone());
        let handler = lock(&process.requests).spawn(async move {
            let came = life.alive(call.send(routes)).await;
            life.step("before", "an answer").await;
            // The client may have left.
            let _ = answer.send(came);
        });
        if let Ok(answered) = timeout(patience, answered).await {
            // A process that crashed hangs up.
            return answered.unwrap_or(Answer::Lost);
        }
        // What a connection that is closed does to its handler.
        handler.abort();
        self.world.count(Counted::ClientsGone);
        Answer::Lost
    }

    /// One of those who run.
    pub(crate) fn any_running(&self, chance: &mut Rng) -> Option<(Arc<Slot>, Running)> {
        let running = |slot: &Arc<Slot>| Some((Arc::clone(slot), slot.running()?));
        let all: Vec<_> = self.slots.iter().filter_map(running).collect();
        chance.choice(all)
    }

    /// No more faults: everything is up, or comes up soon, and goes right.
    pub(crate) fn calm(&self) {
        self.world.journal.tell("faults", "END: from now on all goes well".to_owned());
        self.calm.cancel();
        self.world.memory.faults().calm();
        for slot in &self.slots {
            slot.clock.set_wrong(0);
            if let Some(running) = slot.running() {
                running.life.calm();
            }
        }
    }
}

impl Slot {
    pub(crate) fn running(&self) -> Option<Running> {
        lock(&self.running).clone()
    }

    /// Stops the process as an operator does; its keeper starts another one.
    pub(crate) fn stop(&self) {
        if let Some(running) = lock(&self.running).take() {
            running.life.tell("is asked to stop");
            running.stop.cancel();
        }
    }
}
