//! Passwords are hashed and checked as the port promises.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use comptoir_auth::{HasherSettings, Pbkdf2Hasher, Rounds};
use comptoir_domain::port::security::{HashError, PasswordHasher};
use comptoir_domain::user::PasswordHash;

fn hasher(rounds: Rounds) -> Pbkdf2Hasher {
    Pbkdf2Hasher::start(HasherSettings { rounds, ..HasherSettings::default() }).unwrap()
}

#[tokio::test]
async fn a_password_is_known_again() {
    let hasher = hasher(Rounds::MIN);
    let hash = hasher.hash(b"secret").await.unwrap();
    assert!(hasher.verify(b"secret", Some(&hash)).await.unwrap());
    assert!(!hasher.verify(b"Secret", Some(&hash)).await.unwrap());
    assert!(!hasher.verify(b"", Some(&hash)).await.unwrap());
    assert!(!hasher.verify(b"secret", None).await.unwrap());
}

#[tokio::test]
async fn equal_passwords_have_different_hashes() {
    let hasher = hasher(Rounds::MIN);
    let (one, other) = tokio::join!(hasher.hash(b"secret"), hasher.hash(b"secret"));
    assert_ne!(one.unwrap().reveal(), other.unwrap().reveal());
}

#[tokio::test]
async fn a_hash_outlives_a_change_of_the_rounds() {
    let hash = hasher(Rounds::MIN).hash(b"secret").await.unwrap();
    let more = hasher(Rounds::try_from(2_000).unwrap());
    assert!(more.verify(b"secret", Some(&hash)).await.unwrap());
}

#[tokio::test]
async fn the_default_rounds_stand_in_the_hash() {
    let hasher = hasher(Rounds::DEFAULT);
    let hash = hasher.hash(b"secret").await.unwrap();
    assert!(hash.reveal().starts_with("$pbkdf2-sha256$i=600000,l=32$"));
    assert!(hasher.verify(b"secret", Some(&hash)).await.unwrap());
}

#[tokio::test]
async fn a_stored_hash_that_cannot_be_read_is_corrupt() {
    let hasher = hasher(Rounds::MIN);
    for stored in ["", "secret", "$pbkdf2-sha256$i=1,l=32$c2FsdHNhbHQ$AAAA"] {
        let hash = PasswordHash::new(stored.to_owned());
        let checked = hasher.verify(b"secret", Some(&hash)).await;
        assert!(matches!(checked, Err(HashError::Corrupt(_))), "{stored}");
    }
}

#[tokio::test]
async fn without_room_to_wait_a_hasher_is_busy() {
    let hasher = Pbkdf2Hasher::start(HasherSettings {
        rounds: Rounds::DEFAULT,
        threads: std::num::NonZeroUsize::MIN,
        waiting: 1,
        ..HasherSettings::default()
    })
    .unwrap();
    let many = (0..8).map(|_| hasher.verify(b"secret", None));
    let answers = futures::future::join_all(many).await;
    let busy = |answer: &&Result<bool, HashError>| matches!(answer, Err(HashError::Busy));
    // One runs and one waits; if the thread was not yet idle, only one is taken at all.
    let refused = answers.iter().filter(busy).count();
    assert!((6..=7).contains(&refused), "{answers:?}");
}
