//! A proxy between a client and a server that can go away, fall silent, and lose single messages.
//!
//! It knows where a message of MongoDB's wire protocol ends, and the command that it holds
//! (<https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/>, `OP_MSG`). Each request is
//! answered before the next one, which takes `serverMonitoringMode=poll`.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

/// How the line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    /// Everything passes.
    Open,
    /// Connections are closed, and new ones at once.
    Cut,
    /// Nothing passes, and nobody is told.
    Silent,
}

/// What happens to one command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It does not arrive, and the line is cut.
    DieBefore,
    /// It arrives; its answer does not, and the line is cut.
    DieAfter,
    /// It arrives; its answer does not. The line stays.
    LoseAnswer,
    /// It is held back until it is let go; the client's connection ends.
    HoldBack,
}

struct Planned {
    verb: &'static str,
    collection: &'static str,
    /// How many of them pass before.
    after: usize,
    fault: Fault,
}

struct Shared {
    server: SocketAddr,
    line: watch::Sender<Line>,
    planned: Mutex<Option<Planned>>,
    struck: Notify,
    let_go: Notify,
    arrived: Notify,
}

pub(crate) struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

impl Proxy {
    /// A proxy to the server of a connection string without credentials.
    pub(crate) async fn to(uri: &str) -> Self {
        let host = uri.strip_prefix("mongodb://").unwrap().split(['/', '?']).next().unwrap();
        let server = tokio::net::lookup_host(host).await.unwrap().next().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            server,
            line: watch::Sender::new(Line::Open),
            planned: Mutex::default(),
            struck: Notify::new(),
            let_go: Notify::new(),
            arrived: Notify::new(),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, Arc::clone(&shared)));
        Self { address, shared, _tasks: tasks }
    }

    /// The connection string of the proxy.
    pub(crate) fn uri(&self) -> String {
        let address = self.address;
        format!("mongodb://{address}/?directConnection=true&serverMonitoringMode=poll")
    }

    pub(crate) fn set(&self, line: Line) {
        self.shared.line.send_replace(line);
    }

    /// Plans what happens to the next such command.
    pub(crate) fn plan(&self, (verb, collection): (&'static str, &'static str), fault: Fault) {
        self.plan_after(0, (verb, collection), fault);
    }

    /// Plans what happens to such a command after so many others.
    pub(crate) fn plan_after(
        &self,
        after: usize,
        (verb, collection): (&'static str, &'static str),
        fault: Fault,
    ) {
        *lock(&self.shared.planned) = Some(Planned { verb, collection, after, fault });
    }

    /// Waits until what was planned has happened.
    pub(crate) async fn struck(&self) {
        self.shared.struck.notified().await;
    }

    /// Whether what was planned is still to come.
    pub(crate) fn is_planned(&self) -> bool {
        lock(&self.shared.planned).is_some()
    }

    /// Lets go what is held back, and waits until the server has answered it.
    pub(crate) async fn let_go(&self) {
        self.shared.let_go.notify_one();
        self.shared.arrived.notified().await;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        connections.spawn(connect(client, Arc::clone(&shared)));
    }
}

async fn connect(mut client: TcpStream, shared: Arc<Shared>) {
    let mut line = shared.line.subscribe();
    let cut = async {
        let _ = line.wait_for(|line| *line == Line::Cut).await;
    };
    tokio::select! {
        // First: through a line that is cut nothing passes, however fast it would.
        biased;
        () = cut => {}
        _ = relay(&mut client, &shared) => {}
    }
}

async fn relay(client: &mut TcpStream, shared: &Arc<Shared>) -> std::io::Result<()> {
    let mut server = TcpStream::connect(shared.server).await?;
    server.set_nodelay(true)?;
    client.set_nodelay(true)?;
    loop {
        let request = message(client).await?;
        audible(shared).await;
        match shared.fault(&request) {
            None => {
                server.write_all(&request).await?;
                let answer = message(&mut server).await?;
                audible(shared).await;
                client.write_all(&answer).await?;
            }
            Some(Fault::DieBefore) => {
                shared.line.send_replace(Line::Cut);
                shared.struck.notify_one();
            }
            Some(fault @ (Fault::DieAfter | Fault::LoseAnswer)) => {
                server.write_all(&request).await?;
                message(&mut server).await?;
                if fault == Fault::DieAfter {
                    shared.line.send_replace(Line::Cut);
                }
                shared.struck.notify_one();
                return Ok(());
            }
            Some(Fault::HoldBack) => {
                // It outlives this connection, and the client.
                #[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
                tokio::spawn(hold_back(server, request, Arc::clone(shared)));
                shared.struck.notify_one();
                return Ok(());
            }
        }
    }
}

async fn hold_back(mut server: TcpStream, request: Vec<u8>, shared: Arc<Shared>) {
    shared.let_go.notified().await;
    server.write_all(&request).await.unwrap();
    message(&mut server).await.unwrap();
    shared.arrived.notify_one();
}

async fn audible(shared: &Shared) {
    let mut line = shared.line.subscribe();
    let _ = line.wait_for(|line| *line != Line::Silent).await;
}

async fn message(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut message = vec![0; 4];
    stream.read_exact(&mut message).await?;
    let length = u32::from_le_bytes(message[..4].try_into().unwrap());
    message.resize(length as usize, 0);
    stream.read_exact(&mut message[4..]).await?;
    Ok(message)
}

impl Shared {
    fn fault(&self, request: &[u8]) -> Option<Fault> {
        let (verb, collection) = command(request)?;
        let mut slot = lock(&self.planned);
        let planned = slot.as_mut()?;
        if (planned.verb, planned.collection) != (verb, collection) {
            return None;
        }
        if planned.after > 0 {
            planned.after -= 1;
            return None;
        }
        slot.take().map(|planned| planned.fault)
    }
}

/// Verb and collection of an `OP_MSG` whose first section is its body: the first element of the body's
/// document, if it is a text.
fn command(request: &[u8]) -> Option<(&str, &str)> {
    const OP_MSG: u32 = 2013;
    const BODY: usize = 16 + 4 + 1;
    const TEXT: u8 = 2;
    let code = u32::from_le_bytes(request.get(12..16)?.try_into().ok()?);
    let element = request.get(BODY + 4..)?;
    if code != OP_MSG || request.get(BODY - 1) != Some(&0) || element.first() != Some(&TEXT) {
        return None;
    }
    let end = element.iter().position(|byte| *byte == 0)?;
    let verb = std::str::from_utf8(element.get(1..end)?).ok()?;
    let text = element.get(end + 5..)?;
    let end = text.iter().position(|byte| *byte == 0)?;
    Some((verb, std::str::from_utf8(&text[..end]).ok()?))
}
