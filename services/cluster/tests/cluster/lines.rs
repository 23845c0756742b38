//! A WebSocket client of plain mode, which keeps every line that it is sent.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
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
        let seen = Arc::new(Mutex::new(Seen::default()));
        let reader = {
            let seen = Arc::clone(&seen);
            // Ends with the connection.
            thread::spawn(move || {
                let end = loop {
                    if let Err(end) = keep_next(&mut reader, &seen) {
                        break end;
                    }
                };
                seen.lock().unwrap().end = Some(end.to_string());
            })
        };
        Self { stream, seen, reader: Some(reader) }
    }

    /// Every line so far.
    pub(crate) fn seen(&self) -> Vec<Value> {
        self.seen.lock().unwrap().lines.clone()
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
            let end = self.seen.lock().unwrap().end.clone();
            if found.len() >= count { Ok(found) } else { Err((found, end)) }
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
fn keep_next(reader: &mut BufReader<TcpStream>, seen: &Mutex<Seen>) -> io::Result<()> {
    let [kind, length] = bytes(reader)?;
    let length = match length {
        126 => usize::from(u16::from_be_bytes(bytes(reader)?)),
        127 => usize::try_from(u64::from_be_bytes(bytes(reader)?)).map_err(io::Error::other)?,
        short => usize::from(short),
    };
    let mut payload = vec![0; length];
    reader.read_exact(&mut payload)?;
    match kind {
        TEXT => {
            let line = serde_json::from_slice(&payload)?;
            seen.lock().unwrap().lines.push(line);
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
