//! The contract of the stores: users, payments, stock, and the outbox of each.

pub mod answers;
pub mod due;
pub mod durable;
mod kept;
pub mod outbox;
pub mod payments;
pub mod stock;
pub mod users;

pub use self::kept::Kept;
