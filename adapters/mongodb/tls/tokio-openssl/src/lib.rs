//! The stream of tokio-openssl over tokio-rustls, as far as the MongoDB driver uses it.
#![warn(missing_docs, missing_debug_implementations)]

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use openssl::error::ErrorStack;
use openssl::ssl::{Error, Ssl};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A stream over which TLS is spoken once it was [connected](SslStream::connect).
pub struct SslStream<S>(State<S>);

enum State<S> {
    /// Empty while, and after, connecting failed.
    Closed(Option<(Ssl, S)>),
    Open(Box<TlsStream<S>>),
}

impl<S> fmt::Debug for SslStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SslStream").finish_non_exhaustive()
    }
}

impl<S: AsyncRead + AsyncWrite> SslStream<S> {
    /// A stream that still has to be connected.
    ///
    /// # Errors
    /// None.
    pub fn new(ssl: Ssl, stream: S) -> Result<Self, ErrorStack> {
        Ok(Self(State::Closed(Some((ssl, stream)))))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> SslStream<S> {
    /// Shakes hands with the server.
    ///
    /// # Errors
    /// If the server cannot prove who it is, or does not speak TLS.
    pub async fn connect(mut self: Pin<&mut Self>) -> Result<(), Error> {
        let State::Closed(closed) = &mut self.0 else {
            return Ok(());
        };
        let (ssl, stream) = closed.take().ok_or_else(not_connected)?;
        let (config, host) = ssl.into_parts();
        let open = TlsConnector::from(config).connect(host, stream).await?;
        self.0 = State::Open(Box::new(open));
        Ok(())
    }

    fn open(self: Pin<&mut Self>) -> Result<Pin<&mut TlsStream<S>>, io::Error> {
        match &mut self.get_mut().0 {
            State::Open(open) => Ok(Pin::new(open)),
            State::Closed(_) => Err(not_connected()),
        }
    }
}

fn not_connected() -> io::Error {
    io::ErrorKind::NotConnected.into()
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for SslStream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.open()?.poll_read(cx, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for SslStream<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.open()?.poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.open()?.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.open()?.poll_shutdown(cx)
    }
}
