//! Waiting without sleeping.

use std::fmt::Debug;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::timeout;

/// How long a test waits for what must come. Only a failing test waits as long.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// How long a test watches for what must not come.
const WATCH: Duration = Duration::from_millis(100);

/// The future's output.
///
/// # Panics
/// If it does not come in time.
pub async fn within<T: Send>(
    patience: Duration,
    what: &str,
    future: impl Future<Output = T> + Send,
) -> T {
    let output = timeout(patience, future).await;
    output.unwrap_or_else(|_| panic!("waited {patience:?} in vain for {what}"))
}

/// Between two looks at something that tells nobody when it changes; shorter than any wait of ours.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// Waits until something is so, of which nobody tells.
///
/// # Panics
/// If it does not come to be in time.
pub async fn until<F>(patience: Duration, what: &str, mut is_so: impl FnMut() -> F + Send)
where
    F: Future<Output = bool> + Send,
{
    let mut looks = tokio::time::interval(LOOK_AGAIN);
    let waiting = async {
        while !is_so().await {
            looks.tick().await;
        }
    };
    within(patience, what, waiting).await;
}

/// Watches for a moment that the future does not resolve. What it catches is wrong for certain; what
/// it lets pass may still be.
///
/// # Panics
/// If it resolves.
pub async fn quiet<T: Debug + Send>(what: &str, future: impl Future<Output = T> + Send) {
    if let Ok(output) = timeout(WATCH, future).await {
        panic!("{what}, but there was {output:?}");
    }
}

/// Begins something and drops it where it first waits; its output, if it never waited.
pub async fn start_and_drop<T: Send>(future: impl Future<Output = T> + Send) -> Option<T> {
    let mut future = pin!(future);
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}
