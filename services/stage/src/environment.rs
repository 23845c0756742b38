//! What the caller of the tests says.

use std::path::{Path, PathBuf};

/// A variable of the caller; `None` if it is empty.
#[expect(clippy::disallowed_methods, reason = "a test's own switch, not a program's configuration")]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// A whole number that the caller may set.
pub fn number(name: &str, default: u64) -> u64 {
    variable(name).map_or(default, |text| text.parse().unwrap())
}

/// The repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The folder of the programs.
pub fn programs() -> PathBuf {
    let target = || variable("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), Into::into);
    let folder = variable("BIN_DIR").map_or_else(|| target().join("release"), PathBuf::from);
    assert!(folder.join("users-service").is_file(), "no programs in {}", folder.display());
    folder
}
