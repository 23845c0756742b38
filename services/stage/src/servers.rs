//! Kafka and the store, shared by all tests, and a console that looks at every group.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use serde_json::Value;

use crate::Ports;
use crate::http;
use crate::patience::until;
use crate::topology::Topology;

/// Names that `ctl` knows.
pub const KAFKA: &str = "kafka";
pub const MONGO: &str = "mongo";

/// How long a server that comes back may take, and whatever looks at it.
const BACK_TIME: Duration = Duration::from_mins(1);

/// Running servers.
pub struct Servers {
    pub ports: Ports,
    topology: Topology,
}

impl Servers {
    /// The servers of whoever runs now, or new ones.
    pub fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Servers>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let servers = Arc::new(Self::start(Ports::choose()));
            *shared = Arc::downgrade(&servers);
            servers
        })
    }

    /// Servers of one's own.
    pub fn start(ports: Ports) -> Self {
        Self::start_on(ports, "memory")
    }

    /// The same on the store that `STORE` names.
    pub fn start_on(ports: Ports, store: &str) -> Self {
        let none = ["USERS", "PAYMENTS", "INVENTORIES", "NOTIFICATIONS", "LOGS"];
        let mut variables = none.map(|count| (count, "0")).to_vec();
        variables.push(("STORE", store));
        Self { ports, topology: Topology::start(ports, &variables) }
    }

    #[track_caller]
    pub fn ctl(&self, arguments: &[&str]) {
        self.topology.ctl(arguments);
    }

    /// Starts Kafka again, and waits until it serves.
    #[track_caller]
    pub fn bring_kafka_back(&self) {
        self.ctl(&["start", KAFKA]);
        self.ctl(&["wait", "60", KAFKA]);
    }

    /// Undoes what a test that failed has left.
    pub fn heal(&self) {
        let all: Value = serde_json::from_str(&self.topology.ctl(&["ps", "--json"])).unwrap();
        for process in all.as_array().unwrap() {
            let name = process["name"].as_str().unwrap();
            match process["state"].as_str().unwrap() {
                "running" => {}
                "paused" => self.ctl(&["cont", name]),
                _ => self.ctl(&["start", name]),
            }
        }
        self.ctl(&["wait", "60"]);
    }

    /// What the console says.
    #[track_caller]
    pub fn console(&self, path: &str) -> Value {
        let port = self.ports.of("console-service");
        until("the console answers", BACK_TIME, || match http::get(port, path) {
            Ok(answer) if answer.status == 200 => Ok(answer.json()),
            other => Err(other),
        })
    }
}
