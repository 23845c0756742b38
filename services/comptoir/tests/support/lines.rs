//! A WebSocket client in a few lines: plain mode needs no more.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// The most that a line may take to come.
const LINE_TIME: Duration = Duration::from_secs(10);

/// The log as it is written, over `ws://localhost:PORT/`.
pub(crate) struct Lines(BufReader<TcpStream>);

impl Lines {
    /// Connects without a subprotocol (RFC 6455 §4.1; the key is the one of its example).
    pub(crate) fn follow(port: u16) -> Self {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(LINE_TIME)).unwrap();
        write!(
            stream,
            "GET / HTTP/1.1\r\nhost: localhost:{port}\r\nconnection: upgrade\r\n\
             upgrade: websocket\r\nsec-websocket-version: 13\r\n\
             sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        .unwrap();
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(reader.read_line(&mut head).unwrap() > 0, "cut short: {head}");
        }
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        Self(reader)
    }

    /// The next frame: one text frame, not masked, not in parts (RFC 6455 §5.2).
    pub(crate) fn next(&mut self) -> Value {
        let [kind, length] = self.bytes();
        assert_eq!(kind, 0x81, "a whole text frame");
        let length = match length {
            126 => usize::from(u16::from_be_bytes(self.bytes())),
            short => usize::from(short),
        };
        let mut text = vec![0; length];
        self.0.read_exact(&mut text).unwrap();
        serde_json::from_slice(&text).unwrap()
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.read_exact(&mut bytes).unwrap();
        bytes
    }
}
