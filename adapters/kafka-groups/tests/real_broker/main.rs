//! Against a real broker: `TEST_KAFKA=host:port`. Without it the tests say that they are skipped,
//! or fail if `TEST_REQUIRE` names `kafka`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod admin;
mod groups;
mod partitions;
mod stage;
