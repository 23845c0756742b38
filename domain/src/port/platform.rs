//! A platform: one implementation of every port of log and store.
//!
//! It has two halves, because a service that keeps nothing needs only the log.

use crate::port::bus::{ConsumerGroups, LogAdmin, LogReader, Publisher};
use crate::port::codec::EventCodec;
use crate::port::store::{PaymentRepository, StockRepository, UserRepository};

/// The half that is the log. The handles are cheap to clone.
pub trait Log: Clone + Send + Sync + 'static {
    /// How events become records.
    type Codec: EventCodec;
    /// Appends.
    type Publisher: Publisher;
    /// Reads without a group.
    type Reader: LogReader;
    /// Joins groups.
    type Groups: ConsumerGroups;
    /// Creates and shows topics.
    type Admin: LogAdmin;

    /// What the pages call the platform: `embedded`, `kafka` or `memory`.
    const MODE: &'static str;
    /// What readiness calls the log when it is away.
    const LOG_NAME: &'static str;

    /// Appends records.
    fn publisher(&self) -> Self::Publisher;
    /// Reads partitions.
    fn reader(&self) -> Self::Reader;
    /// Joins groups.
    fn groups(&self) -> Self::Groups;
    /// Creates and shows topics.
    fn admin(&self) -> Self::Admin;
}

/// The half that is the stores. The handles are cheap to clone.
pub trait Stores: Clone + Send + Sync + 'static {
    /// Keeps users.
    type Users: UserRepository;
    /// Keeps payments.
    type Payments: PaymentRepository;
    /// Keeps stock.
    type Stock: StockRepository;

    /// What readiness calls the store when it is away.
    const STORE_NAME: &'static str;

    /// Keeps users.
    fn users(&self) -> Self::Users;
    /// Keeps payments.
    fn payments(&self) -> Self::Payments;
    /// Keeps stock.
    fn stock(&self) -> Self::Stock;
}

/// What the services run on. Chosen once, where a program is put together; nothing below names an
/// adapter.
pub trait Platform: Log + Stores {}

impl<P: Log + Stores> Platform for P {}
