//! Where `deploy/local/up` puts everything, by the number that it adds to every port.

use std::sync::atomic::{AtomicU16, Ordering};

/// Ports of one topology lie within a hundred.
const TOPOLOGY_STRIDE: u16 = 100;
/// Instances of one service are so many ports apart.
const INSTANCE_STRIDE: u16 = 10;
/// The most that `up` adds to a port.
const LARGEST_OFFSET: u16 = 30_000;

/// The ports of one topology.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ports {
    pub(super) offset: u16,
}

impl Ports {
    /// Ports that no other topology of this process has. Another process begins elsewhere.
    pub(crate) fn choose() -> Self {
        static TAKEN: AtomicU16 = AtomicU16::new(0);
        let begin = 20_000 + u16::try_from(std::process::id() % 5).unwrap() * 2_000;
        let offset = begin + TAKEN.fetch_add(TOPOLOGY_STRIDE, Ordering::Relaxed);
        assert!(offset <= LARGEST_OFFSET, "too many topologies");
        Self { offset }
    }

    pub(crate) fn mongo(self) -> u16 {
        27_017 + self.offset
    }

    /// As programs and tools want it.
    pub(crate) fn brokers(self) -> String {
        format!("localhost:{}", 9_092 + self.offset)
    }

    /// As programs want it.
    pub(crate) fn mongodb_uri(self) -> String {
        format!("mongodb://localhost:{}", self.mongo())
    }

    /// Of an instance, as in `payments-service-2`.
    pub(crate) fn of(self, instance: &str) -> u16 {
        let (service, number) = match instance.rsplit_once('-') {
            Some((service, number)) if number != "service" => (service, number.parse().unwrap()),
            _ => (instance, 1),
        };
        let first = match service {
            "logs-service" => 3_000,
            "users-service" => 3_001,
            "payments-service" => 3_002,
            "inventories-service" => 3_003,
            "notifications-service" => 3_004,
            "console-service" => 8_080,
            other => panic!("there is no {other}"),
        };
        first + self.offset + INSTANCE_STRIDE * (number - 1)
    }
}
