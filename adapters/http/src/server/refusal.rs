//! Puts a problem document into the answers that hyper gives without asking us.
//!
//! hyper itself refuses a request whose head it cannot parse (400), or which is too long (414,
//! 431), with a status line and an empty body, and has no hook for it. Such an answer is told from
//! ours by what every answer of ours carries and it does not: `nosniff`.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use http::StatusCode;
use hyper::rt::{Read, ReadBufCursor, Write};

use crate::Problem;

/// A connection on which bare refusals are put into words.
pub(super) struct Worded<I> {
    inner: I,
    /// Set once the connection is a WebSocket, whose bytes are none of our business.
    upgraded: Arc<AtomicBool>,
    /// The rest of what goes out in place of the refusal that hyper is writing.
    instead: Vec<u8>,
}

impl<I> Worded<I> {
    pub(super) fn new(inner: I, upgraded: Arc<AtomicBool>) -> Self {
        Self { inner, upgraded, instead: Vec::new() }
    }
}

impl<I: Write + Unpin> Write for Worded<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if this.instead.is_empty() {
            match worded(buf).filter(|_| !this.upgraded.load(Ordering::Relaxed)) {
                Some(instead) => this.instead = instead,
                None => return Pin::new(&mut this.inner).poll_write(cx, buf),
            }
        }
        // While this is pending, hyper offers the same refusal again and takes it as unwritten.
        while !this.instead.is_empty() {
            let written = ready!(Pin::new(&mut this.inner).poll_write(cx, &this.instead))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            this.instead.drain(..written);
        }
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // A refusal has no body, so it is alone.
        match bufs {
            [only] => self.poll_write(cx, only),
            _ => Pin::new(&mut self.inner).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

impl<I: Read + Unpin> Read for Worded<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

const EMPTY: &str = "content-length: 0\r\n";

/// The refusal with a body, if this is one of hyper's.
fn worded(bytes: &[u8]) -> Option<Vec<u8>> {
    if !bytes.starts_with(b"HTTP/1.1 4") && !bytes.starts_with(b"HTTP/1.0 4") {
        return None;
    }
    let head = std::str::from_utf8(bytes).ok()?.strip_suffix("\r\n\r\n")?;
    let head = format!("{head}\r\n");
    let bare = !head.contains("\r\n\r\n") && !head.contains("x-content-type-options");
    let (before, after) = head.split_once(EMPTY).filter(|_| bare)?;
    let status = StatusCode::from_bytes(bytes.get(9..12)?).ok()?;
    let body = problem(status)?.to_json();
    let mut worded = before.as_bytes().to_vec();
    let kind = "content-type: application/problem+json\r\nx-content-type-options: nosniff\r\n";
    worded.extend_from_slice(kind.as_bytes());
    if !head.contains("connection: close") {
        worded.extend_from_slice(b"connection: close\r\n");
    }
    worded.extend_from_slice(format!("content-length: {}\r\n{after}\r\n", body.len()).as_bytes());
    worded.extend_from_slice(&body);
    Some(worded)
}

fn problem(status: StatusCode) -> Option<Problem> {
    let too_long = |slug, title| {
        Problem::new(status, slug, title, "Send a shorter URI, or fewer and shorter headers.")
    };
    match status {
        StatusCode::BAD_REQUEST => {
            Some(Problem::bad_request("request line or headers are not valid HTTP/1.1"))
        }
        StatusCode::URI_TOO_LONG => Some(too_long("uri-too-long", "The URI is too long")),
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => {
            Some(too_long("head-too-large", "The request's head is too large"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_refusal_gets_a_document() {
        let bare = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\n\
            content-length: 0\r\ndate: now\r\n\r\n";
        let text = String::from_utf8(worded(bare).unwrap()).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 431 "), "{head}");
        assert_eq!(head.matches("connection: close").count(), 1, "{head}");
        assert!(head.ends_with("\r\ndate: now"), "{head}");
        assert!(head.contains(&format!("\r\ncontent-length: {}\r\n", body.len())), "{head}");
        assert!(body.contains("/problems/head-too-large"), "{body}");
    }

    #[test]
    fn whatever_else_goes_over_the_wire_is_left_alone() {
        let others = [
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 404 Not Found\r\nx-content-type-options: nosniff\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 3\r\n\r\nabc",
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 499 Odd\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 4",
            "",
        ];
        for other in others {
            assert_eq!(worded(other.as_bytes()), None, "{other}");
        }
    }
}
