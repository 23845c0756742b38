//! The queue of writes of one kind into one collection, and the task that sends them.
//!
//! Whoever comes while a command is under way goes with the next one, so many small writes become few
//! commands and nobody waits for company. Everybody gets an answer of their own. A caller that goes
//! away changes nothing: the write is sent all the same.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::Write;
use crate::error::Failure;
use crate::outbox::Nudges;
use crate::sync::lock;
use crate::table::{Table, Verb};

mod sending;

/// The most calls that wait for the command under way.
const MOST_WAITING: usize = 1_024;

/// The most calls whose writes are looked at together.
const MOST_TOGETHER: usize = 512;

/// How much longer a caller waits for the task to say why there was no answer.
const GRACE: Duration = Duration::from_millis(100);

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It took place.
    Saved,
    /// It did not: the stored version is another one.
    Stale,
    /// It did not: there is no such document, but another one that is alike where none may be.
    Taken,
}

type Answer = Vec<Result<Outcome, Failure>>;

/// A call's writes.
struct Job {
    writes: Vec<Write>,
    deadline: Instant,
    answer: oneshot::Sender<Answer>,
}

/// What the task works with.
struct Desk {
    table: Arc<Table>,
    verb: Verb,
    nudges: Arc<Nudges>,
}

/// Sends writes of one kind into one collection. The task behind it ends with it.
pub(crate) struct Writer {
    desk: Arc<Desk>,
    /// Started by the first write, because only then a runtime is sure to be there.
    running: Mutex<Option<Running>>,
}

struct Running {
    jobs: mpsc::Sender<Job>,
    /// Dropped with the writer, which ends it.
    _task: JoinSet<()>,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("verb", &self.desk.verb).finish_non_exhaustive()
    }
}

impl Writer {
    pub(crate) fn new(table: &Arc<Table>, verb: Verb, nudges: &Arc<Nudges>) -> Self {
        let desk = Desk { table: Arc::clone(table), verb, nudges: Arc::clone(nudges) };
        Self { desk: Arc::new(desk), running: Mutex::default() }
    }

    /// Writes each; answers in their order. No two may be over the same version of one document.
    pub(crate) async fn write(
        &self,
        writes: Vec<Write>,
        deadline: Instant,
    ) -> Result<Answer, Failure> {
        if writes.is_empty() {
            return Ok(Vec::new());
        }
        let (answer, answered) = oneshot::channel();
        let job = Job { writes, deadline, answer };
        match timeout_at(deadline, self.jobs().send(job)).await {
            Err(_) => return Err(Failure::Full),
            Ok(Err(_)) => return Err(Failure::Defect),
            Ok(Ok(())) => {}
        }
        match timeout_at(deadline + GRACE, answered).await {
            Err(_) => Err(Failure::Late),
            Ok(answer) => answer.map_err(|_| Failure::Defect),
        }
    }

    /// The way to the task, which is started if it is not there.
    fn jobs(&self) -> mpsc::Sender<Job> {
        let mut running = lock(&self.running);
        if let Some(running) = &*running {
            if !running.jobs.is_closed() {
                return running.jobs.clone();
            }
            tracing::error!("the task that writes ended with a panic; it is started again");
        }
        let (jobs, queue) = mpsc::channel(MOST_WAITING);
        let mut task = JoinSet::new();
        task.spawn(run(Arc::clone(&self.desk), queue));
        *running = Some(Running { jobs: jobs.clone(), _task: task });
        jobs
    }
}

async fn run(desk: Arc<Desk>, mut queue: mpsc::Receiver<Job>) {
    let mut jobs = Vec::new();
    while queue.recv_many(&mut jobs, MOST_TOGETHER).await > 0 {
        let now = Instant::now();
        // Whoever has given up was told that it is not known; it need not happen after that.
        for job in jobs.extract_if(.., |job| job.deadline <= now) {
            let _ = job.answer.send(vec![Err(Failure::Late); job.writes.len()]);
        }
        let deadline = jobs.iter().map(|job| job.deadline).max().unwrap_or(now);
        let counts: Vec<_> = jobs.iter().map(|job| job.writes.len()).collect();
        let writes = jobs.iter_mut().flat_map(|job| std::mem::take(&mut job.writes)).collect();
        let mut outcomes = desk.send_all(writes, deadline).await.into_iter();
        for (job, count) in jobs.drain(..).zip(counts) {
            // Nobody may be waiting any more.
            let _ = job.answer.send(outcomes.by_ref().take(count).collect());
        }
    }
}

#[cfg(test)]
mod tests {
    use comptoir_domain::port::store::Version;

    use super::*;
    use crate::outbox::Entries;
    use crate::server::Server;
    use crate::settings::Settings;
    use crate::write::Draft;

    /// It is no defect that time is over, and no server need be asked to know it.
    #[tokio::test]
    async fn whoever_comes_too_late_is_told_so() {
        let server = Server::new(Settings::new("mongodb://127.0.0.1:1", "")).unwrap();
        let table = Table::new(&server, "payments-service", ("payments", "payment"), &[]);
        let writer = Writer::new(&table, Verb::Insert, &Arc::default());
        let draft = |id| Draft::new(id, Version::NEW, Entries::default()).into_write();
        let answer = writer.write(vec![draft("a"), draft("b")], Instant::now()).await;
        let answer = answer.expect("an answer for each");
        assert!(matches!(answer[..], [Err(Failure::Late), Err(Failure::Late)]), "{answer:?}");
    }
}
