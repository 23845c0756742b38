//! Offsets of partitions and of groups.

mod commits;
mod group;
mod list;
#[cfg(test)]
mod tests;

pub use commits::{Outcomes, commit, commit_each};
pub(crate) use group::all_committed;
pub use group::{Identity, committed};
pub use list::{Spot, bounds, list};
