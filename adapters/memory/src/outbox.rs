//! A repository: some tables and the outboxes of what is in them, behind one lock.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex};

use comptoir_domain::outbox::{OutboxEntry, OutboxOwner, Pending, Published, Sequence};
use comptoir_domain::port::store::{Outbox, StoreError};
use comptoir_domain::time::Timestamp;
use tokio::sync::Notify;

use crate::lock;
use crate::script::{Fault, Script};

/// The most owners that wait to be nudged; further ones are left to the sweep.
const MOST_NUDGES: usize = 1_000;

/// The unpublished events of one repository.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    /// One count for all owners, so that a late repeat of a `clear` never meets a reused number.
    last: u64,
    waiting: BTreeMap<OutboxOwner, BTreeMap<Sequence, OutboxEntry>>,
    /// Whose events the save under way brought.
    fresh: Vec<OutboxOwner>,
}

impl Shelf {
    pub(crate) fn put(&mut self, owner: &impl ToString, entries: Vec<OutboxEntry>) {
        if entries.is_empty() {
            return;
        }
        let owner = OutboxOwner(owner.to_string());
        self.fresh.push(owner.clone());
        let waiting = self.waiting.entry(owner).or_default();
        for entry in entries {
            self.last += 1;
            waiting.insert(Sequence(self.last), entry);
        }
    }

    /// Keeps events that belong to nothing stored, under an owner of their own.
    pub(crate) fn put_alone(&mut self, entries: Vec<OutboxEntry>) {
        self.put(&format!("announced-{}", self.last + 1), entries);
    }

    pub(crate) fn has(&self, owner: &impl ToString) -> bool {
        self.waiting.contains_key(&OutboxOwner(owner.to_string()))
    }

    fn pending(&self, owners: &[OutboxOwner]) -> Vec<Pending> {
        let pending = |owner: &OutboxOwner| {
            let waiting = self.waiting.get(owner)?.iter();
            Some(Pending {
                owner: owner.clone(),
                entries: waiting.map(|(at, entry)| (*at, entry.clone())).collect(),
            })
        };
        owners.iter().filter_map(pending).collect()
    }

    fn clear(&mut self, published: &[Published]) {
        for Published { owner, through } in published {
            if let Some(waiting) = self.waiting.get_mut(owner) {
                waiting.retain(|at, _| at > through);
                if waiting.is_empty() {
                    self.waiting.remove(owner);
                }
            }
        }
    }

    /// Whose events are unpublished.
    pub(crate) fn owners(&self) -> impl Iterator<Item = &OutboxOwner> {
        self.waiting.keys()
    }

    fn leftovers(&self, before: Timestamp, limit: usize) -> Vec<OutboxOwner> {
        let oldest = |(owner, waiting): (&OutboxOwner, &BTreeMap<_, OutboxEntry>)| {
            let oldest = waiting.values().map(|entry| entry.envelope.time).min()?;
            (oldest < before).then(|| (oldest, owner.clone()))
        };
        let mut found: Vec<_> = self.waiting.iter().filter_map(oldest).collect();
        found.sort();
        found.truncate(limit);
        found.into_iter().map(|(_, owner)| owner).collect()
    }
}

/// What is behind the lock: the tables and their outboxes.
#[derive(Debug, Default)]
pub(crate) struct Kept<T> {
    pub(crate) table: T,
    pub(crate) outbox: Shelf,
}

/// How much of a batch of writes takes place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    All,
    Half,
}

/// Whose events the saves of one process brought, until its relay asks.
#[derive(Debug, Default)]
struct Nudges {
    owners: Mutex<BTreeSet<OutboxOwner>>,
    added: Notify,
}

impl Nudges {
    fn add(&self, fresh: impl IntoIterator<Item = OutboxOwner>) {
        let mut owners = lock(&self.owners);
        for owner in fresh {
            if owners.len() < MOST_NUDGES {
                owners.insert(owner);
            }
        }
        drop(owners);
        self.added.notify_waiters();
    }
}

/// A repository over the tables `T`.
pub struct MemoryRepository<T> {
    kept: Arc<Mutex<Kept<T>>>,
    nudges: Arc<Nudges>,
    script: Arc<Script>,
}

