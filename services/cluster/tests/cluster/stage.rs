//! Whose turn it is: one test at a time on the servers that all share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use comptoir_stage::Servers;
use comptoir_stage::environment::variable;
use comptoir_stage::patience::tell;

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
        if !is_wanted() {
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
        is_wanted().then(|| TURN.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Whether to run at all. Not running is an error where `TEST_REQUIRE` lists `cluster`.
fn is_wanted() -> bool {
    if variable("TEST_CLUSTER").as_deref() == Some("1") {
        return true;
    }
    let required = variable("TEST_REQUIRE").unwrap_or_default();
    assert!(
        !required.split(',').any(|name| name.trim() == "cluster"),
        "TEST_REQUIRE lists cluster, but TEST_CLUSTER is not 1"
    );
    tell("skipped: TEST_CLUSTER is not set");
    false
}
