//! Executable contracts of the ports, builders, and a world that tests own.
//!
//! - [`contract`]: what every adapter is held to. Each check is a named function over a harness; the
//!   macros [`bus_contract!`], [`store_contract!`], [`codec_contract!`] and [`security_contract!`]
//!   make one test of each.
//! - [`builders`]: [`a_user`], [`a_payment`], [`an_article`], [`an_envelope`].
//! - [`damage`]: bytes and JSON as nobody should have written them.
//! - [`files`]: what is on disk.
//! - [`world`]: [`FakeClock`] and [`SequentialIds`].
#![warn(missing_docs, missing_debug_implementations)]
#![expect(clippy::unwrap_used, reason = "all of this runs in tests, where a panic is the report")]

pub mod builders;
pub mod contract;
pub mod damage;
pub mod files;
mod suites;
mod wait;
pub mod world;

pub use crate::builders::{a_payment, a_user, an_article, an_envelope};
pub use crate::wait::{PATIENCE, quiet, start_and_drop, until, within};
pub use crate::world::{FakeClock, SequentialIds};
