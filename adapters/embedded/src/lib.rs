//! Every port on one durable fjall database in a folder: the event log and the stores.
//!
//! [`Embedded::open`] opens a folder. One thread owns all writes and commits them in groups, each with
//! one sync; an answer means that the write is durable, and readers never see anything that is not.

mod bytes;
mod embedded;
mod error;
mod folder;
mod groups;
mod keyspaces;
mod log;
mod options;
mod outbox;
mod shared;
mod store;
mod sync;
mod writer;

pub use embedded::{Embedded, Recovered};
pub use folder::OpenError;
pub use groups::{GroupCommitter, Joiner, Member};
pub use log::{Admin, LogPublisher, Reader};
pub use options::Options;
pub use store::{Payments, Repository, Stock, Users};
