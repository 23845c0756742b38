//! The whole shop over real sockets: every service in this process, on one memory platform whose
//! log and store can be switched off.
#![expect(clippy::unwrap_used, reason = "the helpers of tests, where a panic is the report")]

mod absence;
mod backlog;
mod checkout;
mod client;
mod console;
mod cost;
mod dead_letters;
mod edge;
mod expiry;
mod grave;
mod hashing;
mod health;
mod hostile;
mod idempotency;
mod instances;
mod large_lines;
mod lines;
mod live;
mod message;
mod messages;
mod payments;
mod replays;
mod shop;
mod stock;
mod stream;
mod stream_client;
mod throttle;
mod tokens;
mod users;
