//! The ports: what the shop needs of the outside. The docs of each are its contract, and the contract
//! suites of the test kit hold every adapter to it.
//!
//! A method is one atomic step: dropped at any await it has happened whole or not at all, unless it
//! says otherwise.

pub mod bus;
pub mod codec;
pub mod handler;
pub mod platform;
pub mod security;
pub mod store;
pub mod world;

/// The error beneath an error of a port.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
