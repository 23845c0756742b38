//! Password hashers.

use std::time::Duration;

use comptoir_domain::port::security::{HashError, PasswordHasher};
use comptoir_domain::user::PasswordHash;
use tokio::time::Instant;

use super::SecurityHarness;

const PASSWORD: &[u8] = b"correct horse battery staple";

/// The password that was hashed is right, any other is wrong, however near.
pub async fn only_the_right_password_verifies(h: &impl SecurityHarness) {
    let hasher = h.hasher();
    let hash = hasher.hash(PASSWORD).await.unwrap();
    assert!(hasher.verify(PASSWORD, Some(&hash)).await.unwrap());
    let longer = [PASSWORD, b" "].concat();
    let shorter = &PASSWORD[..PASSWORD.len() - 1];
    let upper = PASSWORD.to_ascii_uppercase();
    for wrong in [&b""[..], b"x", &longer, shorter, &upper] {
        assert!(!hasher.verify(wrong, Some(&hash)).await.unwrap(), "{wrong:?}");
    }
}

/// Every byte of a password counts, zeros and the 1,024th included.
pub async fn every_byte_of_a_password_counts(h: &impl SecurityHarness) {
    let hasher = h.hasher();
    let mut long = vec![b'x'; 1_024];
    let hash = hasher.hash(&long).await.unwrap();
    assert!(hasher.verify(&long, Some(&hash)).await.unwrap());
    long[1_023] = b'y';
    assert!(!hasher.verify(&long, Some(&hash)).await.unwrap());
    let hash = hasher.hash(b"zero\0one\xff").await.unwrap();
    assert!(hasher.verify(b"zero\0one\xff", Some(&hash)).await.unwrap());
    assert!(!hasher.verify(b"zero\0two\xff", Some(&hash)).await.unwrap());
    assert!(!hasher.verify(b"zero", Some(&hash)).await.unwrap());
}

/// Equal passwords have different hashes, which tell nothing of the password.
pub async fn every_hash_has_its_own_salt(h: &impl SecurityHarness) {
    let hasher = h.hasher();
    let (one, other) = (hasher.hash(PASSWORD).await.unwrap(), hasher.hash(PASSWORD).await.unwrap());
    assert_ne!(one.reveal(), other.reveal());
    assert!(one.reveal().starts_with('$'), "a PHC string");
    assert!(!one.reveal().contains("horse"));
    assert!(hasher.verify(PASSWORD, Some(&other)).await.unwrap());
}

/// A hash that was made once is good for every hasher after.
pub async fn hashes_outlive_their_hasher(h: &impl SecurityHarness) {
    let hash = h.hasher().hash(PASSWORD).await.unwrap();
    let stored = PasswordHash::new(hash.reveal().to_owned());
    assert!(h.hasher().verify(PASSWORD, Some(&stored)).await.unwrap());
}

/// Nobody has no password.
pub async fn nobody_has_no_password(h: &impl SecurityHarness) {
    let hasher = h.hasher();
    for password in [PASSWORD, b""] {
        assert!(!hasher.verify(password, None).await.unwrap());
    }
}

/// That there is no such user must not show in the time it takes. Measured coarsely: a shortcut
/// would be thousands of times faster.
pub async fn nobody_takes_as_long_as_somebody(h: &impl SecurityHarness) {
    let hasher = h.hasher();
    let hash = hasher.hash(PASSWORD).await.unwrap();
    let mut fastest = [Duration::MAX; 2];
    for _ in 0..3 {
        for (fastest, hash) in fastest.iter_mut().zip([None, Some(&hash)]) {
            let before = Instant::now();
            assert!(!hasher.verify(b"wrong", hash).await.unwrap());
            *fastest = (*fastest).min(before.elapsed());
        }
    }
    let [nobody, somebody] = fastest;
    assert!(nobody > somebody / 4, "nobody took {nobody:?}, somebody {somebody:?}");
    assert!(somebody > nobody / 4, "nobody took {nobody:?}, somebody {somebody:?}");
}

/// A stored hash that cannot be read is an error, not a wrong password.
pub async fn an_unreadable_hash_is_told(h: &impl SecurityHarness) {
    let hasher = h.hasher();
    let whole = hasher.hash(PASSWORD).await.unwrap();
    let cut = whole.reveal()[..whole.reveal().len() / 3].to_owned();
    for text in ["", "plain", "$unknown$x$y", &cut] {
        let hash = PasswordHash::new(text.to_owned());
        let answer = hasher.verify(PASSWORD, Some(&hash)).await;
        assert!(matches!(answer, Err(HashError::Corrupt(_))), "{text:?} got {answer:?}");
    }
}
