//! The edge as a client sees it: `serve` on a free port, driven over raw TCP.
#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod abuse;
mod any_bytes;
mod bodies;
mod client;
mod cors;
mod floods;
mod framing;
mod routing;
mod serving;
mod sockets;
