//! Guarded writes of single documents, many of them in one command.

mod answer;
mod draft;
mod writer;

pub(crate) use answer::{errors, matched, unconfirmed};
pub(crate) use draft::{Draft, Write};
pub(crate) use writer::{Outcome, Writer};
