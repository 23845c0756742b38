//! Time, ids, passwords and tokens, as a seed gives them.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use comptoir_domain::id::{PaymentId, UserId};
use comptoir_domain::port::security::{
    AccessToken, Claims, HashError, InvalidToken, PasswordHasher, Tokens,
};
use comptoir_domain::port::world::{Clock, Ids};
use comptoir_domain::time::Timestamp;
use comptoir_domain::user::{PasswordHash, User, Username};
use fastrand::Rng;
use tokio::time::Instant;
use uuid::{Builder, Uuid};

use crate::world::lock;

/// The start of 2026.
const BEGIN: Timestamp = Timestamp::from_millis(1_767_225_600_000);

/// Virtual time since the run began.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TrueTime(Instant);

impl TrueTime {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    fn now(&self) -> Timestamp {
        BEGIN.plus(self.elapsed())
    }

    /// How long ago the payment got its id, which begins with the time in milliseconds.
    pub(crate) fn age(&self, payment: PaymentId) -> Duration {
        let made = payment.as_uuid().as_u64_pair().0 >> 16;
        let now = self.now().as_millis().unsigned_abs();
        Duration::from_millis(now.saturating_sub(made))
    }
}

/// The wall clock of one machine, which may be wrong. Clones are the same clock.
#[derive(Debug, Clone)]
pub(crate) struct WallClock {
    time: TrueTime,
    wrong_by: Arc<AtomicI64>,
}

impl WallClock {
    pub(crate) fn new(time: TrueTime) -> Self {
        Self { time, wrong_by: Arc::default() }
    }

    /// Sets it so many milliseconds before or behind the true time.
    pub(crate) fn set_wrong(&self, millis: i64) {
        self.wrong_by.store(millis, Ordering::Relaxed);
    }
}

impl Clock for WallClock {
    fn now(&self) -> Timestamp {
        let wrong_by = self.wrong_by.load(Ordering::Relaxed);
        Timestamp::from_millis(self.time.now().as_millis() + wrong_by)
    }
}

/// UUIDs of version 7 whose random part comes from the seed.
#[derive(Debug)]
pub(crate) struct SeededIds {
    chance: Mutex<Rng>,
    time: TrueTime,
}

impl SeededIds {
    pub(crate) fn new(chance: Rng, time: TrueTime) -> Self {
        Self { chance: Mutex::new(chance), time }
    }
}

impl Ids for SeededIds {
    fn uuid(&self) -> Uuid {
        let mut random = [0; 10];
        lock(&self.chance).fill(&mut random);
        let millis = self.time.now().as_millis().unsigned_abs();
        Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }
}

/// Keeps passwords as they are: nobody here attacks them, and hashing takes time on purpose.
#[derive(Debug)]
pub(crate) struct NoHasher;

impl PasswordHasher for NoHasher {
    async fn hash(&self, password: &[u8]) -> Result<PasswordHash, HashError> {
        tokio::task::yield_now().await;
        Ok(PasswordHash::new(String::from_utf8_lossy(password).into_owned()))
    }

    async fn verify(
        &self,
        password: &[u8],
        hash: Option<&PasswordHash>,
    ) -> Result<bool, HashError> {
        tokio::task::yield_now().await;
        Ok(hash.is_some_and(|hash| hash.reveal().as_bytes() == password))
    }
}

/// Tokens that say who it is, unsigned.
#[derive(Debug)]
pub(crate) struct PlainTokens;

impl Tokens for PlainTokens {
    fn issue(&self, user: &User, _: Timestamp) -> AccessToken {
        let secret = format!("{}/{}", user.id, user.username);
        AccessToken { secret, expires_in: Duration::from_hours(1) }
    }

    fn verify(&self, token: &str, _: Timestamp) -> Result<Claims, InvalidToken> {
        let (user, name) = token.split_once('/').ok_or(InvalidToken)?;
        let user: UserId = user.parse().map_err(|_| InvalidToken)?;
        let username = Username::try_from(name.to_owned()).map_err(|_| InvalidToken)?;
        Ok(Claims { user, username })
    }
}
