//! A client of the live stream that reconnects whenever it has to, and goes on behind what it has.

use std::io;
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use comptoir_stage::patience::{now, pause};
use comptoir_stage::{Chance, WebSocket};
use serde_json::{Value, json};

/// Before it connects again.
const BEFORE_RECONNECT: Duration = Duration::from_millis(100);

/// A follower at work. Dropped, it stops.
pub(crate) struct Follower {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    stream: Mutex<Option<TcpStream>>,
    seen: Mutex<Seen>,
}

/// What it was sent.
#[derive(Debug, Default, Clone)]
pub(crate) struct Seen {
    /// The ids of the lines, in order.
    pub(crate) lines: Vec<String>,
    /// How often it connected.
    pub(crate) connections: usize,
    /// Frames that say that lines are missing, or that something is wrong.
    pub(crate) complaints: Vec<Value>,
    /// The position behind the last line.
    cursor: Option<String>,
}

impl Follower {
    /// Follows from the first line on. A `fickle` one hangs up every few seconds by itself.
    pub(crate) fn start(port: u16, fickle: Option<Chance>) -> Self {
        let shared = Arc::<Shared>::default();
        let own = Arc::clone(&shared);
        let thread = thread::spawn(move || own.follow(port, fickle));
        Self { shared, thread: Some(thread) }
    }

    /// What it has seen so far.
    pub(crate) fn seen(&self) -> Seen {
        self.shared.seen.lock().unwrap().clone()
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        if let Some(stream) = self.shared.stream.lock().unwrap().take() {
            let _ = stream.shutdown(Shutdown::Both);
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn follow(&self, port: u16, mut fickle: Option<Chance>) {
        while !self.stop.load(Ordering::SeqCst) {
            let patience =
                fickle.as_mut().map(|chance| Duration::from_millis(chance.within(200, 5_000)));
            // Whatever ends it: the next connection goes on where this one ended.
            let _ = self.connection(port, patience);
            pause(BEFORE_RECONNECT);
        }
    }

    /// Follows until the connection ends, or patience.
    fn connection(&self, port: u16, patience: Option<Duration>) -> io::Result<()> {
        let mut socket = WebSocket::connect(port, Some("stream.v1"))?;
        *self.stream.lock().unwrap() = Some(socket.stream().try_clone()?);
        if self.stop.load(Ordering::SeqCst) {
            return Ok(());
        }
        let hello = socket.read()?;
        assert_eq!(hello["t"], "hello", "{hello}");
        let from = {
            let mut seen = self.seen.lock().unwrap();
            seen.connections += 1;
            seen.cursor.as_ref().map_or_else(|| "earliest".to_owned(), |at| format!("cur:{at}"))
        };
        socket.say(&json!({"t": "sub", "from": from, "log_id": hello["log_id"]}))?;
        let began = now();
        while patience.is_none_or(|patience| began.elapsed() < patience) {
            let frame = socket.read()?;
            if let Some(id) = self.seen.lock().unwrap().take(frame) {
                socket.say(&json!({"t": "ack", "id": id}))?;
            }
        }
        Ok(())
    }
}

impl Seen {
    /// Takes a frame in; what to acknowledge.
    fn take(&mut self, frame: Value) -> Option<u64> {
        match frame["t"].as_str() {
            Some("lines") => {
                let rows = frame["l"].as_array().into_iter().flatten();
                self.lines.extend(rows.map(|row| row[7]["id"].as_str().unwrap().to_owned()));
                self.cursor = frame["cur"].as_str().map(str::to_owned);
                frame["id"].as_u64()
            }
            Some("hb") => None,
            _ => {
                self.complaints.push(frame);
                None
            }
        }
    }
}
