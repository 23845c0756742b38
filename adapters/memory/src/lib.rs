//! Every port in memory, for tests: as unkind as Kafka.
//!
//! - Order holds within a partition only: batches come in changing partition order and sizes.
//! - What is not committed comes again; partitions change hands whenever members come and go.
//! - Topics must be created before they are used.
//! - Every call gives other tasks a turn before and after its one atomic step, so that races and
//!   dropped futures happen here too.
//! - [`Faults`] breaks more, on demand or by chance. All chance comes from the seed.
#![warn(missing_docs, missing_debug_implementations)]

mod admin;
mod answers;
mod chance;
mod faults;
mod groups;
mod inspect;
mod log;
mod member;
mod outbox;
mod payments;
mod records;
mod script;
mod stock;
mod users;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use comptoir_domain::port::platform::{Log, Stores};
use comptoir_domain::topic::{Offset, TopicPartition};
use comptoir_wire::CloudEventsJson;

pub use crate::faults::Faults;
pub use crate::log::MemoryLog;
pub use crate::member::{MemoryCommitter, MemoryMember};
pub use crate::outbox::MemoryRepository;
pub use crate::payments::{MemoryPayments, PaymentTable};
use crate::script::Script;
pub use crate::script::{Happened, Odds};
pub use crate::stock::{MemoryStock, StockTable};
pub use crate::users::{MemoryUsers, UserTable};

/// A platform that lives as long as its last handle.
#[derive(Debug, Clone)]
pub struct Memory {
    script: Arc<Script>,
    log: MemoryLog,
    users: MemoryUsers,
    payments: MemoryPayments,
    stock: MemoryStock,
}

impl Memory {
    /// An empty platform. It always behaves the same.
    pub fn new() -> Self {
        Self::seeded(0)
    }

    /// An empty platform whose order of partitions, sizes of batches and turns follow `seed`.
    pub fn seeded(seed: u64) -> Self {
        let script = Arc::new(Script::new(seed));
        Self {
            log: MemoryLog::new(Arc::clone(&script)),
            users: MemoryRepository::new(Arc::clone(&script)),
            payments: MemoryRepository::new(Arc::clone(&script)),
            stock: MemoryRepository::new(Arc::clone(&script)),
            script,
        }
    }

    /// The same log and stores as another process sees them: it is nudged for its own saves only.
    /// When its last handle goes, so do its nudges, as in a crash.
    #[must_use]
    pub fn another_process(&self) -> Self {
        Self {
            users: self.users.elsewhere(),
            payments: self.payments.elsewhere(),
            stock: self.stock.elsewhere(),
            ..self.clone()
        }
    }

    /// What goes wrong, all of it off at first.
    pub fn faults(&self) -> Faults {
        Faults::new(Arc::clone(&self.script), self.log.clone())
    }

    /// Forgets the records of a partition before an offset, as retention does.
    pub fn forget_before(&self, at: &TopicPartition, offset: Offset) {
        self.log.forget_before(at, offset);
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

impl Log for Memory {
    type Codec = CloudEventsJson;
    type Publisher = MemoryLog;
    type Reader = MemoryLog;
    type Groups = MemoryLog;
    type Admin = MemoryLog;

    const MODE: &'static str = "memory";
    const LOG_NAME: &'static str = "log";

    fn publisher(&self) -> MemoryLog {
        self.log.clone()
    }

    fn reader(&self) -> MemoryLog {
        self.log.clone()
    }

    fn groups(&self) -> MemoryLog {
        self.log.clone()
    }

    fn admin(&self) -> MemoryLog {
        self.log.clone()
    }
}

impl Stores for Memory {
    type Users = MemoryUsers;
    type Payments = MemoryPayments;
    type Stock = MemoryStock;

    const STORE_NAME: &'static str = "store";

    fn users(&self) -> MemoryUsers {
        self.users.clone()
    }

    fn payments(&self) -> MemoryPayments {
        self.payments.clone()
    }

    fn stock(&self) -> MemoryStock {
        self.stock.clone()
    }
}

/// A test that panics while it holds a lock has failed already; the others go on.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
