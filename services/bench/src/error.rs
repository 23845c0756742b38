use std::{io, path::PathBuf, time::Duration};

use thiserror::Error;
use tokio_tungstenite::tungstenite;

/// Why there is no measurement. A measurement that shows failures is a report with problems.
#[derive(Debug, Error)]
pub enum BenchError {
    #[error("cannot connect to {address}")]
    Connect {
        address: String,
        #[source]
        source: io::Error,
    },
    #[error("{address} takes no WebSocket in plain mode")]
    Handshake {
        address: String,
        #[source]
        source: Box<tungstenite::Error>,
    },
    #[error("{0}")]
    Unusable(String),
    #[error("cannot use {}", path.display())]
    File {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot run {}", program.display())]
    Program {
        program: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the log stream ended before the run did: {0}")]
    StreamEnded(String),
    #[error("{what} within {limit:?}")]
    TooLate { what: String, limit: Duration },
    #[error("the program ended before it was ready: {0}")]
    Died(std::process::ExitStatus),
}

impl BenchError {
    /// 2 if the measurement could not begin, 1 if it broke off.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Connect { .. }
            | Self::Handshake { .. }
            | Self::Unusable(_)
            | Self::File { .. }
            | Self::Program { .. } => 2,
            Self::StreamEnded(_) | Self::TooLate { .. } | Self::Died(_) => 1,
        }
    }
}

/// The error and its causes on one line.
pub fn one_line(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        // Some drivers repeat their cause in their own text.
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text.replace('\n', " ")
}