impl<T> Clone for MemoryRepository<T> {
    fn clone(&self) -> Self {
        Self {
            kept: Arc::clone(&self.kept),
            nudges: Arc::clone(&self.nudges),
            script: Arc::clone(&self.script),
        }
    }
}

impl<T> fmt::Debug for MemoryRepository<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryRepository").finish_non_exhaustive()
    }
}

impl<T: Default> MemoryRepository<T> {
    pub(crate) fn new(script: Arc<Script>) -> Self {
        Self { kept: Arc::default(), nudges: Arc::default(), script }
    }
}

impl<T> MemoryRepository<T> {
    /// The same tables, as another process sees them.
    pub(crate) fn elsewhere(&self) -> Self {
        Self { nudges: Arc::default(), ..self.clone() }
    }
}

impl<T> MemoryRepository<T> {
    /// Looks at what is stored, past all faults.
    pub(crate) fn look<R>(&self, look: impl FnOnce(&Kept<T>) -> R) -> R {
        look(&lock(&self.kept))
    }
}

impl<T: Send + 'static> MemoryRepository<T> {
    /// Looks something up, unless the store is away.
    pub(crate) async fn read<R: Send>(
        &self,
        read: impl FnOnce(&Kept<T>) -> R + Send,
    ) -> Result<R, StoreError> {
        self.script.take_turns().await;
        self.script.store_is_heard().await;
        self.script.store_answers()?;
        Ok(read(&lock(&self.kept)))
    }

    /// Saves something in one step, unless a fault comes between. A save whose answer is lost
    /// nudges nobody: this process does not know that it took place.
    pub(crate) async fn write<R: Send>(
        &self,
        write: impl FnOnce(&mut Kept<T>, Reach) -> R + Send,
    ) -> Result<R, StoreError> {
        self.script.take_turns().await;
        self.script.store_is_heard().await;
        let fault = self.script.save()?;
        let written = self.write_now(fault, write);
        self.script.take_turns().await;
        match fault {
            None => Ok(written),
            Some(fault) => Err(StoreError::Unavailable(fault.cause())),
        }
    }

    /// Takes away what nobody needs any more, which is no save, unless the store is away.
    pub(crate) async fn tidy<R: Send>(
        &self,
        tidy: impl FnOnce(&mut Kept<T>) -> R + Send,
    ) -> Result<R, StoreError> {
        self.script.take_turns().await;
        self.script.store_is_heard().await;
        self.script.store_answers()?;
        let tidied = tidy(&mut lock(&self.kept));
        self.script.take_turns().await;
        Ok(tidied)
    }

    fn write_now<R>(
        &self,
        fault: Option<Fault>,
        write: impl FnOnce(&mut Kept<T>, Reach) -> R,
    ) -> R {
        let reach = match fault {
            Some(Fault::Tear) => Reach::Half,
            _ => Reach::All,
        };
        let mut kept = lock(&self.kept);
        let written = write(&mut kept, reach);
        let fresh = std::mem::take(&mut kept.outbox.fresh);
        drop(kept);
        if fault.is_none() {
            self.nudges.add(fresh);
        }
        written
    }
}

impl<T: Send + 'static> Outbox for MemoryRepository<T> {
    async fn nudged(&self) -> Vec<OutboxOwner> {
        self.script.take_turns().await;
        loop {
            let added = self.nudges.added.notified();
            let owners = std::mem::take(&mut *lock(&self.nudges.owners));
            if !owners.is_empty() {
                return owners.into_iter().collect();
            }
            added.await;
        }
    }

    async fn pending(&self, owners: &[OutboxOwner]) -> Result<Vec<Pending>, StoreError> {
        self.read(|kept| kept.outbox.pending(owners)).await
    }

    async fn clear(&self, published: &[Published]) -> Result<(), StoreError> {
        self.tidy(|kept| kept.outbox.clear(published)).await
    }

    async fn leftovers(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<OutboxOwner>, StoreError> {
        self.read(|kept| kept.outbox.leftovers(before, limit)).await
    }

    async fn flush(&self) -> Result<(), StoreError> {
        // What is cleared is gone at once.
        Ok(())
    }
}
