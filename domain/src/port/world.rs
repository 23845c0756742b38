//! Time and chance. A test, or a simulation, owns them.

use std::fmt::Debug;

use uuid::Uuid;

use crate::time::Timestamp;

/// Tells the time.
pub trait Clock: Debug + Send + Sync {
    /// The time now. May stand still or jump; nothing relies on it for order.
    fn now(&self) -> Timestamp;
}

/// Makes identities.
pub trait Ids: Debug + Send + Sync {
    /// An id that was never made before, roughly in order of time (UUID version 7, RFC 9562 §5.7).
    fn uuid(&self) -> Uuid;
}
