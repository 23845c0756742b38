//! Every request and its answer, in the order in which they came and went.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, Mutex};

use kafka_protocol::messages::ApiKey;
use kafka_protocol::protocol::Request;
use tokio::sync::watch;
use tokio::time::timeout;

use super::{Broker, PATIENCE};

type Stored = Arc<dyn Any + Send + Sync>;

struct Entry {
    key: i16,
    version: i16,
    node: i32,
    connection: usize,
    arrived: usize,
    request: Stored,
    answer: Option<(usize, Stored)>,
    /// Prints the request and the answer.
    print: fn(&Entry) -> String,
}

#[derive(Default)]
pub(crate) struct Journal {
    entries: Mutex<Vec<Entry>>,
    /// Counts arrivals and answers: what came before what.
    steps: watch::Sender<usize>,
    connections: Mutex<usize>,
}

/// A request, as it was recorded.
pub(crate) struct Seen<R: Request> {
    /// Its place among all requests and answers.
    pub(crate) arrived: usize,
    /// The place of its answer, if it was answered.
    pub(crate) answered: Option<usize>,
    pub(crate) version: i16,
    pub(crate) node: i32,
    pub(crate) connection: usize,
    pub(crate) request: R,
    pub(crate) answer: Option<R::Response>,
}

/// Where a request came in.
#[derive(Clone, Copy)]
pub(super) struct Origin {
    pub(super) node: i32,
    pub(super) connection: usize,
    pub(super) version: i16,
}

impl Journal {
    pub(super) fn connected(&self) -> usize {
        let mut connections = self.connections.lock().unwrap();
        *connections += 1;
        *connections
    }

    pub(super) fn arrived<R>(&self, origin: Origin, request: R) -> usize
    where
        R: Request<Response: fmt::Debug> + fmt::Debug + Send + Sync + 'static,
    {
        let print = |entry: &Entry| {
            let answer = entry.answer.as_ref().and_then(|(_, is)| is.downcast_ref::<R::Response>());
            format!("{:?} -> {answer:?}", entry.request.downcast_ref::<R>())
        };
        let mut entries = self.entries.lock().unwrap();
        let arrived = self.step();
        let Origin { node, connection, version } = origin;
        let request = Arc::new(request);
        entries.push(Entry {
            key: R::KEY,
            version,
            node,
            connection,
            arrived,
            request,
            answer: None,
            print,
        });
        arrived
    }

    pub(super) fn answered<A: Send + Sync + 'static>(&self, arrived: usize, answer: A) {
        let mut entries = self.entries.lock().unwrap();
        let entry = entries.iter_mut().find(|entry| entry.arrived == arrived).unwrap();
        entry.answer = Some((self.step(), Arc::new(answer)));
    }

    fn step(&self) -> usize {
        let mut now = 0;
        self.steps.send_modify(|steps| {
            *steps += 1;
            now = *steps;
        });
        now
    }

    fn seen<R>(&self) -> Vec<Seen<R>>
    where
        R: Request + Clone + 'static,
        R::Response: Clone + 'static,
    {
        let entries = self.entries.lock().unwrap();
        let of_key = entries.iter().filter(|entry| entry.key == R::KEY);
        of_key
            .map(|entry| Seen {
                arrived: entry.arrived,
                answered: entry.answer.as_ref().map(|(at, _)| *at),
                version: entry.version,
                node: entry.node,
                connection: entry.connection,
                request: entry.request.downcast_ref::<R>().unwrap().clone(),
                answer: entry
                    .answer
                    .as_ref()
                    .and_then(|(_, answer)| answer.downcast_ref().cloned()),
            })
            .collect()
    }
}

impl Broker {
    /// All requests of a kind so far, in order.
    pub(crate) fn seen<R>(&self) -> Vec<Seen<R>>
    where
        R: Request + Clone + 'static,
        R::Response: Clone + 'static,
    {
        self.shared.journal.seen()
    }

    /// The requests of a kind that arrived after a [`mark`](Self::mark).
    pub(crate) fn seen_since<R>(&self, mark: usize) -> Vec<Seen<R>>
    where
        R: Request + Clone + 'static,
        R::Response: Clone + 'static,
    {
        self.seen().into_iter().filter(|seen| seen.arrived > mark).collect()
    }

    /// Now, among requests and answers.
    pub(crate) fn mark(&self) -> usize {
        *self.shared.journal.steps.borrow()
    }

    /// Waits for a request, from the beginning on, that is as wanted. Panics if none comes.
    pub(crate) async fn wait<R>(&self, wanted: impl Fn(&Seen<R>) -> bool + Send + Sync) -> Seen<R>
    where
        R: Request + Clone + 'static,
        R::Response: Clone + 'static,
    {
        let mut steps = self.shared.journal.steps.subscribe();
        let search = async {
            loop {
                steps.borrow_and_update();
                if let Some(found) = self.seen::<R>().into_iter().find(&wanted) {
                    return found;
                }
                steps.changed().await.unwrap();
            }
        };
        let api = ApiKey::try_from(R::KEY).unwrap();
        let found = timeout(PATIENCE, search).await;
        found.unwrap_or_else(|_| panic!("no such {api:?} came"))
    }

    /// Waits for an answered request of a kind after a mark.
    pub(crate) async fn wait_since<R>(&self, mark: usize) -> Seen<R>
    where
        R: Request + Clone + 'static,
        R::Response: Clone + 'static,
    {
        self.wait(|seen: &Seen<R>| seen.arrived > mark && seen.answered.is_some()).await
    }

    /// Which APIs were called between two steps, in order.
    pub(crate) fn calls_between(&self, from: usize, to: usize) -> Vec<ApiKey> {
        let entries = self.shared.journal.entries.lock().unwrap();
        let within = entries.iter().filter(|entry| entry.arrived > from && entry.arrived < to);
        within.map(|entry| ApiKey::try_from(entry.key).unwrap()).collect()
    }
}

/// The requests of every kind: what a failed test is understood by.
impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for entry in self.shared.journal.entries.lock().unwrap().iter() {
            let Entry { arrived, node, connection, version, .. } = entry;
            let key = ApiKey::try_from(entry.key);
            let key = key.map_or_else(|()| entry.key.to_string(), |key| format!("{key:?}"));
            let end = entry.answer.as_ref().map(|(at, _)| *at);
            write!(f, "{arrived:4}-{end:?} broker {node} #{connection} {key} v{version}")?;
            match ApiKey::try_from(entry.key) {
                Ok(ApiKey::ApiVersions | ApiKey::Metadata | ApiKey::Fetch) => writeln!(f)?,
                _ => writeln!(f, " {}", shortened(&(entry.print)(entry)))?,
            }
        }
        Ok(())
    }
}

/// Without what is almost never set.
fn shortened(text: &str) -> String {
    let noise = [", unknown_tagged_fields: {}", "throttle_time_ms: 0, ", "error_code: 0, "];
    noise.iter().fold(text.to_owned(), |text, noise| text.replace(noise, ""))
}
