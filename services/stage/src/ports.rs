//! Where `deploy/local/up` puts everything, by the number that it adds to every port.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};

/// Ports of one topology lie within a hundred.
const TOPOLOGY_STRIDE: u16 = 100;
/// Instances of one service are so many ports apart.
const INSTANCE_STRIDE: u16 = 10;
/// From here on, as many topologies as leave the store, which has the highest port, below the ports that
/// systems give to clients: one of those may be a connection's between the look whether it is free and
/// the server's start.
const FIRST_OFFSET: u16 = 2_000;
const TOPOLOGIES: u16 = 36;

/// The ports of one topology.
#[derive(Debug, Clone, Copy)]
pub struct Ports {
    pub(crate) offset: u16,
}

impl Ports {
    /// Ports that no other topology of this process has, and nobody else now. Another process begins
    /// elsewhere.
    pub fn choose() -> Self {
        static TAKEN: AtomicU16 = AtomicU16::new(0);
        let begin = u16::try_from(std::process::id() % u32::from(TOPOLOGIES)).unwrap();
        let all = (0..TOPOLOGIES).map(|_| {
            let number = (begin + TAKEN.fetch_add(1, Ordering::Relaxed)) % TOPOLOGIES;
            Self { offset: FIRST_OFFSET + number * TOPOLOGY_STRIDE }
        });
        all.into_iter().find(|ports| ports.are_free()).expect("some ports are free")
    }

    fn are_free(self) -> bool {
        let services = (0..5).flat_map(|service| (0..4).map(move |n| 3_000 + service + 10 * n));
        let mut all = services.chain([8_080, 9_092, 9_093, 27_017]);
        all.all(|port| TcpListener::bind(("127.0.0.1", port + self.offset)).is_ok())
    }

    pub fn mongo(self) -> u16 {
        27_017 + self.offset
    }

    /// As programs and tools want it.
    pub fn brokers(self) -> String {
        format!("localhost:{}", 9_092 + self.offset)
    }

    /// As programs want it.
    pub fn mongodb_uri(self) -> String {
        format!("mongodb://localhost:{}", self.mongo())
    }

    /// Of an instance, as in `payments-service-2`.
    pub fn of(self, instance: &str) -> u16 {
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

/// Where Linux begins with the ports of clients, unless it is set otherwise.
#[test]
fn no_server_listens_where_clients_connect_from() {
    const FIRST_OF_CLIENTS: u16 = 32_768;
    let last = Ports { offset: FIRST_OFFSET + (TOPOLOGIES - 1) * TOPOLOGY_STRIDE };
    assert!(last.mongo() < FIRST_OF_CLIENTS, "{last:?}");
}
