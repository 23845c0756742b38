//! Waiting between attempts.

use std::sync::Arc;
use std::time::Duration;

use comptoir_domain::port::world::Ids;
use tokio_util::sync::CancellationToken;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(5);

/// Waits that double from 100 ms to 5 s, each shortened at random by up to half, so that those who
/// failed together do not come back together.
#[derive(Debug)]
pub struct Backoff {
    ids: Arc<dyn Ids>,
    next: Duration,
}

impl Backoff {
    /// Starts with the shortest wait. Chance comes from the ids.
    pub fn new(ids: Arc<dyn Ids>) -> Self {
        Self { ids, next: FIRST }
    }

    /// Starts over, after something went well.
    pub fn reset(&mut self) {
        self.next = FIRST;
    }

    /// Waits; false if `stop` came first.
    pub async fn wait(&mut self, stop: &CancellationToken) -> bool {
        let half = self.next / 2;
        // The low bytes of a version 7 UUID are random.
        let random = self.ids.uuid().as_bytes()[15];
        let wait = half + half * u32::from(random) / 255;
        self.next = (self.next * 2).min(LONGEST);
        stop.run_until_cancelled(tokio::time::sleep(wait)).await.is_some()
    }
}
