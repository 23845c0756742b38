//! The log: appending and reading. Groups and the operator's view are in files of their own.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use comptoir_domain::port::bus::{Bounds, BusError, LogReader, Publisher, ReadLimit};
use comptoir_domain::record::{Outgoing, Position, StoredRecord};
use comptoir_domain::topic::{GroupId, Offset, Topic, TopicPartition};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::groups::GroupState;
use crate::lock;
use crate::records::Records;
use crate::script::{Call, Fault, Script};

/// Tells logs apart; which one gets which number does not matter.
static LOGS: AtomicU64 = AtomicU64::new(1);

/// What is behind the lock.
#[derive(Debug, Default)]
pub(crate) struct LogState {
    pub(crate) records: Records,
    pub(crate) groups: BTreeMap<GroupId, GroupState>,
}

#[derive(Debug)]
struct Shared {
    id: Uuid,
    state: Mutex<LogState>,
    /// Something was appended, committed or handed over.
    changed: Notify,
    script: Arc<Script>,
}

/// The event log: publisher, reader, groups and admin in one handle.
#[derive(Debug, Clone)]
pub struct MemoryLog(Arc<Shared>);

impl MemoryLog {
    pub(crate) fn new(script: Arc<Script>) -> Self {
        Self(Arc::new(Shared {
            id: Uuid::from_u64_pair(0, LOGS.fetch_add(1, Ordering::Relaxed)),
            state: Mutex::default(),
            changed: Notify::new(),
            script,
        }))
    }

    pub(crate) fn id(&self) -> Uuid {
        self.0.id
    }

    pub(crate) fn script(&self) -> &Script {
        &self.0.script
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, LogState> {
        lock(&self.0.state)
    }

    /// Resolves at the first change after this call, even if it is awaited later.
    pub(crate) fn changed(&self) -> impl Future<Output = ()> + Send + '_ {
        self.0.changed.notified()
    }

    pub(crate) fn wake_all(&self) {
        self.0.changed.notify_waiters();
    }

    pub(crate) fn forget_before(&self, at: &TopicPartition, offset: Offset) {
        self.state().records.forget_before(at, offset);
    }

    fn append(&self, records: Vec<Outgoing>) -> Result<Vec<Position>, BusError> {
        let fault = self.script().bus_call(Call::Publish)?;
        let most = match fault {
            Some(Fault::Tear) => records.len() / 2,
            _ => records.len(),
        };
        let mut state = self.state();
        let appended =
            records.into_iter().take(most).map(|outgoing| state.records.append(outgoing)).collect();
        drop(state);
        self.wake_all();
        match fault {
            None => appended,
            Some(fault) => Err(BusError::Unavailable(fault.cause())),
        }
    }
}

impl Publisher for MemoryLog {
    async fn publish(&self, records: Vec<Outgoing>) -> Result<Vec<Position>, BusError> {
        self.script().take_turns().await;
        let appended = self.append(records);
        self.script().take_turns().await;
        appended
    }
}

impl LogReader for MemoryLog {
    async fn bounds(&self, topic: &Topic) -> Result<Vec<Bounds>, BusError> {
        self.script().take_turns().await;
        self.script().bus_answers()?;
        self.state().records.bounds(topic)
    }

    async fn read(
        &self,
        at: &TopicPartition,
        from: Offset,
        limit: ReadLimit,
    ) -> Result<Vec<StoredRecord>, BusError> {
        self.script().take_turns().await;
        let first = async {
            loop {
                let changed = self.changed();
                self.script().bus_answers()?;
                let found = self.state().records.read(at, from, limit.records, limit.bytes)?;
                if !found.is_empty() || limit.wait.is_zero() {
                    return Ok(found);
                }
                changed.await;
            }
        };
        tokio::time::timeout(limit.wait, first).await.unwrap_or(Ok(Vec::new()))
    }
}
