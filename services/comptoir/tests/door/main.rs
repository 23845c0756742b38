//! The real program and those who want to bring it down, or to read what is not theirs.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

#[expect(dead_code, reason = "other tests use the rest")]
#[path = "../support/program.rs"]
mod program;
mod secrets;
#[cfg(target_os = "linux")]
mod siege;
