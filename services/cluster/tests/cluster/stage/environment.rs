//! What the caller of the tests says.

use std::path::{Path, PathBuf};

use crate::patience::tell;

#[expect(clippy::disallowed_methods, reason = "a test's own switch, not a program's configuration")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Whether to run at all. Not running is an error where `TEST_REQUIRE` lists `cluster`.
pub(crate) fn is_wanted() -> bool {
    if variable("TEST_CLUSTER").as_deref() == Some("1") {
        return true;
    }
    let required = variable("TEST_REQUIRE").unwrap_or_default();
    assert!(
        !required.split(',').any(|name| name.trim() == "cluster"),
        "TEST_REQUIRE lists cluster, but TEST_CLUSTER is not 1"
    );
    tell("skipped: TEST_CLUSTER is not set");
    false
}

/// A whole number that the caller may set.
pub(crate) fn number(name: &str, default: u64) -> u64 {
    variable(name).map_or(default, |text| text.parse().unwrap())
}

/// The repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The folder of the programs.
pub(crate) fn programs() -> PathBuf {
    let target = || variable("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), Into::into);
    let folder = variable("BIN_DIR").map_or_else(|| target().join("release"), PathBuf::from);
    assert!(folder.join("users-service").is_file(), "no programs in {}", folder.display());
    folder
}
