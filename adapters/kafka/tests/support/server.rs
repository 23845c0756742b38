//! The broker that the tests share.

use std::hash::{BuildHasher as _, RandomState};
use std::io::Write as _;
use std::sync::Once;

/// Where the broker is.
pub(crate) fn broker() -> String {
    variable("TEST_KAFKA")
}

/// What the variable says. Ends the tests with a line that says so where it is not set; that is a
/// failure where `TEST_REQUIRE` lists `kafka`.
#[expect(clippy::disallowed_methods, reason = "a test program has no other configuration")]
pub(crate) fn variable(name: &str) -> String {
    static SKIP: Once = Once::new();
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    if let Some(value) = set(name) {
        return value;
    }
    let required = set("TEST_REQUIRE").is_some_and(|list| list.split(',').any(|it| it == "kafka"));
    assert!(!required, "TEST_REQUIRE lists kafka, but {name} is not set");
    SKIP.call_once(|| {
        // Past the capture of tests' output: nothing here can run, and that must be seen.
        let _ = writeln!(std::io::stderr(), "skipped: {name} is not set");
        std::process::exit(0);
    });
    unreachable!("whoever comes second waits for the exit")
}

/// Letters that no other test has.
pub(crate) fn suffix() -> String {
    format!("{:016x}", RandomState::new().hash_one(std::process::id()))
}

/// What does to the broker what is told: the program that `TEST_KAFKA_CTL` names.
pub(crate) struct Control(String);

impl Control {
    /// `None`, and a line that says so, where there is no such program.
    #[expect(clippy::disallowed_methods, reason = "as above")]
    pub(crate) fn new() -> Option<Self> {
        let program = std::env::var("TEST_KAFKA_CTL").ok().filter(|value| !value.is_empty());
        if program.is_none() {
            let _ = writeln!(std::io::stderr(), "does not apply: TEST_KAFKA_CTL is not set");
        }
        program.map(Self)
    }

    fn run(&self, what: &str) {
        let status = std::process::Command::new(&self.0).arg(what).status().unwrap();
        assert!(status.success(), "{} {what}: {status}", self.0);
    }

    /// Stops the broker until the answer is dropped.
    pub(crate) fn stop(&self) -> Stopped<'_> {
        self.run("stop");
        Stopped(self)
    }

    pub(crate) fn kill(&self) {
        self.run("kill");
    }

    pub(crate) fn start(&self) {
        self.run("start");
    }
}

pub(crate) struct Stopped<'a>(&'a Control);

impl Drop for Stopped<'_> {
    fn drop(&mut self) {
        self.0.run("cont");
    }
}
