//! The stores on MongoDB: state and outbox in one guarded document write.
//!
//! No transactions: every save is one document's write, guarded by the version that was read, so a
//! single server without a replica set is enough. A save carries an id of its own, kept in the
//! document; after a lost answer the save is sent again and read back, and its id tells whether it took
//! place. Saves that arrive while a command is under way go together in the next one.
//!
//! Documents have `_id` (text), `version`, `schema`, `write_ids` (those of the last versions), `state`,
//! and while anything is unpublished `outbox`, keyed by sequence, with `pending_since`. How stock is
//! written, which is more than one document, is told in [`stock`].
#![warn(missing_docs, missing_debug_implementations)]

mod answers;
#[cfg(test)]
mod damage;
mod document;
mod error;
mod mongo;
mod outbox;
mod payments;
mod server;
mod settings;
mod stock;
mod sync;
mod table;
mod users;
mod write;

pub use mongo::Mongo;
pub use payments::Payments;
pub use settings::{InvalidSettings, Settings};
pub use stock::Stock;
pub use users::Users;
