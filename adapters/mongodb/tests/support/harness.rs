//! The contract of the stores on one of the servers, each check in databases of its own.

use std::marker::PhantomData;
use std::time::Duration;

use comptoir_mongodb::Mongo;
use comptoir_testkit::contract::{Feature, Features, Harness};

use crate::server::{self, Server};

/// A server, and how fast it is. All checks share it, so it has much to do with them.
pub(crate) trait On: Send + Sync {
    const SERVER: Server;
    /// After how long a call is given up.
    const DEADLINE: Duration;
}

/// Opens the stores on it.
pub(crate) struct MongoHarness<S> {
    uri: String,
    prefix: String,
    on: PhantomData<S>,
}

impl<S: On> Default for MongoHarness<S> {
    fn default() -> Self {
        Self { uri: S::SERVER.uri(), prefix: server::prefix(), on: PhantomData }
    }
}

impl<S: On> Harness for MongoHarness<S> {
    type Subject = Mongo;

    const FEATURES: Features =
        Features { has: &[Feature::Durable], patience: S::DEADLINE.saturating_mul(2) };

    async fn open(&self) -> Mongo {
        server::open(&self.uri, &self.prefix, S::DEADLINE)
    }

    async fn reopen(&self, open: Mongo) -> Mongo {
        drop(open);
        self.open().await
    }
}
