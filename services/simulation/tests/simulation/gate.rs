//! The ports as one process sees them: every call is told in the history, and may be its last.

mod groups;
mod log;
mod stores;

use std::marker::PhantomData;
use std::sync::Arc;

use comptoir_domain::port::platform::{Log, Stores};
use comptoir_memory::{Memory, MemoryLog, MemoryPayments, MemoryStock, MemoryUsers};

use crate::clock::TrueTime;
use crate::life::Life;
use crate::mistakes::Variant;
use crate::words::Codec;
use crate::world::World;

/// A port behind the life of a process.
#[derive(Debug, Clone)]
pub(crate) struct Gated<T> {
    inner: T,
    life: Life,
}

/// The platform of one process, as it is.
#[derive(Debug, Clone)]
pub(crate) struct Ports {
    memory: Memory,
    life: Life,
}

impl Ports {
    pub(crate) fn new(world: &Arc<World>, life: Life) -> Self {
        Self { memory: world.memory.another_process(), life }
    }

    fn gated<T>(&self, inner: T) -> Gated<T> {
        Gated { inner, life: self.life.clone() }
    }

    pub(crate) fn time(&self) -> TrueTime {
        self.life.world().time
    }

    pub(crate) fn log(&self) -> Gated<MemoryLog> {
        self.gated(self.memory.publisher())
    }

    pub(crate) fn payments(&self) -> Gated<MemoryPayments> {
        self.gated(self.memory.payments())
    }

    pub(crate) fn stock(&self) -> Gated<MemoryStock> {
        self.gated(self.memory.stock())
    }
}

/// The same, with the mistake that `V` makes, if any.
pub(crate) struct Process<V> {
    ports: Ports,
    variant: PhantomData<fn() -> V>,
}

impl<V> Process<V> {
    pub(crate) fn new(ports: Ports) -> Self {
        Self { ports, variant: PhantomData }
    }
}

impl<V> Clone for Process<V> {
    fn clone(&self) -> Self {
        Self::new(self.ports.clone())
    }
}

impl<V: Variant> Log for Process<V> {
    type Codec = Codec;
    type Publisher = Gated<MemoryLog>;
    type Reader = Gated<MemoryLog>;
    type Groups = V::Groups;
    type Admin = Gated<MemoryLog>;

    const MODE: &'static str = Memory::MODE;
    const LOG_NAME: &'static str = Memory::LOG_NAME;

    fn publisher(&self) -> Self::Publisher {
        self.ports.log()
    }

    fn reader(&self) -> Self::Reader {
        self.ports.log()
    }

    fn groups(&self) -> V::Groups {
        V::groups(&self.ports)
    }

    fn admin(&self) -> Self::Admin {
        self.ports.log()
    }
}

impl<V: Variant> Stores for Process<V> {
    type Users = Gated<MemoryUsers>;
    type Payments = V::Payments;
    type Stock = V::Stock;

    const STORE_NAME: &'static str = Memory::STORE_NAME;

    fn users(&self) -> Self::Users {
        self.ports.gated(self.ports.memory.users())
    }

    fn payments(&self) -> V::Payments {
        V::payments(&self.ports)
    }

    fn stock(&self) -> V::Stock {
        V::stock(&self.ports)
    }
}
