//! A platform: one implementation of every port of log and store.

use crate::port::bus::{ConsumerGroups, LogAdmin, LogReader, Publisher};
use crate::port::codec::EventCodec;
use crate::port::store::{PaymentRepository, StockRepository, UserRepository};

/// What the services run on. Chosen once, where a program is put together; nothing below names an
/// adapter. The handles are cheap to clone.
pub trait Platform: Clone + Send + Sync + 'static {
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
    /// Keeps users.
    type Users: UserRepository;
    /// Keeps payments.
    type Payments: PaymentRepository;
    /// Keeps stock.
    type Stock: StockRepository;

    /// What the pages call it: `embedded`, `kafka` or `memory`.
    const MODE: &'static str;

    /// Appends records.
    fn publisher(&self) -> Self::Publisher;
    /// Reads partitions.
    fn reader(&self) -> Self::Reader;
    /// Joins groups.
    fn groups(&self) -> Self::Groups;
    /// Creates and shows topics.
    fn admin(&self) -> Self::Admin;
    /// Keeps users.
    fn users(&self) -> Self::Users;
    /// Keeps payments.
    fn payments(&self) -> Self::Payments;
    /// Keeps stock.
    fn stock(&self) -> Self::Stock;
}
