//! Offsets of partitions and of groups.

mod group;
mod list;
#[cfg(test)]
mod tests;

pub(crate) use group::all_committed;
pub use group::{Identity, commit, committed};
pub use list::{Spot, bounds, list};
