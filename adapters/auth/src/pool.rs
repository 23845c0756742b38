//! A few threads for work that would hold an async worker, behind a bounded queue.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

/// The queue is full, the wait was too long, or the pool is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Busy;

/// How much may wait, and for how long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) threads: NonZeroUsize,
    pub(crate) waiting: usize,
    pub(crate) patience: Duration,
}

/// The threads. Dropping the pool ends them: what runs is finished, what waits is [`Busy`].
pub(crate) struct Pool {
    bounds: Bounds,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    more: Condvar,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    /// Threads that wait for a job; each takes one without its having to wait.
    idle: usize,
    closed: bool,
}

struct Job {
    /// Closed once the caller has gone, by itself or for lack of patience.
    started: oneshot::Sender<()>,
    work: Box<dyn FnOnce() + Send>,
}

impl Pool {
    /// Starts the threads.
    pub(crate) fn start(bounds: Bounds) -> io::Result<Self> {
        let mut pool = Self {
            bounds,
            shared: Arc::default(),
            threads: Vec::with_capacity(bounds.threads.get()),
        };
        for number in 0..bounds.threads.get() {
            let shared = Arc::clone(&pool.shared);
            // If one cannot be started, dropping the pool ends those before it.
            pool.threads.push(
                thread::Builder::new()
                    .name(format!("hashing-{number}"))
                    .spawn(move || shared.work())?,
            );
        }
        Ok(pool)
    }

    /// Runs `work` on one of the threads, in the order of arrival. If the future is dropped before
    /// that begins, it never does. Patience counts until it begins, so that what was begun is used.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let (started, begins) = oneshot::channel();
        let (done, result) = oneshot::channel();
        let work = Box::new(move || {
            // A caller that left meanwhile does not want it any more.
            let _ = done.send(work());
        });
        self.push(Job { started, work })?;
        match timeout(self.bounds.patience, begins).await {
            Ok(Ok(())) => result.await.map_err(|_| Busy),
            Ok(Err(_)) | Err(_) => Err(Busy),
        }
    }

    fn push(&self, job: Job) -> Result<(), Busy> {
        let mut queue = self.shared.lock();
        let room = self.bounds.waiting + queue.idle;
        if queue.jobs.len() >= room {
            queue.jobs.retain(|job| !job.started.is_closed());
        }
        if queue.jobs.len() >= room {
            return Err(Busy);
        }
        queue.jobs.push_back(job);
        self.shared.more.notify_one();
        Ok(())
    }
}

impl Shared {
    /// No code panics while it holds the lock, so a poisoned queue is a sound one.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self) -> Option<Job> {
        let mut queue = self.lock();
        loop {
            if queue.closed {
                return None;
            }
            if let Some(job) = queue.jobs.pop_front() {
                return Some(job);
            }
            queue.idle += 1;
            queue = self.more.wait(queue).unwrap_or_else(PoisonError::into_inner);
            queue.idle -= 1;
        }
    }

    fn work(&self) {
        while let Some(Job { started, work }) = self.next() {
            if started.send(()).is_ok() {
                // The panic has been reported by its hook; the caller sees that nothing came, and
                // the thread lives on.
                let _ = catch_unwind(AssertUnwindSafe(work));
            }
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let mut queue = self.shared.lock();
        queue.closed = true;
        queue.jobs.clear();
        drop(queue);
        self.shared.more.notify_all();
        for thread in self.threads.drain(..) {
            // Its panics were caught, so there is no other end to report.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("bounds", &self.bounds)
            .field("waiting", &self.shared.lock().jobs.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
