//! What the handles and the writer share.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use comptoir_domain::port::world::Clock;
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};
use uuid::Uuid;

use crate::error::{Failure, Malformed};
use crate::folder::{self, Mark, OpenError, Watermark};
use crate::groups::Groups;
use crate::keyspaces::{self, Db, Space};
use crate::log::Log;
use crate::options::Options;
use crate::outbox::{self, Collection, Floor, Waiting};
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
    db: watch::Sender<Option<Arc<Db>>>,
    /// False from a failure of the disk until a write went well again. Meanwhile it is read as it was.
    takes_writes: AtomicBool,
    watermark: Watermark,
    commits: AtomicU64,
}

impl Shared {
    /// Opens the database in the folder and loads the image. Blocks.
    pub(crate) fn open(
        path: PathBuf,
        options: Options,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        // Before anything is opened: a disk that is full is better told of than found out about.
        let usable = folder::probe(&path).and_then(|()| Watermark::open(&path));
        let watermark =
            usable.map_err(|source| OpenError::Unusable { dir: path.clone(), source })?;
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
            db: watch::Sender::default(),
            takes_writes: AtomicBool::new(true),
            watermark,
            commits: AtomicU64::new(0),
        };
        let db = shared.open_db()?;
        shared.check_writes(&db)?;
        let damaged = |failure: Failure| folder::damaged(&shared.path, failure);
        shared.log_id = shared.db().and_then(|db| read_log_id(&db)).map_err(damaged)?;
        Ok(shared)
    }

    /// Opens the database, brings the image up to date and lets it be read. Blocks.
    pub(crate) fn open_db(&self) -> Result<Arc<Db>, OpenError> {
        let db =
            folder::open_database(&self.path, &self.options, &self.log.starts, &self.watermark)?;
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
        let db = Arc::new(db);
        self.db.send_replace(Some(Arc::clone(&db)));
        Ok(db)
    }

    /// Takes the database away from its readers.
    pub(crate) fn close_db(&self) -> Option<Arc<Db>> {
        self.db.send_replace(None)
    }

    /// Says whether writes are possible.
    pub(crate) fn set_takes_writes(&self, takes_writes: bool) {
        self.takes_writes.store(takes_writes, Ordering::Relaxed);
    }

    /// Fails while the disk takes no writes.
    pub(crate) fn check_takes_writes(&self) -> Result<(), Failure> {
        if self.takes_writes.load(Ordering::Relaxed) { Ok(()) } else { Err(Failure::Reopening) }
    }

    pub(crate) fn db(&self) -> Result<Arc<Db>, Failure> {
        self.db.borrow().clone().ok_or_else(|| self.why_not())
    }

    fn why_not(&self) -> Failure {
        if self.queue.is_closed() { Failure::Closed } else { Failure::Reopening }
    }

    /// The database, also if it is just being opened again.
    async fn db_soon(&self) -> Result<Arc<Db>, Failure> {
        if let Some(db) = self.db.borrow().clone() {
            return Ok(db);
        }
        let mut opened = self.db.subscribe();
        let settled = opened.wait_for(|db| db.is_some() || self.queue.is_closed());
        let settled = timeout(self.options.deadline, settled).await;
        let db = settled.ok().and_then(|settled| settled.ok()?.clone());
        db.ok_or_else(|| self.why_not())
    }

    /// Reads off the async workers. Everything that is wanted is read in one hop.
    pub(crate) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        body: impl FnOnce(&Db) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let db = self.db_soon().await?;
        let read = tokio::task::spawn_blocking(move || body(&db));
        read.await.unwrap_or_else(|lost| Err(Failure::of_lost(&lost)))
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

    /// A group was made durable.
    pub(crate) fn count_commit(&self, db: &Db) {
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.watermark.note(Mark { commits: db.commits(), oldest_journal: None });
    }

    /// Notes that the database was closed after so many groups.
    pub(crate) fn note_closed(&self, commits: u64) -> std::io::Result<()> {
        folder::note_closed(&self.path, &self.watermark, commits)
    }

    /// Whether the disk takes a little more.
    pub(crate) fn probe(&self) -> std::io::Result<()> {
        folder::probe(&self.path)
    }

    /// Finds out whether the database takes a write: a disk that is full lets it be read. Blocks.
    pub(crate) fn check_writes(&self, db: &Db) -> Result<(), OpenError> {
        db.put(&[]).map_err(|error| folder::open_error(&self.path, error))
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
