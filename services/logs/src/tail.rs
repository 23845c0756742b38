//! Reads every partition of the log as it grows, once for all clients.

use std::sync::Arc;
use std::time::Duration;

use comptoir_domain::port::bus::{Bounds, BusError, LogAdmin, LogReader, ReadLimit};
use comptoir_domain::port::platform::Platform;
use comptoir_domain::record::StoredRecord;
use comptoir_domain::topic::{Offset, Partition, Topic, TopicPartition};
use comptoir_runtime::backoff::Backoff;
use comptoir_runtime::context::Context;
use comptoir_runtime::dependencies::Dependencies;
use comptoir_runtime::supervise::TaskResult;
use futures::future::{join_all, try_join_all};

use crate::line::Line;
use crate::repeats::{Repeats, primed_from};
use crate::window::{MAX_LINES, Window};

const READ: ReadLimit = ReadLimit {
    records: 1_000,
    bytes: 1024 * 1024,
    wait: Duration::from_secs(5),
};
const READ_NOW: ReadLimit = ReadLimit {
    wait: Duration::ZERO,
    ..READ
};

/// The one reader of the log.
pub(crate) struct Tail<P: Platform> {
    reader: P::Reader,
    admin: P::Admin,
    logs: Topic,
    window: Arc<Window>,
    dependencies: Dependencies,
    context: Context,
}

/// One partition, read up to `next`.
struct Reading {
    at: TopicPartition,
    next: Offset,
    earliest: Offset,
    repeats: Repeats,
    /// What was read before the window opened.
    kept: Vec<Option<Arc<Line>>>,
}

impl<P: Platform> Tail<P> {
    pub(crate) fn new(
        platform: &P,
        window: Arc<Window>,
        dependencies: Dependencies,
        context: Context,
    ) -> Self {
        dependencies.log_is_away();
        let (reader, admin) = (platform.reader(), platform.admin());
        let logs = context.topics.logs.clone();
        Self {
            reader,
            admin,
            logs,
            window,
            dependencies,
            context,
        }
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
        self.dependencies.log_is_up();
        stop.run_until_cancelled(join_all(readings.into_iter().map(|r| self.follow(r))))
            .await;
        Ok(())
    }

    /// Reads the newest lines of every partition, and far enough back to recognise their repeats.
    async fn begin(&self) -> Result<Vec<Reading>, BusError> {
        let log_id = self.admin.log_id().await?;
        let bounds = self.reader.bounds(&self.logs).await?;
        let prime = bounds
            .iter()
            .zip(0..)
            .map(|(bounds, n)| self.prime(Partition(n), *bounds));
        let mut readings = try_join_all(prime).await?;
        let first = |reading: &Reading| Offset(reading.next.0 - reading.kept.len() as u64);
        self.window.open(
            log_id,
            readings.iter().map(|r| (r.earliest, first(r))).collect(),
        );
        for reading in &mut readings {
            self.window
                .append(reading.at.partition, reading.kept.drain(..));
        }
        Ok(readings)
    }

    async fn prime(&self, partition: Partition, bounds: Bounds) -> Result<Reading, BusError> {
        let at = TopicPartition {
            topic: self.logs.clone(),
            partition,
        };
        let newest = Offset(bounds.next.0.saturating_sub(MAX_LINES as u64)).max(bounds.earliest);
        let next = primed_from(newest, bounds.earliest);
        let (earliest, repeats) = (bounds.earliest, Repeats::default());
        let mut reading = Reading {
            at,
            next,
            earliest,
            repeats,
            kept: Vec::new(),
        };
        while reading.next < bounds.next {
            let records = self
                .reader
                .read(&reading.at, reading.next, READ_NOW)
                .await?;
            if records.is_empty() {
                break;
            }
            for (offset, line) in reading.lines::<P::Codec>(&records) {
                if offset >= newest {
                    reading.kept.push(line);
                }
            }
        }
        Ok(reading)
    }

    async fn follow(&self, mut reading: Reading) {
        let mut backoff = Backoff::new(Arc::clone(&self.context.ids));
        loop {
            match self.reader.read(&reading.at, reading.next, READ).await {
                Ok(records) => {
                    backoff.reset();
                    self.dependencies.log_is_up();
                    let lines = reading
                        .lines::<P::Codec>(&records)
                        .into_iter()
                        .map(|(_, line)| line);
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
                    self.dependencies.log_is_away();
                    tracing::warn!(at = %reading.at, error = &error as &dyn std::error::Error,
                        "the log cannot be followed");
                }
            }
            backoff.wait(&self.context.stop).await;
        }
    }
}

impl Reading {
    /// The lines of records that follow on what was read, repeats hidden.
    fn lines<C: comptoir_domain::port::codec::EventCodec>(
        &mut self,
        records: &[StoredRecord],
    ) -> Vec<(Offset, Option<Arc<Line>>)> {
        let mut lines = Vec::with_capacity(records.len());
        for record in records {
            let line = Line::of::<C>(&self.at, record);
            let repeat = self.repeats.is_repeat(record.offset, line.fingerprint);
            if repeat {
                tracing::debug!(at = %self.at, offset = %record.offset, "a repeated line is hidden");
            }
            lines.push((record.offset, (!repeat).then(|| Arc::new(line))));
            self.next = record.offset.next();
        }
        lines
    }
}
