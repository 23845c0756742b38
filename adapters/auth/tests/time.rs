//! How long a password takes to be refused says nothing about the user.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::time::Duration;

use comptoir_auth::{HasherSettings, Pbkdf2Hasher, Rounds};
use comptoir_domain::port::security::PasswordHasher as _;
use comptoir_domain::user::PasswordHash;
use tokio::time::Instant;

/// Enough for a hash to outweigh whatever else a machine does: some milliseconds.
const ROUNDS: u32 = 20_000;
/// Of each kind. The kinds take turns, so that what a busy machine does falls on all of them.
const SAMPLES: usize = 41;

fn hasher(rounds: u32) -> Pbkdf2Hasher {
    let rounds = Rounds::try_from(rounds).unwrap();
    Pbkdf2Hasher::start(HasherSettings { rounds, ..HasherSettings::default() }).unwrap()
}

/// The medians of the times that a wrong password takes against each of these.
async fn medians(hasher: &Pbkdf2Hasher, against: &[Option<PasswordHash>]) -> Vec<Duration> {
    let mut times = vec![Vec::with_capacity(SAMPLES); against.len()];
    for _ in 0..SAMPLES {
        for (hash, times) in against.iter().zip(&mut times) {
            let began = Instant::now();
            assert!(!hasher.verify(b"wrong password", hash.as_ref()).await.unwrap());
            times.push(began.elapsed());
        }
    }
    let median = |mut times: Vec<Duration>| {
        times.sort_unstable();
        times[SAMPLES / 2]
    };
    times.into_iter().map(median).collect()
}

#[tokio::test]
async fn a_wrong_password_takes_as_long_for_nobody_and_for_users_of_any_age() {
    let hasher = hasher(ROUNDS);
    let new = hasher.hash(b"secret").await.unwrap();
    let old = self::hasher(ROUNDS / 4).hash(b"secret").await.unwrap();
    let times = medians(&hasher, &[Some(new), None, Some(old)]).await;
    let (shortest, longest) = (times.iter().min().unwrap(), times.iter().max().unwrap());
    // What would tell is a factor: without the dummy it is a hundred, for the old user it is four.
    assert!(*longest < *shortest * 3 / 2, "{times:?}");
}
