//! The bounded queue before the writer.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use super::Command;
use crate::error::Failure;
use crate::sync::lock;

/// How many commands may wait.
const CAPACITY: usize = 4_096;
/// The largest group: so many commands, or about so many bytes.
const GROUP_COMMANDS: usize = 1_024;
const GROUP_BYTES: usize = 8 << 20;
/// A small part of what a sync takes.
const PAUSE_BETWEEN: Duration = Duration::from_micros(30);

/// Commands that wait for the writer.
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    arrived: Condvar,
    places: Semaphore,
    /// How many wait, for a look without the lock.
    count: AtomicUsize,
}

#[derive(Default)]
struct Waiting {
    commands: VecDeque<(Box<dyn Command>, usize)>,
    is_closed: bool,
    writer_sleeps: bool,
}

/// What the writer finds.
pub(crate) enum Taken {
    Commands(Vec<Box<dyn Command>>),
    Nothing,
    Closed,
}

impl Queue {
    pub(crate) fn new() -> Self {
        Self {
            waiting: Mutex::default(),
            arrived: Condvar::new(),
            places: Semaphore::new(CAPACITY),
            count: AtomicUsize::new(0),
        }
    }

    /// Adds a command, waiting for a place if need be. Dropped meanwhile, it adds nothing.
    pub(crate) async fn push(
        &self,
        command: Box<dyn Command>,
        bytes: usize,
        deadline: Instant,
    ) -> Result<(), Failure> {
        let place = match self.places.try_acquire() {
            Ok(place) => place,
            Err(_) => match timeout_at(deadline, self.places.acquire()).await {
                Ok(place) => place.map_err(|_| Failure::Closed)?,
                Err(_) => return Err(Failure::Full),
            },
        };
        place.forget();
        self.add(command, bytes)
    }

    /// Adds a command if there is a place.
    pub(crate) fn try_push(&self, command: Box<dyn Command>, bytes: usize) -> Result<(), Failure> {
        self.places.try_acquire().map_err(|_| Failure::Full)?.forget();
        self.add(command, bytes)
    }

    fn add(&self, command: Box<dyn Command>, bytes: usize) -> Result<(), Failure> {
        let mut waiting = lock(&self.waiting);
        if waiting.is_closed {
            return Err(Failure::Closed);
        }
        waiting.commands.push_back((command, bytes));
        self.count.store(waiting.commands.len(), Ordering::Relaxed);
        let wake = std::mem::take(&mut waiting.writer_sleeps);
        drop(waiting);
        if wake {
            self.arrived.notify_one();
        }
        Ok(())
    }

    /// Gives those who were just answered the time to come back, so that they share the next sync
    /// too, instead of every second one. Goes on as long as commands keep coming, and holds up none
    /// that waits alone.
    pub(crate) fn gather(&self, last: usize) {
        let mut seen = (0, Instant::now());
        while seen.0 < last && seen.1.elapsed() < PAUSE_BETWEEN {
            std::thread::yield_now();
            let waiting = self.count.load(Ordering::Relaxed);
            if waiting > seen.0 {
                seen = (waiting, Instant::now());
            }
        }
    }

    /// The next group; waits for it at most `patience`.
    pub(crate) fn take(&self, patience: Duration) -> Taken {
        let mut waiting = lock(&self.waiting);
        if waiting.commands.is_empty() && !waiting.is_closed {
            waiting.writer_sleeps = true;
            let idle = |waiting: &mut Waiting| waiting.commands.is_empty() && !waiting.is_closed;
            let woken = self.arrived.wait_timeout_while(waiting, patience, idle);
            waiting = woken.unwrap_or_else(PoisonError::into_inner).0;
            waiting.writer_sleeps = false;
        }
        if waiting.commands.is_empty() {
            return if waiting.is_closed { Taken::Closed } else { Taken::Nothing };
        }
        let mut bytes = 0;
        let fits = |(_, size): &&(Box<dyn Command>, usize)| {
            let fits = bytes == 0 || bytes + size <= GROUP_BYTES;
            bytes += size;
            fits
        };
        let most = waiting.commands.iter().take(GROUP_COMMANDS).take_while(fits).count();
        let group: Vec<_> = waiting.commands.drain(..most).map(|(command, _)| command).collect();
        self.count.store(waiting.commands.len(), Ordering::Relaxed);
        drop(waiting);
        self.places.add_permits(group.len());
        Taken::Commands(group)
    }

    pub(crate) fn is_closed(&self) -> bool {
        lock(&self.waiting).is_closed
    }

    /// Lets nothing more in. What waits is still done.
    pub(crate) fn close(&self) {
        lock(&self.waiting).is_closed = true;
        self.places.close();
        self.arrived.notify_all();
    }
}
