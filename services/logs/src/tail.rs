//! Reads every partition of the log as it grows, once for all clients.

use std::sync::Arc;
use std::time::Duration;

use comptoir_domain::port::bus::{Bounds, BusError, LogAdmin, LogReader, ReadLimit};
use comptoir_domain::port::platform::Platform;
use comptoir_domain::topic::{Offset, Partition, Topic, TopicPartition};
use comptoir_runtime::backoff::Backoff;
use comptoir_runtime::context::Context;
use comptoir_runtime::dependencies::{Dependencies, LogWatch};
use comptoir_runtime::supervise::TaskResult;
use futures::future::{join_all, try_join_all};

use crate::line::Line;
use crate::reading::Reading;
use crate::window::{MAX_LINES, Window};

const READ: ReadLimit =
    ReadLimit { records: 1_000, bytes: 1024 * 1024, wait: Duration::from_secs(5) };
const READ_NOW: ReadLimit = ReadLimit { wait: Duration::ZERO, ..READ };

/// The one reader of the log.
pub(crate) struct Tail<P: Platform> {
    reader: P::Reader,
    admin: P::Admin,
    logs: Topic,
    window: Arc<Window>,
    dependencies: Dependencies,
    /// Away until the window is open.
    begun: LogWatch,
    context: Context,
}

/// One partition, and what was read of it before the window opened.
struct Begun {
    reading: Reading,
    kept: Vec<Option<Arc<Line>>>,
}

impl<P: Platform> Tail<P> {
    pub(crate) fn new(
        platform: &P,
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

    /// Reads until the stop.
    pub(crate) async fn run(self) -> TaskResult {
        let stop = self.context.stop.clone();
        let mut backoff = Backoff::new(Arc::clone(&self.context.ids));
        let readings = loop {
            match stop.run_until_cancelled(self.begin()).await {
                None => return Ok(()),
                Some(Ok(readings)) => break readings,
                Some(Err(error)) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "no log to follow yet"
                    );
                    backoff.wait(&stop).await;
                }
            }
        };
        self.begun.is_up();
        stop.run_until_cancelled(join_all(readings.into_iter().map(|r| self.follow(r)))).await;
        Ok(())
    }

    /// Reads the newest lines of every partition, and opens the window with them.
    async fn begin(&self) -> Result<Vec<Reading>, BusError> {
        let log_id = self.admin.log_id().await?;
        let bounds = self.reader.bounds(&self.logs).await?;
        let newest = bounds.iter().zip(0..).map(|(bounds, n)| self.newest(Partition(n), *bounds));
        let begun = try_join_all(newest).await?;
        let first = |begun: &Begun| Offset(begun.reading.next.0 - begun.kept.len() as u64);
        self.window.open(log_id, begun.iter().map(first).collect());
        let mut readings = Vec::with_capacity(begun.len());
        for Begun { reading, kept } in begun {
            self.window.append(reading.at.partition, kept);
            readings.push(reading);
        }
        Ok(readings)
    }

    async fn newest(&self, partition: Partition, bounds: Bounds) -> Result<Begun, BusError> {
        let at = TopicPartition { topic: self.logs.clone(), partition };
        let begin = Offset(bounds.next.0.saturating_sub(MAX_LINES as u64)).max(bounds.earliest);
        let primed = Reading::primed::<_, P::Codec>(&self.reader, at, begin, bounds.earliest);
        let (mut reading, mut kept) = (primed.await?, Vec::new());
        while reading.next < bounds.next {
            let lines = reading.read::<_, P::Codec>(&self.reader, READ_NOW).await?;
            if lines.is_empty() {
                break;
            }
            kept.extend(lines);
        }
        Ok(Begun { reading, kept })
    }

    async fn follow(&self, mut reading: Reading) {
        let log = self.dependencies.watch_log();
        let mut backoff = Backoff::new(Arc::clone(&self.context.ids));
        loop {
            match reading.read::<_, P::Codec>(&self.reader, READ).await {
                Ok(lines) => {
                    backoff.reset();
                    log.is_up();
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
                    tracing::warn!(at = %reading.at, error = &error as &dyn std::error::Error,
                        "the log cannot be followed");
                }
            }
            backoff.wait(&self.context.stop).await;
        }
    }
}
