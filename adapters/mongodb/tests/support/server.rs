//! The servers that the tests share.

use std::hash::{BuildHasher as _, RandomState};
use std::io::Write as _;
use std::sync::Once;
use std::time::Duration;

use comptoir_mongodb::{Mongo, Settings};

/// A server of the tests: where it is, and what to call it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Server {
    variable: &'static str,
    name: &'static str,
}

/// Any server; the in-memory one in practice.
pub(crate) const MONGODB: Server = Server { variable: "TEST_MONGODB", name: "mongodb" };

/// `FerretDB`, which keeps what it was told.
pub(crate) const FERRETDB: Server = Server { variable: "TEST_FERRETDB", name: "ferretdb" };

/// `FerretDB` where it speaks TLS.
pub(crate) const FERRETDB_TLS: Server = Server { variable: "TEST_FERRETDB_TLS", name: "ferretdb" };

impl Server {
    /// Its connection string, as the variable says. Ends the tests with a line that says so where that
    /// is not set; that is a failure where `TEST_REQUIRE` lists the server.
    pub(crate) fn uri(self) -> String {
        static SKIP: Once = Once::new();
        if let Some(uri) = variable(self.variable) {
            return uri;
        }
        let required = variable("TEST_REQUIRE");
        let required = required.is_some_and(|list| list.split(',').any(|it| it == self.name));
        assert!(!required, "TEST_REQUIRE lists {}, but {} is not set", self.name, self.variable);
        SKIP.call_once(|| {
            // Past the capture of tests' output: nothing here can run, and that must be seen.
            let _ = writeln!(std::io::stderr(), "skipped: {} is not set", self.variable);
            std::process::exit(0);
        });
        unreachable!("whoever comes second waits for the exit")
    }
}

/// A variable of the environment that says something.
#[expect(clippy::disallowed_methods, reason = "a test program has no configuration but variables")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// What database names begin with that no other test has.
pub(crate) fn prefix() -> String {
    format!("t{:016x}-", RandomState::new().hash_one(std::process::id()))
}

/// The stores on a server.
pub(crate) fn open(uri: &str, prefix: &str, deadline: Duration) -> Mongo {
    let settings = Settings { deadline, ..Settings::new(uri, prefix) };
    Mongo::new(settings).expect("the variable holds a connection string")
}
