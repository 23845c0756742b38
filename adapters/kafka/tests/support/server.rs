//! The broker that the tests share.

use std::hash::{BuildHasher as _, RandomState};
use std::io::Write as _;
use std::sync::Once;

/// Where the broker is, as `TEST_KAFKA` says. Ends the tests with a line that says so where that is
/// not set; that is a failure where `TEST_REQUIRE` lists `kafka`.
#[expect(clippy::disallowed_methods, reason = "a test program has no configuration but these two")]
pub(crate) fn broker() -> String {
    static SKIP: Once = Once::new();
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    if let Some(broker) = set("TEST_KAFKA") {
        return broker;
    }
    let required = set("TEST_REQUIRE").is_some_and(|list| list.split(',').any(|it| it == "kafka"));
    assert!(!required, "TEST_REQUIRE lists kafka, but TEST_KAFKA is not set");
    SKIP.call_once(|| {
        // Past the capture of tests' output: nothing here can run, and that must be seen.
        let _ = writeln!(std::io::stderr(), "skipped: TEST_KAFKA is not set");
        std::process::exit(0);
    });
    unreachable!("whoever comes second waits for the exit")
}

/// Letters that no other test has.
pub(crate) fn suffix() -> String {
    format!("{:016x}", RandomState::new().hash_one(std::process::id()))
}
