//! Waits between attempts.

use std::sync::Arc;
use std::time::Duration;

use comptoir_domain::port::world::Ids;
use comptoir_runtime::backoff::Backoff;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Chance that always says the same.
#[derive(Debug)]
struct Always(u8);

impl Ids for Always {
    fn uuid(&self) -> Uuid {
        Uuid::from_bytes([self.0; 16])
    }
}

async fn waits(backoff: &mut Backoff, count: usize) -> Vec<Duration> {
    let stop = CancellationToken::new();
    let mut waits = Vec::new();
    for _ in 0..count {
        let began = Instant::now();
        assert!(backoff.wait(&stop).await);
        waits.push(began.elapsed());
    }
    waits
}

#[tokio::test(start_paused = true)]
async fn waits_double_up_to_five_seconds_and_are_shortened_by_chance_to_a_half() {
    let longest = [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000].map(Duration::from_millis);
    let shortest = longest.map(|wait| wait / 2);
    let mut unlucky = Backoff::new(Arc::new(Always(255)));
    assert_eq!(waits(&mut unlucky, 8).await, longest);
    let mut lucky = Backoff::new(Arc::new(Always(0)));
    assert_eq!(waits(&mut lucky, 8).await, shortest);
}

#[tokio::test(start_paused = true)]
async fn success_starts_them_over() {
    let mut backoff = Backoff::new(Arc::new(Always(255)));
    waits(&mut backoff, 5).await;
    backoff.reset();
    let first = waits(&mut backoff, 1).await;
    assert_eq!(first, [Duration::from_millis(100)]);
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_the_wait() {
    let stop = CancellationToken::new();
    stop.cancel();
    let began = Instant::now();
    assert!(!Backoff::new(Arc::new(Always(255))).wait(&stop).await);
    assert_eq!(began.elapsed(), Duration::ZERO);
}
