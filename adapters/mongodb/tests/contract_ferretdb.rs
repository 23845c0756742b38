//! The contract of the stores on `FerretDB`, each check in databases of its own.

#[expect(dead_code, reason = "shared by all tests, and none needs all of it")]
#[path = "support/server.rs"]
mod server;

use std::time::Duration;

use comptoir_mongodb::Mongo;
use comptoir_testkit::contract::{Feature, Features, Harness};

/// All checks share one server, which has much to do with them.
const DEADLINE: Duration = Duration::from_secs(30);

const PATIENCE: Duration = Duration::from_mins(1);

struct MongoHarness {
    uri: String,
    prefix: String,
}

impl Default for MongoHarness {
    fn default() -> Self {
        Self { uri: server::FERRETDB.uri(), prefix: server::prefix() }
    }
}

impl Harness for MongoHarness {
    type Subject = Mongo;

    const FEATURES: Features = Features { has: &[Feature::Durable], patience: PATIENCE };

    async fn open(&self) -> Mongo {
        server::open(&self.uri, &self.prefix, DEADLINE)
    }

    async fn reopen(&self, open: Mongo) -> Mongo {
        drop(open);
        self.open().await
    }
}

comptoir_testkit::store_contract!(MongoHarness);
