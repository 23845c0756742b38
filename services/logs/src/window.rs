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
/// Bytes of the lines of one partition that are given at once; one line comes whatever its size.
const READ_BYTES: usize = 512 * 1024;

/// The lines of one partition from `first` on, without holes; a hidden repeat is a `None`.
#[derive(Debug, Default)]
pub(crate) struct PartitionWindow {
    first: Offset,
    lines: VecDeque<Option<Arc<Line>>>,
    bytes: usize,
}

impl PartitionWindow {
    /// An empty one.
    pub(crate) fn at(first: Offset) -> Self {
        Self { first, ..Self::default() }
    }

    fn next(&self) -> Offset {
        Offset(self.first.0 + self.lines.len() as u64)
    }

    /// Takes the next line in; the oldest go if it is too much.
    pub(crate) fn push(&mut self, line: Option<Arc<Line>>) {
        // Behind a hole that was too large to be kept, the window begins anew.
        if let Some(line) = line.as_ref().filter(|line| line.offset != self.next()) {
            *self = Self::at(line.offset);
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

    /// Opens the window with what the tail has read so far. Opened again with another id, it shows
    /// another log, and who follows the old one is woken to notice.
    pub(crate) fn open(&self, log_id: Uuid, partitions: Vec<PartitionWindow>) {
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
            *window = PartitionWindow::at(to);
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

    /// The partitions in which a client that stands there is behind the window.
    pub(crate) fn behind(&self, cursors: &[Offset]) -> Vec<Partition> {
        let state = self.lock();
        let all = (0..).map(Partition).zip(state.partitions.iter().zip(cursors));
        all.filter(|(_, (window, at))| **at < window.first).map(|(n, _)| n).collect()
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
        let mut bytes = 0;
        let fits = |line: &&Option<Arc<Line>>| {
            let first = bytes == 0;
            bytes += line.as_ref().map_or(0, |line| line.size());
            first || bytes <= READ_BYTES
        };
        let lines: Vec<_> = window.lines.range(skip..).take(count).take_while(fits).collect();
        let next = Offset(from.0 + lines.len() as u64);
        Seen::Here(lines.into_iter().flatten().cloned().collect(), next)
    }
}

#[cfg(test)]
mod tests {
    use comptoir_domain::log_entry::LogEntry;
    use comptoir_domain::topic::{Topic, TopicPartition};
    use comptoir_testkit::an_envelope;

    use super::*;

    const AT: Partition = Partition(0);

    /// A line of about 100 KB of memory.
    fn large(offset: u64) -> Arc<Line> {
        let topic = Topic::try_from("logs").unwrap();
        let entry = LogEntry {
            message: "x".repeat(50_000),
            ..LogEntry::of(&an_envelope().of_foreign("n").build())
        };
        Arc::new(Line::encode(&TopicPartition { topic, partition: AT }, Offset(offset), &entry))
    }

    #[test]
    fn what_a_window_weighs_has_an_end_before_it_is_opened_too() {
        let mut partition = PartitionWindow::at(Offset(3));
        for offset in 3..1_003 {
            partition.push(Some(large(offset)));
            assert!(partition.bytes <= MAX_BYTES, "{} bytes at {offset}", partition.bytes);
        }
        assert_eq!(partition.next(), Offset(1_003));
        let window = Window::default();
        window.open(Uuid::nil(), vec![partition]);
        assert!(matches!(window.read(AT, Offset(3), 1), Seen::Older));
        assert_eq!(window.behind(&[Offset(3)]), [AT]);
        assert_eq!(window.behind(&[Offset(1_003)]), []);
    }

    #[test]
    fn what_is_given_at_once_weighs_no_more_than_that_and_all_of_it_comes() {
        let mut partition = PartitionWindow::at(Offset(0));
        for offset in 0..20 {
            partition.push(Some(large(offset)));
        }
        let window = Window::default();
        window.open(Uuid::nil(), vec![partition]);
        let mut from = Offset(0);
        for given in [5, 5, 5, 5, 0] {
            let Seen::Here(lines, next) = window.read(AT, from, 500) else { panic!("it is there") };
            assert_eq!((lines.len(), next.0), (given, from.0 + given as u64));
            from = next;
        }
    }
}
