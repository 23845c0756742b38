//! Comptoir's domain: what the shop is, without anything that it runs on.
//!
//! - **Aggregates** decide: [`user`], [`payment`], [`stock`], [`notification`], [`log_entry`].
//! - **Events** tell what happened ([`event`]), in [`envelope`]s, on [`topic`]s, first kept in an
//!   [`outbox`].
//! - **Requests that may come again** are told by [`idempotency`] keys.
//! - **The saga** ([`checkout`]), **consumer groups** ([`group`]) and the **dead letters** of a topic
//!   ([`dead_letters`]) are pure state machines.
//! - **Use cases** ([`app`]) load, decide and save through the **ports** ([`port`]), which say what is
//!   needed of the outside.
//!
//! Nothing here does I/O, reads a clock, makes a random number or writes a log.
#![warn(missing_docs, missing_debug_implementations)]
#![deny(clippy::wildcard_enum_match_arm)]

pub mod app;
pub mod checkout;
pub mod dead_letters;
pub mod envelope;
pub mod event;
pub mod group;
pub mod id;
pub mod idempotency;
pub mod log_entry;
pub mod money;
pub mod notification;
pub mod outbox;
pub mod payment;
pub mod port;
pub mod record;
pub mod stock;
pub mod time;
pub mod topic;
pub mod trace;
pub mod user;
