//! A handler that writes down what it was given, and does as a test says.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use comptoir_domain::port::handler::{Delivery, Handler, Outcome, SharedError};
use tokio::sync::Semaphore;

use crate::world::until;

/// What a test lets a delivery come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Done,
    Ignored,
    Retry,
    Failed,
    Panics,
}

/// Decides by the delivery's id and how often it was seen before.
type Decide = dyn Fn(&str, usize) -> Fate + Send + Sync;

/// The handler. Clones write into the same book.
#[derive(Clone)]
pub(crate) struct Recorder {
    decide: Arc<Decide>,
    book: Arc<Mutex<Book>>,
    /// Taken once per call before anything is decided, if a test wants to hold calls up.
    gate: Option<Arc<Semaphore>>,
}

#[derive(Debug, Default)]
struct Book {
    /// Ids by call.
    calls: Vec<Vec<String>>,
    seen: HashMap<String, usize>,
    /// Ids whose fate was [`Fate::Done`], in order.
    done: Vec<String>,
}

impl Recorder {
    /// All is done at once.
    pub(crate) fn willing() -> Self {
        Self::deciding(|_, _| Fate::Done)
    }

    pub(crate) fn deciding(decide: impl Fn(&str, usize) -> Fate + Send + Sync + 'static) -> Self {
        Self { decide: Arc::new(decide), book: Arc::default(), gate: None }
    }

    /// Does all, but each call only after the gate let it through.
    pub(crate) fn held_up() -> (Self, Arc<Semaphore>) {
        let gate = Arc::new(Semaphore::new(0));
        let recorder = Self { gate: Some(Arc::clone(&gate)), ..Self::willing() };
        (recorder, gate)
    }

    pub(crate) fn done(&self) -> Vec<String> {
        self.book.lock().unwrap().done.clone()
    }

    pub(crate) fn calls(&self) -> Vec<Vec<String>> {
        self.book.lock().unwrap().calls.clone()
    }

    pub(crate) fn seen(&self, id: &str) -> usize {
        self.book.lock().unwrap().seen.get(id).copied().unwrap_or(0)
    }

    pub(crate) async fn until_seen(&self, id: &str, times: usize) {
        let what = format!("{id} to be handled {times} times");
        until(&what, || async { self.seen(id) >= times }).await;
    }

    pub(crate) async fn until_done(&self, count: usize) {
        let what = format!("{count} deliveries to be done");
        until(&what, || async { self.done().len() >= count }).await;
    }

    fn enter(&self, ids: &[String]) -> Vec<Fate> {
        let mut book = self.book.lock().unwrap();
        book.calls.push(ids.to_vec());
        let fates = ids.iter().map(|id| {
            let seen = book.seen.entry(id.clone()).or_default();
            *seen += 1;
            (self.decide)(id, *seen - 1)
        });
        fates.collect()
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the test wants it so")]
struct Wanted(#[source] Deeper);

#[derive(Debug, thiserror::Error)]
#[error("and not otherwise")]
struct Deeper;

impl Handler for Recorder {
    async fn handle(&self, batch: &[Delivery]) -> Vec<Outcome> {
        let ids: Vec<_> = batch.iter().map(|d| d.envelope.id.to_string()).collect();
        let fates = self.enter(&ids);
        if let Some(gate) = &self.gate {
            gate.acquire().await.unwrap().forget();
        }
        assert!(!fates.contains(&Fate::Panics), "the test wants a panic");
        let error = || -> SharedError { Arc::new(Wanted(Deeper)) };
        let mut outcomes = Vec::with_capacity(batch.len());
        for (id, fate) in ids.into_iter().zip(fates) {
            outcomes.push(match fate {
                Fate::Done => {
                    self.book.lock().unwrap().done.push(id);
                    Outcome::Done
                }
                Fate::Ignored => Outcome::Ignored,
                Fate::Retry => Outcome::Retry(error()),
                Fate::Failed => Outcome::Failed(error()),
                Fate::Panics => unreachable!("there was a panic above"),
            });
        }
        outcomes
    }
}
