use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::retry::Pauses;
use super::*;
use crate::error::Result;

fn lonely() -> Cluster {
    Cluster::new(Settings::new(["nowhere:1"]))
}

fn refusal(error: ResponseError) -> KafkaError {
    KafkaError::refused(ApiKey::Metadata, error)
}

fn within(seconds: u64) -> Instant {
    Instant::now() + Duration::from_secs(seconds)
}

#[tokio::test(start_paused = true)]
async fn what_can_pass_is_repeated_until_it_does() {
    let attempts = AtomicUsize::new(0);
    let cluster = lonely();
    let done = cluster.retry(within(60), || async {
        match attempts.fetch_add(1, Ordering::Relaxed) {
            0 => Err(KafkaError::unavailable("away")),
            1 => Err(refusal(ResponseError::NotCoordinator)),
            2 => Err(refusal(ResponseError::NotLeaderOrFollower)),
            attempt => Ok(attempt),
        }
    });
    assert_eq!(done.await.unwrap(), 3);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_pass_is_not_repeated() {
    let start = Instant::now();
    let refused: Result<()> =
        lonely().retry(within(60), || async { Err(refusal(ResponseError::InvalidConfig)) }).await;
    assert_eq!(refused.unwrap_err().refusal(), Some(ResponseError::InvalidConfig));
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_ends_it_with_the_last_error() {
    let start = Instant::now();
    let refused: Result<()> =
        lonely().retry(within(9), || async { Err(refusal(ResponseError::NotController)) }).await;
    assert_eq!(refused.unwrap_err().refusal(), Some(ResponseError::NotController));
    assert!((7..=9).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn the_deadline_ends_an_attempt_that_hangs() {
    let start = Instant::now();
    let hangs: Result<()> = lonely().retry(within(9), std::future::pending).await;
    assert!(matches!(hangs, Err(KafkaError::Unavailable(_))), "{hangs:?}");
    assert_eq!(start.elapsed().as_secs(), 9);
}

#[test]
fn pauses_grow_to_a_second_and_are_never_the_same_for_long() {
    let mut pauses = Pauses::new();
    let taken: Vec<Duration> = (0..40).map(|_| pauses.next()).collect();
    assert!(taken[0] >= Duration::from_millis(25) && taken[0] <= Duration::from_millis(50));
    let late = &taken[6..];
    assert!(late.iter().all(|pause| *pause >= Duration::from_millis(500)));
    assert!(late.iter().all(|pause| *pause <= Duration::from_secs(1)));
    assert!(late.iter().any(|pause| *pause != late[0]));
}
