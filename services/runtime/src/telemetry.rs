//! Where the program's own log goes: standard error, filtered by `RUST_LOG`.

mod plain;

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

use self::plain::Plain;

/// What is shown unless `RUST_LOG` says otherwise.
pub const DEFAULT_FILTER: &str = "warn";

/// Reads a filter, such as `info,comptoir_runtime=debug`.
pub fn parse_filter(text: &str) -> Result<EnvFilter, ParseError> {
    EnvFilter::try_new(text)
}

/// Starts the log of this process, in colour for a person at a terminal (unless `NO_COLOR` is set).
/// Whatever is logged, each event is one line of plain text. Calling it again changes nothing, as
/// when several programs run in one test process.
pub fn start(filter: EnvFilter) {
    let log = tracing_subscriber::fmt().with_env_filter(filter);
    // Both fail only if a subscriber is there already.
    let _ = if io::stderr().is_terminal() {
        log.with_writer(|| Plain::coloured(io::stderr())).try_init()
    } else {
        log.with_ansi(false).with_writer(|| Plain::new(io::stderr())).try_init()
    };
}
