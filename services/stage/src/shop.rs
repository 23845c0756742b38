//! Programs of one test.

use std::time::Duration;

use serde_json::Value;

use crate::http::{self, Answer};
use crate::patience::until;
use crate::topology::Topology;
use crate::{Ports, Servers};

/// The services' groups.
pub const GROUPS: [&str; 3] = ["notifications-service", "inventories-service", "payments-service"];
/// The topics that records of every kind are on.
pub const USERS_TOPICS: [&str; 4] = ["notifications", "logs", "inventories", "stock"];

/// How long what was accepted may take to be done.
const SETTLE_TIME: Duration = Duration::from_secs(90);
/// Payments that are asked for one by one, at most.
const ASKED_FOR: usize = 100;

/// Running programs with a prefix of their own.
pub struct Shop {
    ports: Ports,
    topology: Topology,
    prefix: String,
    brokers: String,
}

impl Shop {
    /// One instance of each service, save the console, unless the variables say otherwise.
    pub fn open(servers: &Servers, prefix: &str, variables: &[(&str, &str)]) -> Self {
        let (brokers, uri) = (servers.ports.brokers(), servers.ports.mongodb_uri());
        let mut all = vec![
            ("KAFKA_BROKERS", brokers.as_str()),
            ("MONGODB_URI", &uri),
            ("TOPIC_PREFIX", prefix),
            ("CONSOLE", "0"),
        ];
        all.extend(variables);
        let ports = Ports::choose();
        let topology = Topology::start(ports, &all);
        Self { ports, topology, prefix: prefix.to_owned(), brokers }
    }

    /// The name of a topic or group with the prefix before it.
    pub fn named(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    pub fn brokers(&self) -> &str {
        &self.brokers
    }

    #[track_caller]
    pub fn ctl(&self, arguments: &[&str]) {
        self.topology.ctl(arguments);
    }

    /// Where its instances listen.
    pub fn ports(&self) -> Ports {
        self.ports
    }

    /// The port of an instance, as in `payments-service-2`.
    pub fn port(&self, instance: &str) -> u16 {
        self.ports.of(instance)
    }

    #[track_caller]
    pub fn get(&self, instance: &str, path: &str) -> Answer {
        http::get(self.port(instance), path).unwrap()
    }

    #[track_caller]
    pub fn post(&self, instance: &str, path: &str, form: &str) -> Answer {
        http::post(self.port(instance), path, form).unwrap()
    }

    /// Pays, and gives the id.
    #[track_caller]
    pub fn pay(&self, form: &str) -> String {
        let paid = self.post("payments-service", "/pay", form);
        assert_eq!(paid.status, 202, "{paid:?}");
        paid.json()["id"].as_str().unwrap().to_owned()
    }

    /// The payment as soon as it is settled, asked for at that instance.
    #[track_caller]
    pub fn settled(&self, instance: &str, id: &str) -> Value {
        until("the payment settles", SETTLE_TIME, || {
            let payment = self.get(instance, &format!("/payments/{id}?wait=30")).json();
            if payment["status"] == "pending" { Err(payment) } else { Ok(payment) }
        })
    }

    /// Waits until all these payments, for a mug each and all there are, are confirmed and sold. Some of
    /// them, spread over the whole, are asked for one by one; the topics tell of each.
    #[track_caller]
    pub fn all_confirmed(&self, payments: &[String]) {
        until("all are sold", SETTLE_TIME, || {
            let (held, sold) = (self.mugs("held"), self.mugs("sold"));
            let done = held == 0 && sold >= payments.len() as u64;
            if done { Ok(()) } else { Err((held, sold, payments.len())) }
        });
        for id in payments.iter().step_by(payments.len() / ASKED_FOR + 1) {
            assert_eq!(self.settled("payments-service", id)["status"], "confirmed", "{id}");
        }
    }

    /// Of the coffee mugs, so many.
    #[track_caller]
    pub fn mugs(&self, which: &str) -> u64 {
        self.stock("coffee-mug")[which].as_u64().unwrap()
    }

    /// An article's counters, which must balance.
    #[track_caller]
    pub fn stock(&self, sku: &str) -> Value {
        let stock = self.get("inventories-service", &format!("/stock/{sku}")).json();
        let count = |name: &str| stock[name].as_u64().unwrap();
        assert_eq!(
            count("received"),
            count("available") + count("held") + count("sold"),
            "{stock}"
        );
        stock
    }

    /// Waits until no group of the shop has anything left to do.
    #[track_caller]
    pub fn no_lag(&self, servers: &Servers) {
        until("no group lags", SETTLE_TIME, || {
            let lag = GROUPS.map(|group| self.lag(servers, group));
            if lag == [Some(0); 3] { Ok(()) } else { Err(lag) }
        });
    }

    /// A group's lag as the console tells it; `None` while there is no such group.
    #[track_caller]
    pub fn lag(&self, servers: &Servers, group: &str) -> Option<u64> {
        let groups = servers.console("/api/v1/groups");
        let named = |found: &&Value| found["group"] == self.named(group).as_str();
        groups.as_array().unwrap().iter().find(named)?["lag"].as_u64()
    }

    /// Stops; each program must end as it should.
    pub fn stop(self) {
        self.topology.stop();
    }
}
