//! Reads every partition of the log as it grows, once for all clients.

use std::sync::Arc;
use std::time::Duration;

use comptoir_domain::port::bus::{Bounds, BusError, LogAdmin, LogReader, ReadLimit};
use comptoir_domain::port::platform::Log;
use comptoir_domain::topic::{Offset, Partition, Topic, TopicPartition};
use comptoir_runtime::backoff::Backoff;
use comptoir_runtime::context::Context;
use comptoir_runtime::dependencies::{Dependencies, LogWatch};
use comptoir_runtime::supervise::TaskResult;
use futures::future::{join_all, try_join_all};
use tokio::time::sleep;
use uuid::Uuid;

use crate::reading::Reading;
use crate::window::{MAX_LINES, PartitionWindow, Window};

const READ: ReadLimit =
    ReadLimit { records: 1_000, bytes: 1024 * 1024, wait: Duration::from_secs(5) };
/// How often it is looked whether the log was made anew.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
const READ_NOW: ReadLimit = ReadLimit { wait: Duration::ZERO, ..READ };

/// The one reader of the log.
pub(crate) struct Tail<L: Log> {
    reader: L::Reader,
    admin: L::Admin,
    logs: Topic,
    window: Arc<Window>,
    dependencies: Dependencies,
    /// Away until the window is open.
    begun: LogWatch,
    context: Context,
}

impl<L: Log> Tail<L> {
    pub(crate) fn new(
        platform: &L,
        window: Arc<Window>,
        dependencies: Dependencies,
        context: Context,
    ) -> Self {
        let begun = dependencies.watch_log();
        begun.is_away();
        let (reader, admin) = (platform.reader(), platform.admin());
        let logs = context.topics.logs.clone();
        Self { reader, admin, logs, window, dependencies, begun, context }
    }

    /// Reads until the stop. A log that was made anew is begun anew.
    pub(crate) async fn run(self) -> TaskResult {
        let stop = self.context.stop.clone();
        let mut backoff = Backoff::new(Arc::clone(&self.context.ids));
        while !stop.is_cancelled() {
            match stop.run_until_cancelled(self.begin()).await {
                None => break,
                Some(Ok((log_id, readings))) => {
                    backoff.reset();
                    self.begun.is_up();
                    let follow = join_all(readings.into_iter().map(|r| self.follow(r)));
                    tokio::select! {
                        biased;
                        () = stop.cancelled() => {}
                        () = self.made_anew(log_id) => {}
                        _ = follow => {}
                    }
                    continue;
                }
                Some(Err(error)) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "no log to follow yet"
                    );
                }
            }
            backoff.wait(&stop).await;
        }
        Ok(())
    }

    /// Waits until there is another log under the same name.
    async fn made_anew(&self, log_id: Uuid) {
        loop {
            sleep(LOOK_AGAIN).await;
            // Away is not anew.
            if let Ok(now) = self.admin.log_id(&self.logs).await
                && now != log_id
            {
                tracing::warn!(topic = %self.logs, "the log was made anew; beginning anew");
                return;
            }
        }
    }

    /// Reads the newest lines of every partition, and opens the window with them; also says which
    /// log it is.
    async fn begin(&self) -> Result<(Uuid, Vec<Reading>), BusError> {
        let log_id = self.admin.log_id(&self.logs).await?;
        let bounds = self.reader.bounds(&self.logs).await?;
        let newest = bounds.iter().zip(0..).map(|(bounds, n)| self.newest(Partition(n), *bounds));
        let (readings, windows) = try_join_all(newest).await?.into_iter().unzip();
        self.window.open(log_id, windows);
        Ok((log_id, readings))
    }

    /// One partition read to its end, and the window of it.
    async fn newest(
        &self,
        partition: Partition,
        bounds: Bounds,
    ) -> Result<(Reading, PartitionWindow), BusError> {
        let at = TopicPartition { topic: self.logs.clone(), partition };
        let begin = Offset(bounds.next.0.saturating_sub(MAX_LINES as u64)).max(bounds.earliest);
        let primed = Reading::primed::<_, L::Codec>(&self.reader, at, begin, bounds.earliest);
        let mut reading = primed.await?;
        let mut window = PartitionWindow::at(reading.next);
        while reading.next < bounds.next {
            let lines = reading.read::<_, L::Codec>(&self.reader, READ_NOW).await?;
            if lines.is_empty() {
                break;
            }
            for line in lines {
                window.push(line);
            }
        }
        Ok((reading, window))
    }

    async fn follow(&self, mut reading: Reading) {
        let log = self.dependencies.watch_log();
        let mut backoff = Backoff::new(Arc::clone(&self.context.ids));
        let mut is_told = false;
        loop {
            match reading.read::<_, L::Codec>(&self.reader, READ).await {
                Ok(lines) => {
                    backoff.reset();
                    log.is_up();
                    is_told = false;
                    self.window.append(reading.at.partition, lines);
                    continue;
                }
                Err(BusError::OutOfRange { earliest, .. }) if earliest > reading.next => {
                    tracing::warn!(at = %reading.at, from = %reading.next, to = %earliest,
                        "retention removed lines before they were read");
                    reading.next = earliest;
                    self.window.jump(reading.at.partition, earliest);
                    continue;
                }
                Err(error) => {
                    log.is_away();
                    if !std::mem::replace(&mut is_told, true) {
                        tracing::warn!(at = %reading.at, error = &error as &dyn std::error::Error,
                            "the log cannot be followed");
                    }
                }
            }
            backoff.wait(&self.context.stop).await;
        }
    }
}
