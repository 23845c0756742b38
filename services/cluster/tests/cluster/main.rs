//! The services as programs of their own on a real Kafka and a store that speaks MongoDB's wire
//! protocol, looked at from outside: HTTP, WebSocket, Kafka's own tools, `kcat`, `kill -9`.
//!
//! Runs with `TEST_CLUSTER=1`, on programs that are built already: in `BIN_DIR`, or in `target/release`.
//! It needs what `deploy/local/up` needs, and `kcat` and `curl`. `KAFKA_DOWN_SECONDS` (10) says how long
//! Kafka is away in the test about that. One test runs at a time; Kafka and the store are shared, and
//! each test has a prefix of its own.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod load;
mod stage;

mod first_steps;
mod instances;
mod kafka_away;
mod kafka_tools;
mod scaled_out;
mod shared_group;
mod start_and_stop;
mod store_away;
mod strangers;
