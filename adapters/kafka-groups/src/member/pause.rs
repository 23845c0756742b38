//! Pauses of the tasks around a membership.

use std::time::Duration;

use crate::membership::backoff::Backoff;

/// Growing, spread pauses. Tasks that begin to repeat at the same moment do not go on doing so.
#[derive(Debug)]
pub(super) struct Pauses(Backoff);

impl Pauses {
    pub(super) fn new() -> Self {
        Self(Backoff::new(seed()))
    }

    pub(super) fn reset(&mut self) {
        self.0.reset();
    }

    pub(super) fn next(&mut self) -> Duration {
        self.0.pause()
    }

    pub(super) async fn pause(&mut self) {
        tokio::time::sleep(self.0.pause()).await;
    }
}

/// Chance, or nothing where there is none: it only spreads pauses.
pub(super) fn seed() -> u64 {
    getrandom::u64().unwrap_or_default()
}
