//! The thread that enforces retention now and then.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;

use crate::log::retention;
use crate::shared::Shared;
use crate::sync::lock;

/// The thread, and how it is told to stop.
pub(super) struct Keeper {
    thread: JoinHandle<()>,
    stop: Arc<Stop>,
}

#[derive(Default)]
struct Stop {
    is_asked: Mutex<bool>,
    asked: Condvar,
}

impl Keeper {
    pub(super) fn start(shared: Arc<Shared>) -> std::io::Result<Self> {
        let stop = Arc::<Stop>::default();
        let seen = Arc::clone(&stop);
        let thread = std::thread::Builder::new()
            .name("embedded-keeper".to_owned())
            .spawn(move || run(&shared, &seen))?;
        Ok(Self { thread, stop })
    }

    /// Stops and joins it. A removal that is under way is finished first, so the writer must still
    /// run.
    pub(super) fn stop(self) {
        *lock(&self.stop.is_asked) = true;
        self.stop.asked.notify_all();
        if self.thread.join().is_err() {
            tracing::error!("the thread that enforces retention ended with a panic");
        }
    }
}

fn run(shared: &Arc<Shared>, stop: &Stop) {
    loop {
        let pause = shared.options.retention_every;
        let waiting = lock(&stop.is_asked);
        let waited = stop.asked.wait_timeout_while(waiting, pause, |asked| !*asked);
        if *waited.unwrap_or_else(PoisonError::into_inner).0 {
            return;
        }
        match retention::enforce(shared, shared.clock.now()) {
            Ok(0) => {}
            Ok(records) => tracing::debug!(records, "retention removed records"),
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "retention could not be enforced; it is tried again later"
            ),
        }
    }
}
