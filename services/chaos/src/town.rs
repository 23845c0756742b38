//! Where it happens: Kafka, a store behind a way that can be cut, and one of each service.

use std::sync::Arc;
use std::time::Duration;

use comptoir_stage::http::{Answer, get};
use comptoir_stage::patience::until;
use comptoir_stage::shoppers::Site;
use comptoir_stage::{KAFKA, MONGO, Ports, Proxy, Servers, Shop};

use crate::plan::Action;

/// A payment that is not settled by then expires, so that some do.
const EXPIRES_AFTER: &str = "20s";
/// How long a server may take to come back, and all services to be ready after it.
const BACK_TIME: Duration = Duration::from_mins(2);

const SERVICES: [&str; 5] = [
    "users-service",
    "payments-service",
    "inventories-service",
    "notifications-service",
    "logs-service",
];

/// All that runs.
pub(crate) struct Town {
    // In this order: the services stop before what they stand on.
    pub(crate) shop: Shop,
    pub(crate) servers: Servers,
    way_to_store: Proxy,
}

impl Town {
    /// Starts everything, on the store that `up` calls so.
    pub(crate) fn build(store: &str) -> Self {
        let servers = Servers::start_on(Ports::choose(), store);
        let way_to_store = Proxy::to(servers.ports.mongo());
        let uri = format!("mongodb://localhost:{}", way_to_store.port());
        let variables = [("MONGODB_URI", uri.as_str()), ("PAYMENT_EXPIRES_AFTER", EXPIRES_AFTER)];
        let shop = Shop::open(&servers, "", &variables);
        Self { shop, servers, way_to_store }
    }

    /// Where clients find the services: at either of two instances, if there are two.
    pub(crate) fn site(&self) -> Site {
        let ports = self.shop.ports();
        Arc::new(move |service| vec![ports.of(service), ports.of(&format!("{service}-2"))])
    }

    /// Does it to a process, or to the way to the store.
    pub(crate) fn act(&self, action: Action, target: &str) {
        let verb = match action {
            Action::Cut => return self.way_to_store.cut(),
            Action::Mend => return self.way_to_store.mend(),
            Action::Start => "start",
            Action::Kill => "kill",
            Action::Terminate => "term",
            Action::Pause => "stop",
            Action::Continue => "cont",
        };
        if target != KAFKA && target != MONGO {
            return self.shop.ctl(&[verb, target]);
        }
        self.servers.ctl(&[verb, target]);
        if action == Action::Start {
            self.servers.ctl(&["wait", &BACK_TIME.as_secs().to_string(), target]);
        }
    }

    /// Waits until all services are ready, and do without nothing.
    pub(crate) fn is_whole(&self) {
        for service in SERVICES {
            until(&format!("{service} does without nothing"), BACK_TIME, || {
                let answer =
                    get(self.shop.port(service), "/health/ready").map_err(|e| e.to_string())?;
                let whole = answer.status == 200 && answer.json().get("degraded").is_none();
                if whole { Ok(()) } else { Err(format!("{answer:?}")) }
            });
        }
    }

    /// The console's answer.
    pub(crate) fn console(&self, path: &str) -> Answer {
        get(self.servers.ports.of("console-service"), path).unwrap()
    }
}
