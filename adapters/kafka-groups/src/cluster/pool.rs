//! Connections that wait for their next use.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::connection::Connection;

/// Brokers close what is idle for ten minutes, firewalls sooner.
const LONGEST_IDLE: Duration = Duration::from_mins(4);

/// Idle connections by address, and which addresses let us down.
#[derive(Debug)]
pub(super) struct Pools {
    per_broker: usize,
    idle: HashMap<String, Vec<(Instant, Connection)>>,
    failed: HashMap<String, Instant>,
}

impl Pools {
    pub(super) fn new(per_broker: usize) -> Self {
        Self { per_broker, idle: HashMap::new(), failed: HashMap::new() }
    }

    /// The connection used last of those that are still open.
    pub(super) fn take(&mut self, address: &str) -> Option<Connection> {
        let now = Instant::now();
        let idle = self.idle.get_mut(address)?;
        while let Some((since, mut connection)) = idle.pop() {
            if now - since < LONGEST_IDLE && connection.is_healthy() && !connection.was_closed() {
                return Some(connection);
            }
        }
        None
    }

    /// Keeps a connection, unless enough are kept.
    pub(super) fn put(&mut self, connection: Connection) {
        self.failed.remove(connection.address());
        let idle = self.idle.entry(connection.address().to_owned()).or_default();
        if idle.len() < self.per_broker {
            idle.push((Instant::now(), connection));
        }
    }

    /// Takes note that something answers there.
    pub(super) fn answered(&mut self, address: &str) {
        self.failed.remove(address);
    }

    /// Drops the connections to an address where nothing answers.
    pub(super) fn lost(&mut self, address: &str) {
        self.idle.remove(address);
        self.failed.insert(address.to_owned(), Instant::now());
    }

    /// Sorts addresses: those with idle connections first, those that failed last. Each occurs once.
    pub(super) fn by_trust(&self, addresses: &mut Vec<String>) {
        addresses.sort();
        addresses.dedup();
        addresses.sort_by_cached_key(|address| {
            let idle = self.idle.get(address).is_some_and(|idle| !idle.is_empty());
            (self.failed.get(address).copied(), !idle)
        });
    }
}
