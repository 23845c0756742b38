//! A Kafka cluster in this process, on sockets of its own, that fails as it is told.
//!
//! It speaks the protocol with kafka-protocol's codecs, keeps everything in memory, has no clock of
//! its own (a member expires when the test says so), and writes down each request and its answer.

mod api;
mod batches;
mod classic;
mod connection;
mod consumer;
mod faults;
mod group;
mod journal;
mod operate;
mod state;
mod topics;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

pub(crate) use batches::{Written, batch, marker};
pub(crate) use faults::{Fault, Gate};
pub(crate) use journal::Seen;
use state::{Node, State};

/// How long a test waits for what must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A cluster of brokers that share their state. Dropping it closes everything.
pub(crate) struct Broker {
    shared: Arc<Shared>,
    listeners: Vec<JoinSet<()>>,
}

/// What the connections of all brokers see.
pub(crate) struct Shared {
    state: Mutex<State>,
    changed: watch::Sender<u64>,
    faults: faults::Faults,
    journal: journal::Journal,
}

impl Shared {
    /// Reads or changes the state, and wakes those that wait for a change.
    fn with<T>(&self, body: impl FnOnce(&mut State) -> T) -> T {
        let out = body(&mut self.state.lock().unwrap());
        self.changed.send_modify(|n| *n += 1);
        out
    }

    /// Waits until `look` finds what it looks for. It must not change what others wait for.
    async fn until<T>(&self, mut look: impl FnMut(&mut State) -> Option<T>) -> T {
        let mut changed = self.changed.subscribe();
        loop {
            changed.borrow_and_update();
            if let Some(found) = look(&mut self.state.lock().unwrap()) {
                return found;
            }
            changed.changed().await.unwrap();
        }
    }
}

impl Broker {
    /// One broker, which leads and coordinates everything.
    pub(crate) async fn start() -> Self {
        Self::start_nodes(1).await
    }

    /// Several brokers, numbered from one; the first leads and coordinates until told otherwise.
    pub(crate) async fn start_nodes(count: usize) -> Self {
        let shared = Arc::new(Shared {
            state: Mutex::new(State::default()),
            changed: watch::Sender::new(0),
            faults: faults::Faults::default(),
            journal: journal::Journal::default(),
        });
        let mut broker = Self { shared, listeners: Vec::new() };
        for _ in 0..count {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let id = broker.shared.with(|state| state.add_node(address.port()));
            broker.listeners.push(listen(&broker.shared, id, listener));
        }
        broker
    }

    /// Where to bootstrap.
    pub(crate) fn addresses(&self) -> Vec<String> {
        self.shared.with(|state| {
            state.nodes.iter().map(|node| format!("127.0.0.1:{}", node.port)).collect()
        })
    }

    /// Closes a broker's connections and its port, as a crash does; its state stays.
    pub(crate) async fn stop(&mut self, node: usize) {
        self.listeners[node - 1].shutdown().await;
    }

    /// Opens a stopped broker again, on the same port.
    pub(crate) async fn open(&mut self, node: usize) {
        let Node { id, port, .. } = self.shared.with(|state| state.nodes[node - 1].clone());
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let listener = TcpListener::bind(address).await.unwrap();
        self.listeners[node - 1] = listen(&self.shared, id, listener);
    }

    /// Stops a broker as SIGSTOP does: its connections stay open, new ones are taken by the
    /// system, nothing is read and nothing answered.
    pub(crate) fn freeze(&self, node: usize) {
        self.shared.with(|state| state.nodes[node - 1].frozen = true);
    }

    /// Lets a frozen broker go on where it was.
    pub(crate) fn thaw(&self, node: usize) {
        self.shared.with(|state| state.nodes[node - 1].frozen = false);
    }
}

/// A test that fails shows what came.
impl Drop for Broker {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{self:?}");
        }
    }
}

fn listen(shared: &Arc<Shared>, node: i32, listener: TcpListener) -> JoinSet<()> {
    let shared = Arc::clone(shared);
    let mut owner = JoinSet::new();
    owner.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            let number = shared.journal.connected();
            connections.spawn(connection::serve(Arc::clone(&shared), node, number, stream));
            while connections.try_join_next().is_some() {}
        }
    });
    owner
}
