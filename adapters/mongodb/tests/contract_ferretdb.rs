//! The contract of the stores on `FerretDB`.

#[path = "support/harness.rs"]
mod harness;
#[expect(dead_code, reason = "shared by all tests, and none needs all of it")]
#[path = "support/server.rs"]
mod server;

use std::time::Duration;

use harness::{MongoHarness, On};
use server::Server;

struct Ferret;

impl On for Ferret {
    const SERVER: Server = server::FERRETDB;
    const DEADLINE: Duration = Duration::from_secs(30);
}

comptoir_testkit::store_contract!(MongoHarness<Ferret>);
