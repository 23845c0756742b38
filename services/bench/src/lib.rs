//! Load client that speaks only HTTP/1.1 and WebSocket, so that it can measure any implementation.
//!
//! Every subcommand is one module with its flags and a `run` that gives a [`table::Report`].
//! [`disk::raw_append`] is also for other benchmarks, which set their own figures beside it.

mod backlog;
pub mod disk;
pub mod error;
pub mod histogram;
pub mod http;
pub mod line;
pub mod load;
pub mod memory;
pub mod pay;
pub mod rate;
mod schedule;
pub mod start;
pub mod stream;
pub mod table;
pub mod tally;
pub mod tracker;
