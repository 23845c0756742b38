//! Where tests of whole programs play: servers and programs as processes, looked at from outside.
//!
//! - [`Servers`] and [`Shop`]: Kafka, a store and the services, by `deploy/local`; [`Program`] alone.
//! - [`http`], [`lines`], [`WebSocket`], [`kafka`]: what a stranger can see of them. [`Proxy`]: a way that
//!   can be cut.
//! - [`Account`]: every event has one line, read from the topics and from the logs service.
//! - [`shoppers`]: clients that use the whole shop. [`books`]: whether what they were answered, the
//!   topics, the lines, the payments and the stock tell one story.
//! - [`patience`]: waiting for other processes. [`Chance`]: luck that can be repeated.
#![expect(clippy::unwrap_used, reason = "all of this runs in tests, where a panic is the report")]

mod account;
pub mod asked;
pub mod books;
mod chance;
pub mod environment;
pub mod http;
pub mod kafka;
pub mod lines;
pub mod patience;
mod ports;
pub mod problem;
mod program;
mod proxy;
mod servers;
mod shop;
pub mod shoppers;
mod topology;
mod websocket;

pub use account::{Account, shown_lines};
pub use chance::Chance;
pub use ports::Ports;
pub use program::Program;
pub use proxy::Proxy;
pub use servers::{KAFKA, MONGO, Servers};
pub use shop::{GROUPS, Shop, USERS_TOPICS};
pub use websocket::WebSocket;
