//! One partition that the member owns.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::batch::{Header, Record};

/// Tells the times apart at which a partition was owned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::member) struct Tenure(pub(super) u64);

/// Where reading begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::member) enum Start {
    /// At the first record that is there.
    Earliest,
    At(i64),
}

/// What became of fetched records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::member) enum Placed {
    Kept,
    /// The partition is another tenure's, or nobody's.
    Gone,
}

/// An offset on its way to the coordinator.
#[derive(Debug, Clone, Copy)]
struct Noted {
    offset: i64,
    /// Since when nothing was confirmed.
    since: Instant,
}

#[derive(Debug)]
pub(super) struct Held {
    pub(super) tenure: Tenure,
    start: Option<Start>,
    batches: VecDeque<Vec<Record>>,
    bytes: usize,
    /// One behind the last record that was delivered, until that much is committed.
    awaited: Option<i64>,
    /// Commits went so far; what is before it is not delivered.
    floor: Option<i64>,
    /// Handled up to here, which the coordinator has not confirmed.
    noted: Option<Noted>,
    is_revoked: bool,
    /// The member gives it up, once what is noted is confirmed.
    is_given_up: bool,
    may_commit: bool,
    /// For the one that fetches: it may go on.
    bell: Arc<Notify>,
}

impl Held {
    pub(super) fn new(tenure: Tenure, may_commit: bool) -> Self {
        Self {
            tenure,
            start: None,
            batches: VecDeque::new(),
            bytes: 0,
            awaited: None,
            floor: None,
            noted: None,
            is_revoked: false,
            is_given_up: false,
            may_commit,
            bell: Arc::default(),
        }
    }

    pub(super) fn bell(&self) -> Arc<Notify> {
        Arc::clone(&self.bell)
    }

    pub(super) fn is_revoked(&self) -> bool {
        self.is_revoked
    }

    /// Whether a batch is out that is not committed yet.
    pub(super) fn is_awaited(&self) -> bool {
        self.awaited.is_some()
    }

    pub(super) fn may_commit(&self) -> bool {
        self.may_commit
    }

    pub(super) fn lacks_start(&self) -> bool {
        self.start.is_none() && !self.is_revoked
    }

    pub(super) fn start(&mut self, start: Start) {
        self.start = Some(start);
        self.bell.notify_one();
    }

    pub(super) fn revoke(&mut self) {
        self.is_revoked = true;
        self.clear();
    }

    fn clear(&mut self) {
        self.batches.clear();
        self.bytes = 0;
    }

    pub(super) fn room(&self, limit: usize) -> Option<Start> {
        let start = self.start.filter(|_| self.bytes < limit && !self.is_revoked)?;
        Some(match (start, self.floor) {
            (start, None) => start,
            (Start::Earliest, Some(floor)) => Start::At(floor),
            (Start::At(start), Some(floor)) => Start::At(start.max(floor)),
        })
    }

    /// Batches to deliver, each of at most so many records. Small ones are joined: what arrives
    /// while a batch is under way is one batch, however many fetches brought it.
    pub(super) fn put(&mut self, batches: Vec<Vec<Record>>, most: usize) -> Placed {
        if self.is_revoked {
            return Placed::Gone;
        }
        for mut batch in batches {
            self.lift(&mut batch);
            self.bytes += weight(&batch);
            match self.batches.back_mut() {
                Some(last) if last.len() + batch.len() <= most => last.append(&mut batch),
                _ if batch.is_empty() => {}
                _ => self.batches.push_back(batch),
            }
        }
        Placed::Kept
    }

    /// Leaves out what is committed already.
    fn lift(&self, batch: &mut Vec<Record>) {
        if let Some(floor) = self.floor
            && batch.first().is_some_and(|first| first.offset < floor)
        {
            batch.retain(|record| record.offset >= floor);
        }
    }

    /// The next batch, unless the one before is still to be committed.
    pub(super) fn take(&mut self) -> Option<Vec<Record>> {
        if self.is_revoked || self.awaited.is_some() {
            return None;
        }
        let batch = self.batches.pop_front()?;
        self.bytes = self.bytes.saturating_sub(weight(&batch));
        self.awaited = batch.last().map(|last| last.offset + 1);
        self.may_commit = true;
        self.bell.notify_one();
        Some(batch)
    }

    /// Whether the next batch may come before the offset of this one is confirmed: not for long, and
    /// not if the partition is about to go.
    pub(super) fn may_note(&self, now: Instant, longest: Duration) -> bool {
        let is_fresh = |noted: Noted| now.saturating_duration_since(noted.since) < longest;
        !self.is_revoked && self.noted.is_none_or(is_fresh)
    }

    /// The offset is on its way to the coordinator, and the next batch need not wait for it.
    pub(super) fn note(&mut self, offset: i64, now: Instant) {
        let since = self.noted.map_or(now, |noted| noted.since);
        self.noted = Some(Noted { offset, since });
        self.committed(offset);
    }

    /// The coordinator has the offset.
    pub(super) fn confirm(&mut self, offset: i64, now: Instant) {
        match &mut self.noted {
            Some(noted) if offset < noted.offset => noted.since = now,
            _ => self.noted = None,
        }
        self.committed(offset);
    }

    pub(super) fn is_confirmed(&self) -> bool {
        self.noted.is_none()
    }

    /// The member gives it up; whether that can be done at once.
    pub(super) fn give_up(&mut self) -> bool {
        self.is_given_up = true;
        self.noted.is_none()
    }

    /// Whether it was given up, and nothing is in the way any more.
    pub(super) fn is_free(&self) -> bool {
        self.is_given_up && self.noted.is_none()
    }

    fn committed(&mut self, offset: i64) {
        if self.awaited.is_some_and(|awaited| offset >= awaited) {
            self.awaited = None;
        }
        if self.floor.is_none_or(|floor| floor < offset) {
            self.floor = Some(offset);
            self.lift_all();
        }
    }

    /// Leaves out what a commit beyond what was delivered made needless.
    fn lift_all(&mut self) {
        let first = |batch: &Vec<Record>| batch.first().map(|first| first.offset);
        while self.batches.front().and_then(first) < self.floor {
            let Some(mut batch) = self.batches.pop_front() else { return };
            self.bytes = self.bytes.saturating_sub(weight(&batch));
            self.lift(&mut batch);
            if !batch.is_empty() {
                self.bytes += weight(&batch);
                self.batches.push_front(batch);
            }
            self.bell.notify_one();
        }
    }
}

/// About what the records take.
fn weight(batch: &[Record]) -> usize {
    let of = |bytes: &Option<bytes::Bytes>| bytes.as_ref().map_or(0, bytes::Bytes::len);
    let header = |(name, value): &Header| size_of::<Header>() + name.len() + of(value);
    let record = |record: &Record| {
        let headers: usize = record.headers.iter().map(header).sum();
        size_of::<Record>() + of(&record.key) + of(&record.value) + headers
    };
    batch.iter().map(record).sum()
}
