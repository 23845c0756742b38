//! The contract of the stores on a fast server in memory (or a real one).

#[path = "support/harness.rs"]
mod harness;
#[expect(dead_code, reason = "shared by all tests, and none needs all of it")]
#[path = "support/server.rs"]
mod server;

use std::time::Duration;

use harness::{MongoHarness, On};
use server::Server;

struct Fast;

impl On for Fast {
    const SERVER: Server = server::MONGODB;
    const DEADLINE: Duration = Duration::from_secs(10);
}

comptoir_testkit::store_contract!(MongoHarness<Fast>);
