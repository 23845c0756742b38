//! A WebSocket as its client has it (RFC 6455): whole text frames of JSON, and pongs.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// A handshake has this long.
pub(crate) const HANDSHAKE_TIME: Duration = Duration::from_secs(10);

/// Opcodes with the bit of a whole message (§5.2).
pub(crate) const TEXT: u8 = 0x81;
const PING: u8 = 0x89;
/// An empty pong, masked with zeros, as a client has to.
const PONG: [u8; 6] = [0x8a, 0x80, 0, 0, 0, 0];
/// The longest length that one byte tells, and what says that two or eight follow.
const SHORT: u8 = 0x7d;
const TWO_BYTES: u8 = 0x7e;
const EIGHT_BYTES: u8 = 0x7f;
/// The bit that says masked, and a mask that changes nothing.
const MASKED: u8 = 0x80;
const MASK: [u8; 4] = [0; 4];

/// A connection to `ws://localhost:PORT/`.
#[derive(Debug)]
pub struct WebSocket(BufReader<TcpStream>);

impl WebSocket {
    /// Connects (§4.1; the key is the one of its example), in plain mode if there is no protocol.
    pub fn connect(port: u16, protocol: Option<&str>) -> io::Result<Self> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(HANDSHAKE_TIME))?;
        let protocol = protocol.map(|name| format!("sec-websocket-protocol: {name}\r\n"));
        let protocol = protocol.unwrap_or_default();
        write!(
            stream,
            "GET / HTTP/1.1\r\nhost: localhost:{port}\r\nconnection: upgrade\r\n\
             upgrade: websocket\r\nsec-websocket-version: 13\r\n{protocol}\
             sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )?;
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head)? == 0 {
                return Err(io::Error::other(format!("cut short: {head}")));
            }
        }
        if !head.starts_with("HTTP/1.1 101 ") {
            return Err(io::Error::other(head));
        }
        reader.get_ref().set_read_timeout(None)?;
        Ok(Self(reader))
    }

    /// The connection, for whoever ends it.
    pub fn stream(&self) -> &TcpStream {
        self.0.get_ref()
    }

    /// The next message: a server's frames are not masked, and ours are not in parts.
    pub fn read(&mut self) -> io::Result<Value> {
        loop {
            let [kind, length] = self.bytes()?;
            let length = match length {
                TWO_BYTES => usize::from(u16::from_be_bytes(self.bytes()?)),
                EIGHT_BYTES => {
                    usize::try_from(u64::from_be_bytes(self.bytes()?)).map_err(io::Error::other)?
                }
                short => usize::from(short),
            };
            let mut payload = vec![0; length];
            self.0.read_exact(&mut payload)?;
            match kind {
                TEXT => return Ok(serde_json::from_slice(&payload)?),
                PING => self.0.get_mut().write_all(&PONG)?,
                other => return Err(io::Error::other(format!("a frame of kind {other:#x}"))),
            }
        }
    }

    /// Sends a message, of less than 64 KiB.
    pub fn say(&mut self, message: &Value) -> io::Result<()> {
        let text = message.to_string();
        let mut frame = vec![TEXT];
        if let Ok(short @ ..=SHORT) = u8::try_from(text.len()) {
            frame.push(MASKED | short);
        } else {
            let length = u16::try_from(text.len()).map_err(io::Error::other)?;
            frame.push(MASKED | TWO_BYTES);
            frame.extend(length.to_be_bytes());
        }
        frame.extend(MASK);
        frame.extend(text.as_bytes());
        self.0.get_mut().write_all(&frame)
    }

    fn bytes<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.0.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}
