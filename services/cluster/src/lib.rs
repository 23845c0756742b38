//! Each service as a program of its own, on Kafka and MongoDB.
//!
//! A program (`src/bin/`) names its flags and the service that it starts; [`program`] is the frame
//! around it, [`config`] what all of them take, [`platform`] the two adapters as one platform.

pub mod config;
mod health;
mod kafka_tls;
pub mod platform;
pub mod program;
mod topics;
