//! What the handles and the writer share.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};

use comptoir_domain::port::world::Clock;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use crate::error::{Failure, Malformed};
use crate::folder::{self, OpenError};
use crate::groups::Groups;
use crate::keyspaces::{self, Db, Space};
use crate::log::Log;
use crate::options::Options;
use crate::outbox::{self, Collection, Floor, Waiting};
use crate::sync;
use crate::writer::{Command, Job, Queue, Transaction};

/// The database, and its image in memory.
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) log_id: Uuid,
    pub(crate) queue: Queue,
    pub(crate) log: Log,
    pub(crate) groups: Groups,
    /// No pending payment's time is up earlier.
    pub(crate) due: Floor,
    users: Waiting,
    payments: Waiting,
    stock: Waiting,
    /// The folder of the database proper.
    path: PathBuf,
    /// Empty while it is being opened again, and after it was closed.
    db: RwLock<Option<Arc<Db>>>,
    commits: AtomicU64,
}

impl Shared {
    /// Opens the database in the folder and loads the image. Blocks.
    pub(crate) fn open(
        path: PathBuf,
        options: Options,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        let mut shared = Self {
            options,
            clock,
            log_id: Uuid::nil(),
            queue: Queue::new(),
            log: Log::default(),
            groups: Groups::default(),
            due: Floor::default(),
            users: Waiting::default(),
            payments: Waiting::default(),
            stock: Waiting::default(),
            path,
            db: RwLock::default(),
            commits: AtomicU64::new(0),
        };
        shared.open_db()?;
        let damaged = |failure: Failure| folder::damaged(&shared.path, failure);
        shared.log_id = shared.db().and_then(|db| read_log_id(&db)).map_err(damaged)?;
        Ok(shared)
    }

    /// Opens the database and brings the image up to date. Blocks.
    pub(crate) fn open_db(&self) -> Result<(), OpenError> {
        let db = folder::open_database(&self.path, &self.options, &self.log.starts)?;
        let load = || {
            self.log.load(&db)?;
            self.groups.load(&db, &self.log)
        };
        load().map_err(|failure| folder::damaged(&self.path, failure))?;
        // What was not acknowledged before a failure may be there all the same.
        self.due.reset();
        for waiting in [&self.users, &self.payments, &self.stock] {
            waiting.reset();
        }
        *sync::write(&self.db) = Some(Arc::new(db));
        Ok(())
    }

    /// Takes the database away from its readers.
    pub(crate) fn close_db(&self) -> Option<Arc<Db>> {
        sync::write(&self.db).take()
    }

    pub(crate) fn db(&self) -> Result<Arc<Db>, Failure> {
        let db = sync::read(&self.db).clone();
        db.ok_or_else(|| if self.queue.is_closed() { Failure::Closed } else { Failure::Reopening })
    }

    /// Reads off the async workers. Everything that is wanted is read in one hop.
    pub(crate) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        body: impl FnOnce(&Db) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let db = self.db()?;
        let read = tokio::task::spawn_blocking(move || body(&db));
        read.await.unwrap_or(Err(Failure::Defect))
    }

    /// Hands a write to the writer and waits until it is durable. It is carried out even if the
    /// caller goes away. `bytes` says about how large it is.
    pub(crate) async fn write<T, E>(
        &self,
        bytes: usize,
        body: impl FnOnce(&mut Transaction<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Failure> + Send + 'static,
    {
        let deadline = Instant::now() + self.options.deadline;
        let (job, answer) = Job::new(body);
        self.queue.push(Box::new(job), bytes, deadline).await?;
        match timeout_at(deadline, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(Failure::Defect.into()),
            Err(_) => Err(Failure::Late.into()),
        }
    }

    /// The same for a thread of its own; does not wait for a place in the queue.
    pub(crate) fn write_blocking<T, E>(
        &self,
        body: impl FnOnce(&mut Transaction<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Failure> + Send + 'static,
    {
        let (job, answer) = Job::new(body);
        let job: Box<dyn Command> = Box::new(job);
        self.queue.try_push(job, 0)?;
        answer.blocking_recv().unwrap_or_else(|_| Err(Failure::Defect.into()))
    }

    /// What is known of a repository's outboxes.
    pub(crate) fn waiting(&self, of: Collection) -> &Waiting {
        match of {
            outbox::USERS => &self.users,
            outbox::PAYMENTS => &self.payments,
            _ => &self.stock,
        }
    }

    pub(crate) fn count_commit(&self) {
        self.commits.fetch_add(1, Ordering::Relaxed);
    }

    /// How many groups were committed since the folder was opened.
    pub(crate) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }
}

fn read_log_id(db: &Db) -> Result<Uuid, Failure> {
    const WHAT: &str = "the log's id";
    let row = db.get(Space::Meta, keyspaces::LOG_ID)?;
    let row = row.ok_or_else(|| Malformed::new(WHAT, "it is missing"))?;
    let id = Uuid::from_slice(&row);
    id.map_err(|_| Malformed::new(WHAT, "it does not have 16 bytes").into())
}
