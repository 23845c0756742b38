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
/// How long an answer may take. A log that takes longer is as good as away.
const PATIENCE: Duration = Duration::from_secs(3);

/// Asks the log for its topic again and again, and tells readiness what it says.
#[derive(Debug)]
struct LogProbe<A> {
    admin: A,
    watch: LogWatch,
    context: Context,
}

/// Starts the probe of one service.
pub fn start<L: Log>(
    tasks: &mut Tasks,
    name: &'static str,
    log: &L,
    dependencies: &Dependencies,
    context: &Context,
) {
    let (admin, watch) = (log.admin(), dependencies.watch_log());
    tasks.work(name, LogProbe { admin, watch, context: context.clone() }.run());
}

impl<A: LogAdmin> LogProbe<A> {
    async fn run(self) -> TaskResult {
        let stop = self.context.stop.clone();
        let looking = async {
            loop {
                self.look().await;
                sleep(EVERY).await;
            }
        };
        stop.run_until_cancelled(looking).await;
        Ok(())
    }

    async fn look(&self) {
        let asking = self.admin.log_id(&self.context.topics.notifications);
        match timeout(PATIENCE, asking).await {
            Ok(Ok(_)) => self.watch.is_up(),
            // Without its topics the log is of no use either; they are created at start.
            Err(_) | Ok(Err(BusError::Unavailable(_) | BusError::UnknownTopic { .. })) => {
                self.watch.is_away();
            }
            Ok(Err(error)) => {
                self.watch.is_away();
                tracing::warn!(error = &error as &dyn std::error::Error, "the log answers oddly");
            }
        }
    }
}
