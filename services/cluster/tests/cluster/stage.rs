//! Where a test plays: Kafka and a store that all share, programs of its own.

mod environment;
mod ports;
mod program;
mod servers;
mod shop;
mod topology;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(crate) use environment::{number, root};
pub(crate) use ports::Ports;
pub(crate) use program::Program;
pub(crate) use servers::{KAFKA, MONGO, Servers};
pub(crate) use shop::{GROUPS, Shop, USERS_TOPICS};

/// One test at a time: they take Kafka away from each other.
static TURN: Mutex<()> = Mutex::new(());

/// A test's turn.
pub(crate) struct Stage {
    // In this order: the last one out stops the servers before the next has its turn.
    pub(crate) servers: Arc<Servers>,
    _turn: MutexGuard<'static, ()>,
}

impl Stage {
    /// Waits for the turn and for the servers. `None` if these tests are not wanted.
    pub(crate) fn enter() -> Option<Self> {
        if !environment::is_wanted() {
            return None;
        }
        // Held while waiting, so that the servers outlive the test before.
        let servers = Servers::shared();
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        servers.heal();
        Some(Self { servers, _turn: turn })
    }

    /// A turn without the shared servers.
    pub(crate) fn enter_alone() -> Option<MutexGuard<'static, ()>> {
        environment::is_wanted().then(|| TURN.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
