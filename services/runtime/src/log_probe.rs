//! Looks whether the log answers, for services that would only notice once they need it.

use std::time::Duration;

use comptoir_domain::port::bus::{BusError, LogAdmin};
use comptoir_domain::port::platform::Log;
use tokio::time::{sleep, timeout};

use crate::context::Context;
use crate::dependencies::{Dependencies, LogWatch};
use crate::supervise::{TaskResult, Tasks};

/// Between two looks.
const EVERY: Duration = Duration::from_secs(2);
/// Between two looks until the log has answered well once: at a fresh start its topics are just being
/// created, and nobody should wait longer for them than that takes.
const AT_FIRST: Duration = Duration::from_millis(200);
/// How long an answer may take. A log that takes longer is as good as away.
const PATIENCE: Duration = Duration::from_secs(3);

/// Asks the log for its topic again and again, and tells readiness what it says.
#[derive(Debug)]
struct LogProbe<A> {
    admin: A,
    watch: LogWatch,
    context: Context,
}

/// Starts the probe of one service. Until it has looked, the log counts as away.
pub fn start<L: Log>(
    tasks: &mut Tasks,
    name: &'static str,
    log: &L,
    dependencies: &Dependencies,
    context: &Context,
) {
    let (admin, watch) = (log.admin(), dependencies.watch_log());
    watch.is_away();
    tasks.work(name, LogProbe { admin, watch, context: context.clone() }.run());
}

impl<A: LogAdmin> LogProbe<A> {
    async fn run(self) -> TaskResult {
        let stop = self.context.stop.clone();
        let looking = async {
            let mut pause = AT_FIRST;
            loop {
                if self.look().await {
                    pause = EVERY;
                }
                sleep(pause).await;
            }
        };
        stop.run_until_cancelled(looking).await;
        Ok(())
    }

    /// Looks and tells; whether the log answers well.
    async fn look(&self) -> bool {
        let asking = self.admin.log_id(&self.context.topics.notifications);
        match timeout(PATIENCE, asking).await {
            Ok(Ok(_)) => {
                self.watch.is_up();
                return true;
            }
            // Without its topics the log is of no use either; they are created at start.
            Err(_) | Ok(Err(BusError::Unavailable(_) | BusError::UnknownTopic { .. })) => {}
            Ok(Err(error)) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the log answers oddly");
            }
        }
        self.watch.is_away();
        false
    }
}
