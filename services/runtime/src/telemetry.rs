//! Where the program's own log goes: standard error, filtered by `RUST_LOG`.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

/// What is shown unless `RUST_LOG` says otherwise.
pub const DEFAULT_FILTER: &str = "warn";

/// Reads a filter, such as `info,comptoir_runtime=debug`.
pub fn parse_filter(text: &str) -> Result<EnvFilter, ParseError> {
    EnvFilter::try_new(text)
}

/// Starts the log of this process. Calling it again changes nothing, as when several programs run
/// in one test process.
pub fn start(filter: EnvFilter) {
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // Fails only if a subscriber is there already.
    let _ = subscriber.try_init();
}
