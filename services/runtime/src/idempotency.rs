//! Requests with an `Idempotency-Key`: whose they are, that none is carried out twice at once, and how
//! long their answers are kept.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use comptoir_domain::app::forget_answers::{ForgetAnswers, SWEEP_LIMIT};
use comptoir_domain::id::UserId;
use comptoir_domain::idempotency::{Answered, Digest, IdempotencyKey, KeyReused, Repeatable};
use comptoir_domain::port::store::FirstAnswers;
use comptoir_domain::time::Timestamp;
use comptoir_http::{Answer, HeaderValue, Problem, Response, StatusCode, header};
use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;

use crate::supervise::TaskResult;

/// Between two looks for answers that are old enough to be forgotten.
const SWEEP_EVERY: Duration = Duration::from_mins(1);

/// What was asked, by whom.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Who; `None` without a token. Callers cannot meet under one key.
    pub caller: Option<UserId>,
    /// What was called, with all that the path names.
    pub route: &'a [&'a str],
    /// The key that came with it.
    pub key: &'a str,
    /// What it says, with its defaults filled in: the same whether it came as a form or as JSON.
    pub fields: &'a [&'a str],
}

impl Asked<'_> {
    fn key(&self) -> IdempotencyKey {
        let caller = self.caller.map_or_else(|| "anonymous".to_owned(), |user| user.to_string());
        let parts = [caller.as_str()].into_iter().chain(self.route.iter().copied());
        IdempotencyKey(digest(parts.chain([self.key])))
    }
}

/// Each text goes in with its length, so that no two lists of texts are the same.
fn digest<'a>(texts: impl IntoIterator<Item = &'a str>) -> Digest {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    }
    hash.finalize().into()
}

/// The keys of the requests that this process has in hand: no more than there are such requests.
#[derive(Debug, Default)]
pub struct InFlight(Mutex<HashSet<IdempotencyKey>>);

impl InFlight {
    fn keys(&self) -> MutexGuard<'_, HashSet<IdempotencyKey>> {
        // Every change is one step, so a panic elsewhere cannot have left it half-done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a request in hand.
    ///
    /// # Errors
    /// 409 if one with the same key is not answered yet.
    pub fn begin(&self, asked: &Asked<'_>) -> Result<UnderWay<'_>, Problem> {
        let key = asked.key();
        if !self.keys().insert(key) {
            return Err(in_flight());
        }
        Ok(UnderWay { of: self, key, request: digest(asked.fields.iter().copied()) })
    }
}

/// A request in hand. It is until this is dropped, also when its client has gone.
#[derive(Debug)]
pub struct UnderWay<'a> {
    of: &'a InFlight,
    key: IdempotencyKey,
    request: Digest,
}

impl UnderWay<'_> {
    /// The request as a use case takes it, and how its answer is written down.
    pub fn repeatable<'a, T>(
        &self,
        at: Timestamp,
        answer: &'a (dyn Fn(&T) -> Vec<u8> + Sync),
    ) -> Repeatable<'a, T> {
        Repeatable { key: self.key, request: self.request, at, answer }
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.of.keys().remove(&self.key);
    }
}

/// The answer, whether it is the first one or was given before.
pub fn response<T>(
    answered: Answered<T>,
    answer: impl FnOnce(&T) -> Answer,
) -> Result<Response, Problem> {
    let answer = match answered {
        Answered::Now(result) => answer(&result),
        Answered::Before(bytes) => Answer::decode(&bytes)?,
    };
    Ok(answer.into_response()?)
}

fn in_flight() -> Problem {
    Problem::conflict(
        "request-in-flight",
        "A request with this Idempotency-Key is not answered yet",
        "Wait as long as Retry-After says, then send it again: it gets the answer to the first.",
    )
    .with_header(header::RETRY_AFTER, HeaderValue::from_static("1"))
}

/// 422: the key belongs to another request.
pub fn key_reused(reused: KeyReused) -> Problem {
    Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "idempotency-key-reused",
        "The Idempotency-Key was used for another request",
        "Send each new request with a key of its own; a key repeats the very same request only.",
    )
    .with_detail(reused.to_string())
}

/// Forgets old answers until the stop: looks once a minute, and again at once after a full sweep. A
/// store that is away is met again a minute later.
pub async fn sweep<R: FirstAnswers>(
    forget: ForgetAnswers<R>,
    stop: CancellationToken,
) -> TaskResult {
    // A stop may come in the middle: whatever is left is found by the next sweep.
    while let Some(swept) = stop.run_until_cancelled(forget.sweep()).await {
        match swept {
            Ok(forgotten) if forgotten >= SWEEP_LIMIT => continue,
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "old answers cannot be forgotten"
                );
            }
        }
        stop.run_until_cancelled(tokio::time::sleep(SWEEP_EVERY)).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use comptoir_testkit::SequentialIds;

    use super::*;

    const ASKED: Asked<'static> =
        Asked { caller: None, route: &["/stock", "mug"], key: "k", fields: &["1", "EUR"] };

    #[test]
    fn whatever_tells_requests_apart_makes_another_key() {
        let user = |n| Some(UserId::new(SequentialIds::nth(n)));
        let others = [
            Asked { caller: user(1), ..ASKED },
            Asked { caller: user(2), ..ASKED },
            Asked { route: &["/stock", "cup"], ..ASKED },
            Asked { route: &["/stock", "mugk"], key: "", ..ASKED },
            Asked { route: &["/stock"], key: "mug", ..ASKED },
            Asked { route: &["/pay"], ..ASKED },
            Asked { key: "K", ..ASKED },
        ];
        let keys: HashSet<_> = others.iter().chain([&ASKED]).map(Asked::key).collect();
        assert_eq!(keys.len(), others.len() + 1);
        assert_eq!(Asked { fields: &["2"], ..ASKED }.key(), ASKED.key());
    }

    #[test]
    fn a_request_is_in_hand_until_it_is_dropped() {
        let in_flight = InFlight::default();
        let first = in_flight.begin(&ASKED).unwrap();
        let second = in_flight.begin(&Asked { fields: &[], ..ASKED }).unwrap_err();
        assert_eq!((second.status().as_u16(), second.slug()), (409, "request-in-flight"));
        let other = in_flight.begin(&Asked { key: "other", ..ASKED }).unwrap();
        drop(first);
        assert_eq!(in_flight.keys().len(), 1);
        let again = in_flight.begin(&ASKED).unwrap();
        drop((again, other));
        assert!(in_flight.keys().is_empty());
    }
}
