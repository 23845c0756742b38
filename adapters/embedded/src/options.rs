//! What can be set when a folder is opened.

use std::time::Duration;

/// How a database behaves. The default is right for the shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// How long a record is kept after it was appended. `None` or zero keeps it whatever its age.
    pub retention_age: Option<Duration>,
    /// How many bytes a partition keeps, of its newest records. `None` or zero sets no bound.
    pub retention_bytes: Option<u64>,
    /// How many bytes, of its newest records, a partition keeps for groups that have not read them yet,
    /// whatever their age and whatever `retention_bytes` says. Zero waits for no group.
    pub retention_unread_bytes: u64,
    /// The pause between two looks for records to remove.
    pub retention_every: Duration,
    /// How long a write may take, the wait for a place in the queue included, before its caller is
    /// told that the database is unavailable.
    pub deadline: Duration,
    /// Bytes of memory for blocks read from disk.
    pub cache_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            retention_age: Some(Duration::from_hours(7 * 24)),
            retention_bytes: Some(1 << 30),
            retention_unread_bytes: 4 << 30,
            retention_every: Duration::from_mins(1),
            deadline: Duration::from_secs(5),
            cache_bytes: 32 << 20,
        }
    }
}
