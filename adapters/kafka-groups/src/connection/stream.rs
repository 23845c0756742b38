//! The bytes under a connection: TCP, or TLS over it.

use std::fmt::Debug;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::failure::Failure;
use crate::error::KafkaError;
use crate::settings::Settings;

/// A stream to a broker.
pub(super) trait Stream: AsyncRead + AsyncWrite + Debug + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Debug + Send + Unpin> Stream for S {}

/// Opens a stream to `host:port`.
pub(super) async fn open(address: &str, settings: &Settings) -> io::Result<Box<dyn Stream>> {
    let tcp = TcpStream::connect(address).await?;
    // Requests are small and each waits for its answer.
    tcp.set_nodelay(true)?;
    #[cfg(feature = "tls")]
    if let Some(config) = &settings.tls {
        // What a handshake keeps is large, and would be part of every request's future.
        return Box::pin(secure(address, tcp, config)).await;
    }
    let _ = settings;
    Ok(Box::new(tcp))
}

#[cfg(feature = "tls")]
async fn secure(
    address: &str,
    tcp: TcpStream,
    config: &std::sync::Arc<tokio_rustls::rustls::ClientConfig>,
) -> io::Result<Box<dyn Stream>> {
    use tokio_rustls::TlsConnector;
    use tokio_rustls::rustls::pki_types::ServerName;

    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let name = ServerName::try_from(host).map_err(io::Error::other)?;
    let connector = TlsConnector::from(std::sync::Arc::clone(config));
    Ok(Box::new(connector.connect(name, tcp).await?))
}

/// What it means that a stream could not be opened. A certificate that is not trusted is trusted no more
/// for being asked again.
pub(super) fn judge(address: &str, cause: io::Error) -> KafkaError {
    #[cfg(feature = "tls")]
    {
        use tokio_rustls::rustls::Error;

        let error = cause.get_ref().and_then(|error| error.downcast_ref());
        if let Some(error @ Error::InvalidCertificate(_)) = error {
            return KafkaError::Unauthenticated { why: format!("{address}: {error}") };
        }
    }
    KafkaError::unavailable(Failure::Io { address: address.to_owned(), cause })
}

/// Whether nothing came in, not even the end: the state between an answer and the next request.
pub(super) fn is_quiet(stream: &mut Box<dyn Stream>) -> bool {
    let mut byte = [0];
    let mut read = ReadBuf::new(&mut byte);
    let mut context = Context::from_waker(Waker::noop());
    matches!(Pin::new(stream).poll_read(&mut context, &mut read), Poll::Pending)
}
