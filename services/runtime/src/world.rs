//! The clock and the ids of a running program.

use std::time::{Duration, UNIX_EPOCH};

use comptoir_domain::port::world::{Clock, Ids};
use comptoir_domain::time::Timestamp;
use uuid::Uuid;

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(i64::try_from(since_epoch().as_millis()).unwrap_or(i64::MAX))
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place where the clock is read")]
fn since_epoch() -> Duration {
    // A clock before 1970 counts as 1970: ids and lines stay usable.
    std::time::SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// UUIDs of version 7: 48 bits of time, the rest from the operating system's random source.
#[derive(Debug, Clone, Copy, Default)]
pub struct RandomIds;

impl Ids for RandomIds {
    fn uuid(&self) -> Uuid {
        let mut random = [0; 10];
        getrandom::fill(&mut random).expect("the operating system has random numbers");
        let millis = u64::try_from(since_epoch().as_millis()).unwrap_or(u64::MAX);
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }
}
