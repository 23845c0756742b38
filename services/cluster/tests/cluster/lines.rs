//! A WebSocket client of plain mode, which keeps every line that it is sent.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::Value;

use crate::patience::until;

/// A handshake has this long.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);

/// Opcodes with the bit of a whole message (RFC 6455 §5.2).
const TEXT: u8 = 0x81;
const PING: u8 = 0x89;
/// An empty pong, masked with zeros, as a client has to.
const PONG: [u8; 6] = [0x8a, 0x80, 0, 0, 0, 0];

/// The log as it is written, over `ws://localhost:PORT/`.
pub(crate) struct Lines {
    stream: TcpStream,
    seen: Arc<Mutex<Vec<Value>>>,
    reader: Option<JoinHandle<()>>,
}

impl Lines {
    /// Connects without a subprotocol (RFC 6455 §4.1; the key is the one of its example).
    pub(crate) fn follow(port: u16) -> Self {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(HANDSHAKE_TIME)).unwrap();
        write!(
            stream,
            "GET / HTTP/1.1\r\nhost: localhost:{port}\r\nconnection: upgrade\r\n\
             upgrade: websocket\r\nsec-websocket-version: 13\r\n\
             sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        .unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(reader.read_line(&mut head).unwrap() > 0, "cut short: {head}");
        }
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        stream.set_read_timeout(None).unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let reader = {
            let seen = Arc::clone(&seen);
            // Ends with the connection.
            thread::spawn(move || while keep_next(&mut reader, &seen).is_ok() {})
        };
        Self { stream, seen, reader: Some(reader) }
    }

    /// Every line so far.
    pub(crate) fn seen(&self) -> Vec<Value> {
        self.seen.lock().unwrap().clone()
    }

    /// Waits until that many lines have come that are asked for.
    #[track_caller]
    pub(crate) fn wait_for(
        &self,
        count: usize,
        limit: Duration,
        asked: impl Fn(&Value) -> bool,
    ) -> Vec<Value> {
        until("lines on the socket", limit, || {
            let found: Vec<_> = self.seen().into_iter().filter(|line| asked(line)).collect();
            if found.len() >= count { Ok(found) } else { Err(found) }
        })
    }

    /// Whether the service still holds the connection.
    pub(crate) fn is_connected(&self) -> bool {
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

/// One frame: a server's are not masked, and ours are not in parts.
fn keep_next(reader: &mut BufReader<TcpStream>, seen: &Mutex<Vec<Value>>) -> io::Result<()> {
    let [kind, length] = bytes(reader)?;
    let length = match length {
        126 => usize::from(u16::from_be_bytes(bytes(reader)?)),
        short => usize::from(short),
    };
    let mut payload = vec![0; length];
    reader.read_exact(&mut payload)?;
    match kind {
        TEXT => {
            seen.lock().unwrap().push(serde_json::from_slice(&payload)?);
            Ok(())
        }
        PING => reader.get_mut().write_all(&PONG),
        other => Err(io::Error::other(format!("a frame of kind {other:#x}"))),
    }
}

fn bytes<const N: usize>(reader: &mut BufReader<TcpStream>) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    reader.read_exact(&mut bytes)?;
    Ok(bytes)
}
