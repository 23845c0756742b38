//! The contract of the log: publisher, reader, groups, admin.

pub mod admin;
pub mod busy;
mod crew;
mod desk;
pub mod dropped;
pub mod durable;
pub mod groups;
pub mod handover;
pub mod publish;
pub mod read;
pub mod split;
pub mod wakes;
