//! What the MongoDB driver needs of OpenSSL, on rustls and graviola: no C.
//!
//! The driver's TLS goes through the crates `openssl` and `tokio-openssl` if its feature `openssl-tls`
//! is on (its `src/runtime/tls_openssl.rs`). This crate and its neighbour take their places, with the
//! names and signatures that the driver calls and nothing beyond. What rustls cannot do, or should
//! not, is an error: certificates and host names are always checked.
#![warn(missing_docs, missing_debug_implementations)]

mod cpu;
pub mod error;
mod roots;
pub mod ssl;
