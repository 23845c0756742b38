//! Hashes and checks passwords, on threads of its own.

use std::fmt;
use std::io;
use std::num::NonZeroUsize;
use std::thread;
use std::time::Duration;

use comptoir_domain::port::security::{HashError, PasswordHasher};
use comptoir_domain::user::PasswordHash;

use crate::phc::{self, InvalidPhc, Phc, Rounds, SALT};
use crate::pool::{Bounds, Busy, Pool};

/// How a hasher works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HasherSettings {
    /// Rounds of new hashes. A stored hash is checked with its own; if it has fewer, what it has
    /// less is spent on nothing, so that its age cannot be told from the time.
    pub rounds: Rounds,
    /// Threads, which is how many passwords are hashed at the same time.
    pub threads: NonZeroUsize,
    /// How many may wait for a thread.
    pub waiting: usize,
    /// How long one may wait for a thread.
    pub patience: Duration,
}

impl Default for HasherSettings {
    /// [`Rounds::DEFAULT`]; one core left to those who answer requests, where there are several; 256
    /// waiting, for 10 s.
    fn default() -> Self {
        let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self {
            rounds: Rounds::DEFAULT,
            threads: NonZeroUsize::new(cores - 1).unwrap_or(NonZeroUsize::MIN),
            waiting: 256,
            patience: Duration::from_secs(10),
        }
    }
}

/// PBKDF2-HMAC-SHA-256 behind a bounded queue. A full queue, or a wait that was too long, is
/// [`HashError::Busy`]; a caller that leaves while it waits costs no hash.
///
/// Dropping it waits for the hashes that are under way, a few tenths of a second.
pub struct Pbkdf2Hasher {
    rounds: Rounds,
    pool: Pool,
}

impl Pbkdf2Hasher {
    /// Starts the threads.
    ///
    /// # Errors
    /// If the operating system gives no thread.
    pub fn start(settings: HasherSettings) -> io::Result<Self> {
        let pool = Pool::start(Bounds {
            threads: settings.threads,
            waiting: settings.waiting,
            patience: settings.patience,
        })?;
        Ok(Self { rounds: settings.rounds, pool })
    }

    /// What a password is checked against, and whether success counts: without a user it does not,
    /// but the work is that of a new hash all the same.
    fn against(&self, hash: Option<&PasswordHash>) -> Result<(Phc, bool), InvalidPhc> {
        match hash {
            Some(hash) => Ok((Phc::parse(hash.reveal())?, true)),
            None => Ok((Phc::dummy(self.rounds), false)),
        }
    }
}

impl PasswordHasher for Pbkdf2Hasher {
    async fn hash(&self, password: &[u8]) -> Result<PasswordHash, HashError> {
        let (password, rounds) = (password.to_vec(), self.rounds);
        let hashed = self.pool.run(move || {
            let mut salt = [0; SALT];
            getrandom::fill(&mut salt).expect("an operating system that runs gives random bytes");
            PasswordHash::new(Phc::derive(&password, salt, rounds).to_string())
        });
        hashed.await.map_err(|Busy| HashError::Busy)
    }

    async fn verify(
        &self,
        password: &[u8],
        hash: Option<&PasswordHash>,
    ) -> Result<bool, HashError> {
        let against = self.against(hash);
        let (phc, counts) = against.map_err(|error| HashError::Corrupt(error.into()))?;
        let (password, short) = (password.to_vec(), phc.short_of(self.rounds));
        let checked = self.pool.run(move || {
            let equal = phc.verify(&password);
            phc::spend(&password, short);
            equal
        });
        let equal = checked.await;
        Ok(equal.map_err(|Busy| HashError::Busy)? && counts)
    }
}

impl fmt::Debug for Pbkdf2Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pbkdf2Hasher")
            .field("rounds", &self.rounds)
            .field("pool", &self.pool)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hasher() -> Pbkdf2Hasher {
        Pbkdf2Hasher::start(HasherSettings {
            rounds: Rounds::try_from(1_234).unwrap(),
            ..HasherSettings::default()
        })
        .unwrap()
    }

    #[tokio::test]
    async fn nobody_s_password_takes_the_work_of_a_new_hash() {
        let hasher = hasher();
        let stored = hasher.hash(b"secret").await.unwrap();
        let (known, counts) = hasher.against(Some(&stored)).unwrap();
        assert!(counts);
        let (nobody, counts) = hasher.against(None).unwrap();
        assert!(!counts);
        assert_eq!(nobody.work(), known.work());
        assert_eq!(nobody.work().0.get(), 1_234);
    }

    #[test]
    fn the_defaults_are_the_documented_ones() {
        let defaults = HasherSettings::default();
        assert_eq!(defaults.rounds.get(), 600_000);
        assert_eq!((defaults.waiting, defaults.patience.as_secs()), (256, 10));
    }

    #[tokio::test]
    async fn a_hasher_shows_no_password() {
        let hasher = hasher();
        let hash = hasher.hash(b"hunter2-hunter2").await.unwrap();
        assert!(!format!("{hasher:?}{hash:?}").contains("hunter2"));
        assert!(!hash.reveal().contains("hunter2"));
    }
}
