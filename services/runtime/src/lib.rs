//! What every service runs on: configuration, telemetry, supervision, the consumer runtime and the
//! outbox relay. It knows no adapter; a program chooses the platform.

pub mod backoff;
mod causes;
pub mod config;
pub mod consume;
pub mod context;
pub mod dead_letters;
pub mod dependencies;
pub mod edge;
pub mod idempotency;
pub mod log_probe;
mod open_files;
pub mod program;
pub mod relay;
pub mod stop_times;
pub mod supervise;
pub mod telemetry;
pub mod terminal;
pub mod world;
