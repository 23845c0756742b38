//! A WebSocket client of plain mode, which keeps every line that it is sent.

use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::Value;

use crate::patience::until;
use crate::websocket::WebSocket;

/// The log as it is written, over `ws://localhost:PORT/`.
pub struct Lines {
    stream: TcpStream,
    seen: Arc<Mutex<Seen>>,
    reader: Option<JoinHandle<()>>,
}

/// What came, and what ended it.
#[derive(Debug, Default)]
struct Seen {
    lines: Vec<Value>,
    end: Option<String>,
}

impl Lines {
    /// Connects without a subprotocol.
    pub fn follow(port: u16) -> Self {
        let mut socket = WebSocket::connect(port, None).unwrap();
        let stream = socket.stream().try_clone().unwrap();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let reader = {
            let seen = Arc::clone(&seen);
            // Ends with the connection.
            thread::spawn(move || {
                let end = loop {
                    match socket.read() {
                        Ok(line) => seen.lock().unwrap().lines.push(line),
                        Err(end) => break end,
                    }
                };
                seen.lock().unwrap().end = Some(end.to_string());
            })
        };
        Self { stream, seen, reader: Some(reader) }
    }

    /// Every line so far.
    pub fn seen(&self) -> Vec<Value> {
        self.seen.lock().unwrap().lines.clone()
    }

    /// Waits until that many lines have come that are asked for.
    #[track_caller]
    pub fn wait_for(
        &self,
        count: usize,
        limit: Duration,
        asked: impl Fn(&Value) -> bool,
    ) -> Vec<Value> {
        until("lines on the socket", limit, || {
            let found: Vec<_> = self.seen().into_iter().filter(|line| asked(line)).collect();
            let end = self.seen.lock().unwrap().end.clone();
            if found.len() >= count { Ok(found) } else { Err((found, end)) }
        })
    }

    /// Whether the service still holds the connection.
    pub fn is_connected(&self) -> bool {
        self.reader.as_ref().is_some_and(|reader| !reader.is_finished())
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Both);
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::net::TcpListener;
    use std::thread;

    use serde_json::Value;

    use super::Lines;
    use crate::websocket::{HANDSHAKE_TIME, TEXT};

    /// Lengths have one, two or eight bytes (RFC 6455 §5.2).
    #[test]
    fn lines_of_every_length_are_read() {
        let server = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = server.local_addr().unwrap().port();
        let lengths = [9, 300, 70_000];
        let serving = thread::spawn(move || {
            let (mut client, _) = server.accept().unwrap();
            write!(client, "HTTP/1.1 101 Switching Protocols\r\n\r\n").unwrap();
            for length in lengths {
                let line = serde_json::to_vec(&"x".repeat(length)).unwrap();
                let head = match line.len() {
                    short @ ..126 => vec![TEXT, u8::try_from(short).unwrap()],
                    middle @ ..65_536 => {
                        [&[TEXT, 126][..], &u16::try_from(middle).unwrap().to_be_bytes()].concat()
                    }
                    long => [&[TEXT, 127][..], &(long as u64).to_be_bytes()].concat(),
                };
                client.write_all(&[head, line].concat()).unwrap();
            }
            client
        });
        let lines = Lines::follow(port);
        let seen = lines.wait_for(lengths.len(), HANDSHAKE_TIME, Value::is_string);
        assert!(seen.iter().map(|line| line.as_str().unwrap().len()).eq(lengths));
        drop(serving.join().unwrap());
    }
}
