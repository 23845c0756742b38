//! How connections fail.

use std::io;
use std::time::Duration;

use thiserror::Error;

/// How a connection failed.
#[derive(Debug, Error)]
pub(super) enum Failure {
    #[error("no answer from {address} within {after:?}")]
    Silent { address: String, after: Duration },
    #[error("the connection to {address} failed")]
    Io {
        address: String,
        #[source]
        cause: io::Error,
    },
    #[error("the connection to {address} was given up after an earlier request")]
    GivenUp { address: String },
    #[error("{address} sends an answer of {bytes} bytes; {limit} are taken")]
    TooLong { address: String, bytes: i64, limit: usize },
    #[error("{address} answered request {got} instead of {expected}")]
    OutOfStep { address: String, expected: i32, got: i32 },
}
