//! Answers of the log that several requests share.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use comptoir_domain::port::bus::BusError;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

/// How long the log is waited for. A page asks again; whoever is told late looks at a page that stands
/// still.
const PATIENCE: Duration = Duration::from_secs(5);

/// The latest answer to one question. Whoever comes while it is being asked waits for that answer, be
/// it an error, and so the log is asked once at a time whatever the number of pages.
#[derive(Debug)]
pub(crate) struct Shared<T>(Mutex<Option<Latest<T>>>);

#[derive(Debug)]
struct Latest<T> {
    asked: Instant,
    told: Instant,
    answer: Arc<Result<T, BusError>>,
}

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T> Latest<T> {
    /// Whether it will do for somebody who came then: it was told since, or it is a good one that is
    /// not too old.
    fn serves(&self, came: Instant, max_age: Duration) -> bool {
        self.told > came || (self.answer.is_ok() && came < self.asked + max_age)
    }
}

impl<T: Send + Sync> Shared<T> {
    /// An answer that was asked for no longer ago than `max_age`, or is being asked for now.
    pub(crate) async fn get(
        &self,
        max_age: Duration,
        ask: impl Future<Output = Result<T, BusError>> + Send,
    ) -> Arc<Result<T, BusError>> {
        let came = Instant::now();
        let mut latest = self.0.lock().await;
        if let Some(latest) = &*latest
            && latest.serves(came, max_age)
        {
            return Arc::clone(&latest.answer);
        }
        let asked = Instant::now();
        let told = timeout(PATIENCE, ask).await;
        let told = told.unwrap_or_else(|late| Err(BusError::Unavailable(late.into())));
        let answer = Arc::new(told);
        *latest = Some(Latest { asked, told: Instant::now(), answer: Arc::clone(&answer) });
        answer
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use futures::future::join_all;
    use tokio::time::{advance, sleep};

    use super::*;

    const TAKES: Duration = Duration::from_millis(300);
    const SECOND: Duration = Duration::from_secs(1);

    /// A log that counts how often it was asked, and tells it.
    #[derive(Default)]
    struct Asked {
        shared: Shared<u32>,
        times: AtomicU32,
    }

    impl Asked {
        async fn get(&self, max_age: Duration, well: bool) -> Option<u32> {
            let ask = async {
                let time = self.times.fetch_add(1, Ordering::SeqCst) + 1;
                sleep(TAKES).await;
                if well { Ok(time) } else { Err(BusError::Unavailable("the test".into())) }
            };
            self.shared.get(max_age, ask).await.as_ref().as_ref().ok().copied()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_come_together_share_one_answer() {
        let asked = Asked::default();
        let pages = join_all((0..20).map(|_| asked.get(Duration::ZERO, true))).await;
        assert_eq!(pages, [Some(1); 20]);
        let began = Instant::now();
        let pages = join_all((0..20).map(|_| asked.get(Duration::ZERO, false))).await;
        assert_eq!(pages, [None; 20]);
        assert_eq!(began.elapsed(), TAKES, "nobody waits for an error of one's own");
    }

    #[tokio::test(start_paused = true)]
    async fn one_after_the_other_gets_what_is_so_now() {
        let asked = Asked::default();
        for time in 1..4 {
            assert_eq!(asked.get(Duration::ZERO, true).await, Some(time));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_is_content_with_an_older_answer_gets_it_unless_it_is_an_error() {
        let asked = Asked::default();
        assert_eq!(asked.get(SECOND, false).await, None);
        assert_eq!(asked.get(SECOND, true).await, Some(2));
        advance(Duration::from_millis(699)).await;
        assert_eq!(asked.get(SECOND, true).await, Some(2));
        advance(Duration::from_millis(1)).await;
        assert_eq!(asked.get(SECOND, true).await, Some(3));
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_leaves_while_asking_leaves_it_to_the_next() {
        let asked = Asked::default();
        let (gone, next) = tokio::join!(
            tokio::time::timeout(TAKES / 2, asked.get(SECOND, true)),
            asked.get(SECOND, true)
        );
        assert!(gone.is_err());
        assert_eq!(next, Some(2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_log_is_not_waited_for_long() {
        let (shared, came) = (Shared::<u32>::default(), Instant::now());
        let answer = shared.get(Duration::ZERO, std::future::pending()).await;
        assert!(matches!(&*answer, Err(BusError::Unavailable(_))), "{answer:?}");
        assert_eq!(came.elapsed(), PATIENCE);
    }
}
