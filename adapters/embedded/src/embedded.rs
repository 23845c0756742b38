//! The platform: opening a folder, and the handles on it.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use comptoir_domain::port::bus::BusError;
use comptoir_domain::port::platform::{Log, Stores};
use comptoir_domain::port::world::Clock;
use comptoir_domain::time::Timestamp;
use comptoir_domain::topic::{Offset, TopicPartition};
use comptoir_wire::CloudEventsJson;

use crate::error::Failure;
use crate::folder::{Folder, OpenError};
use crate::groups::Joiner;
use crate::keyspaces::Db;
use crate::log::{Admin, LogPublisher, Reader, retention};
use crate::options::Options;
use crate::shared::Shared;
use crate::store::{Payments, Repository, Stock, Users};
use crate::sync::lock;
use crate::writer::{self, Transaction};

mod keeper;
#[cfg(test)]
mod tests;

use keeper::Keeper;

/// The event log and the stores on one durable database in a folder. Cheap to clone; the folder is
/// free again once it was closed, or the last clone and the last handle taken from it are gone.
#[derive(Clone)]
pub struct Embedded {
    core: Arc<Core>,
}

impl fmt::Debug for Embedded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Embedded").finish_non_exhaustive()
    }
}

/// What was found when the folder was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recovered {
    /// Records in the log.
    pub records: u64,
    /// Topics.
    pub topics: usize,
}

impl Embedded {
    /// Opens the folder, or makes it. Blocks while the journal, at most some 200 MiB, is read back; in
    /// async code, call it through `spawn_blocking`.
    ///
    /// # Errors
    /// [`OpenError`] says in one line why the folder cannot be used. It is then as it was before.
    pub fn open(dir: &Path, options: Options, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let folder = Folder::claim(dir, &options)?;
        let shared = Arc::new(Shared::open(folder.database(), options, clock)?);
        let core = Core::start(shared, folder)
            .map_err(|source| OpenError::Unusable { dir: dir.to_owned(), source })?;
        Ok(Self { core: Arc::new(core) })
    }

    /// What the folder held when it was opened.
    pub fn recovered(&self) -> Recovered {
        self.core.recovered
    }

    /// How many groups of writes were made durable since the folder was opened, each with one sync.
    pub fn commits(&self) -> u64 {
        self.core.shared.commits()
    }

    /// Removes the records that are too old or too many at `now`, as happens by itself every
    /// [`Options::retention_every`]; returns how many.
    ///
    /// # Errors
    /// As for every write: nothing is removed then.
    pub async fn enforce_retention(&self, now: Timestamp) -> Result<u64, BusError> {
        let shared = Arc::clone(&self.core.shared);
        let enforced = tokio::task::spawn_blocking(move || retention::enforce(&shared, now));
        Ok(enforced.await.unwrap_or_else(|lost| Err(Failure::of_lost(&lost)))?)
    }

    /// Removes a partition's records before `offset`, whatever their age; returns how many.
    ///
    /// # Errors
    /// [`BusError::OutOfRange`] if `offset` is behind the last record, and as for every write.
    pub async fn remove_before(
        &self,
        at: &TopicPartition,
        offset: Offset,
    ) -> Result<u64, BusError> {
        let shared = Arc::clone(&self.core.shared);
        let log = shared.log.partition(at)?;
        let removed =
            tokio::task::spawn_blocking(move || retention::remove_before(&shared, &log, offset));
        removed.await.unwrap_or_else(|lost| Err(Failure::of_lost(&lost).into()))
    }

    /// Finishes the writes that were accepted, and lets go of the folder, so that it can be opened
    /// again at once. Clones and handles that are left answer that the database is unavailable.
    pub async fn close(self) {
        let core = self.core;
        // It cannot be cancelled half-way: the thread goes on.
        let _ = tokio::task::spawn_blocking(move || core.stop()).await;
    }
}

impl Log for Embedded {
    type Codec = CloudEventsJson;
    type Publisher = LogPublisher;
    type Reader = Reader;
    type Groups = Joiner;
    type Admin = Admin;

    const MODE: &'static str = "embedded";
    const LOG_NAME: &'static str = "log";

    fn publisher(&self) -> LogPublisher {
        LogPublisher(Arc::clone(&self.core))
    }

    fn reader(&self) -> Reader {
        Reader(Arc::clone(&self.core))
    }

    fn groups(&self) -> Joiner {
        Joiner(Arc::clone(&self.core))
    }

    fn admin(&self) -> Admin {
        Admin(Arc::clone(&self.core))
    }
}

impl Stores for Embedded {
    type Users = Users;
    type Payments = Payments;
    type Stock = Stock;

    const STORE_NAME: &'static str = "store";

    fn users(&self) -> Users {
        Repository(Arc::clone(&self.core))
    }

    fn payments(&self) -> Payments {
        Repository(Arc::clone(&self.core))
    }

    fn stock(&self) -> Stock {
        Repository(Arc::clone(&self.core))
    }
}

/// Keeps the threads that work for the handles, and stops them with the last handle.
pub(crate) struct Core {
    pub(crate) shared: Arc<Shared>,
    recovered: Recovered,
    running: Mutex<Option<Running>>,
}

struct Running {
    writer: JoinHandle<()>,
    keeper: Keeper,
    folder: Folder,
}

impl Core {
    fn start(shared: Arc<Shared>, folder: Folder) -> std::io::Result<Self> {
        let topics = shared.log.all();
        let partitions = topics.iter().flat_map(|topic| &topic.partitions);
        let extents = partitions.map(|log| log.extent());
        let recovered = Recovered {
            records: extents.map(|extent| extent.next - extent.start).sum(),
            topics: topics.len(),
        };
        let keeper = Keeper::start(Arc::clone(&shared))?;
        let for_writer = Arc::clone(&shared);
        let writer = std::thread::Builder::new()
            .name("embedded-writer".to_owned())
            .spawn(move || writer::run(&for_writer))?;
        Ok(Self {
            shared,
            recovered,
            running: Mutex::new(Some(Running { writer, keeper, folder })),
        })
    }

    pub(crate) async fn write<T, E>(
        &self,
        bytes: usize,
        body: impl FnOnce(&mut Transaction<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Failure> + Send + 'static,
    {
        self.shared.write(bytes, body).await
    }

    pub(crate) async fn read<T: Send + 'static>(
        &self,
        body: impl FnOnce(&Db) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        self.shared.read(body).await
    }

    /// Finishes what was accepted, and lets the folder go. Blocks; the second call does nothing.
    fn stop(&self) {
        let Some(running) = lock(&self.running).take() else {
            return;
        };
        running.keeper.stop();
        self.shared.queue.close();
        if running.writer.join().is_err() {
            tracing::error!("the writer's thread ended with a panic");
        }
        self.shared.groups.wake_all();
        // Reads that are under way are short; the database is dropped with the last of them.
        let mut db = self.shared.close_db();
        let mut commits = None;
        while let Some(still_read) = db {
            commits = Some(still_read.commits());
            db = Arc::try_unwrap(still_read).err();
            std::thread::yield_now();
        }
        if let Some(Err(error)) = commits.map(|commits| self.shared.note_closed(commits)) {
            tracing::debug!(
                error = &error as &dyn std::error::Error,
                "that the database was closed could not be noted"
            );
        }
        drop(running.folder);
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        self.stop();
    }
}
