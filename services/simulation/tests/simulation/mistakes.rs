//! The shop as it is, and with known mistakes, each a decorator over one port: what the simulation
//! must find.

mod commits_first;
mod forgets_reservations;
mod keeps_no_answers;
mod over;
mod publishes_beside;

use comptoir_domain::port::bus::ConsumerGroups;
use comptoir_domain::port::store::{PaymentRepository, StockRepository};
use comptoir_memory::{MemoryLog, MemoryPayments, MemoryStock};

pub(crate) use self::commits_first::CommitsFirst;
pub(crate) use self::forgets_reservations::{ForgetsReleases, ForgetsReservations};
pub(crate) use self::keeps_no_answers::KeepsNoAnswers;
use self::over::Over;
pub(crate) use self::publishes_beside::PublishesBeside;
use crate::gate::{Gated, Ports};

/// Which ports the services of a run get.
pub(crate) trait Variant: 'static {
    /// What is passed to `cargo test` to run it again.
    const TEST: &'static str;

    type Groups: ConsumerGroups;
    type Payments: PaymentRepository;
    type Stock: StockRepository;

    fn groups(ports: &Ports) -> Self::Groups;
    fn payments(ports: &Ports) -> Self::Payments;
    fn stock(ports: &Ports) -> Self::Stock;
}

/// No mistake.
pub(crate) struct AsBuilt;

impl Variant for AsBuilt {
    const TEST: &'static str = "every_seed_keeps_what_the_shop_promises";

    type Groups = Gated<MemoryLog>;
    type Payments = Gated<MemoryPayments>;
    type Stock = Gated<MemoryStock>;

    fn groups(ports: &Ports) -> Self::Groups {
        ports.log()
    }

    fn payments(ports: &Ports) -> Self::Payments {
        ports.payments()
    }

    fn stock(ports: &Ports) -> Self::Stock {
        ports.stock()
    }
}
