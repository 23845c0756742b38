//! The newest lines of every partition, in memory.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use comptoir_domain::topic::{Offset, Partition};
use tokio::sync::watch;
use uuid::Uuid;

use crate::line::Line;

/// Lines of one partition that are kept, at most.
pub(crate) const MAX_LINES: usize = 5_000;
/// Bytes of one partition's lines that are kept, at most.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// The lines of one partition from `first` on, without holes; a hidden repeat is a `None`.
#[derive(Debug, Default)]
struct PartitionWindow {
    first: Offset,
    lines: VecDeque<Option<Arc<Line>>>,
    bytes: usize,
}

impl PartitionWindow {
    fn next(&self) -> Offset {
        Offset(self.first.0 + self.lines.len() as u64)
    }

    fn push(&mut self, line: Option<Arc<Line>>) {
        // Behind a hole that was too large to be kept, the window begins anew.
        if let Some(line) = line.as_ref().filter(|line| line.offset != self.next()) {
            *self = Self { first: line.offset, ..Self::default() };
        }
        self.bytes += line.as_ref().map_or(0, |line| line.size());
        self.lines.push_back(line);
        while self.lines.len() > MAX_LINES || self.bytes > MAX_BYTES {
            let Some(oldest) = self.lines.pop_front() else {
                break;
            };
            self.bytes -= oldest.map_or(0, |line| line.size());
            self.first = self.first.next();
        }
    }
}

/// What is known once the tail stands: which log it is, and its partitions.
#[derive(Debug, Default)]
struct State {
    log_id: Option<Uuid>,
    partitions: Vec<PartitionWindow>,
}

/// The window. Unknown until the tail has reached the end of the log for the first time.
#[derive(Debug)]
pub(crate) struct Window {
    state: Mutex<State>,
    grown: watch::Sender<()>,
}

impl Default for Window {
    fn default() -> Self {
        Self { state: Mutex::default(), grown: watch::Sender::new(()) }
    }
}

/// What a window has from an offset on.
#[derive(Debug)]
pub(crate) enum Seen {
    /// Lines, and where the next read goes on; no lines if all of it was hidden or there is nothing
    /// new.
    Here(Vec<Arc<Line>>, Offset),
    /// The offset is older than the window.
    Older,
}

impl Window {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change is one step, so a panic elsewhere cannot have left it half-done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens the window: the tail reads on from these offsets, behind what it has read so far. Opened
    /// again with another id, it shows another log, and who follows the old one is woken to notice.
    pub(crate) fn open(&self, log_id: Uuid, partitions: Vec<Offset>) {
        let window = |first| PartitionWindow { first, ..Default::default() };
        let partitions = partitions.into_iter().map(window).collect();
        *self.lock() = State { log_id: Some(log_id), partitions };
        self.grown.send_replace(());
    }

    /// Which log it shows; `None` while that is not known.
    pub(crate) fn log_id(&self) -> Option<Uuid> {
        self.lock().log_id
    }

    /// Appends a partition's next lines and wakes the followers.
    pub(crate) fn append(&self, at: Partition, lines: Vec<Option<Arc<Line>>>) {
        if lines.is_empty() {
            return;
        }
        if let Some(window) = self.lock().partitions.get_mut(at.0 as usize) {
            for line in lines {
                window.push(line);
            }
        }
        self.grown.send_replace(());
    }

    /// Jumps over lines that retention took before the tail could read them.
    pub(crate) fn jump(&self, at: Partition, to: Offset) {
        if let Some(window) = self.lock().partitions.get_mut(at.0 as usize) {
            *window = PartitionWindow { first: to, ..Default::default() };
        }
        self.grown.send_replace(());
    }

    /// Tells when lines were appended after this call.
    pub(crate) fn grown(&self) -> watch::Receiver<()> {
        self.grown.subscribe()
    }

    /// The offset behind the newest line of every partition; `None` while that is not known.
    pub(crate) fn ends(&self) -> Option<Vec<Offset>> {
        let state = self.lock();
        state.log_id.map(|_| state.partitions.iter().map(PartitionWindow::next).collect())
    }

    /// Offsets from which the newest `count` lines over all partitions follow, by time.
    pub(crate) fn tail(&self, count: usize) -> Vec<Offset> {
        let state = self.lock();
        let mut newest: Vec<_> = state
            .partitions
            .iter()
            .enumerate()
            .flat_map(|(at, window)| {
                window.lines.iter().rev().flatten().take(count).map(move |l| (l.time, at, l.offset))
            })
            .collect();
        newest.sort_unstable_by(|a, b| b.cmp(a));
        let mut from: Vec<_> = state.partitions.iter().map(PartitionWindow::next).collect();
        for (_, at, offset) in newest.into_iter().take(count) {
            from[at] = from[at].min(offset);
        }
        from
    }

    /// Lines of a partition from an offset on, at most `count`.
    pub(crate) fn read(&self, at: Partition, from: Offset, count: usize) -> Seen {
        let state = self.lock();
        let Some(window) = state.partitions.get(at.0 as usize) else {
            return Seen::Here(Vec::new(), from);
        };
        let Some(skip) = from.0.checked_sub(window.first.0) else {
            return Seen::Older;
        };
        let skip = usize::try_from(skip).unwrap_or(usize::MAX).min(window.lines.len());
        let lines = window.lines.range(skip..).take(count);
        let next = Offset(from.0 + lines.len() as u64);
        Seen::Here(lines.flatten().cloned().collect(), next)
    }
}
