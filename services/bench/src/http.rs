use std::{io, pin::pin, str::FromStr, time::Duration};

use bytes::Bytes;
use futures::future::{self, Either};
use http::{Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1::{self, Connection, SendRequest};
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::{net::TcpStream, time::timeout};

use crate::error::BenchError;

const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// No request waits longer; after it the request counts as an error.
pub const REQUEST_LIMIT: Duration = Duration::from_secs(30);
const BODY_LIMIT: usize = 1 << 20;

/// Where a server is: host, port and the path its routes are under.
#[derive(Debug, Clone)]
pub struct Address {
    authority: String,
    path: String,
}

#[derive(Debug, Error)]
#[error("not of the form {scheme}://HOST:PORT")]
pub struct InvalidAddress {
    scheme: &'static str,
}

impl Address {
    pub fn http(text: &str) -> Result<Self, InvalidAddress> {
        Self::parse(text, "http")
    }

    pub fn websocket(text: &str) -> Result<Self, InvalidAddress> {
        Self::parse(text, "ws")
    }

    pub fn local(port: u16) -> Self {
        Self { authority: format!("127.0.0.1:{port}"), path: String::new() }
    }

    fn parse(text: &str, scheme: &'static str) -> Result<Self, InvalidAddress> {
        let uri = Uri::from_str(text).map_err(|_| InvalidAddress { scheme })?;
        match uri.host() {
            Some(host) if uri.scheme_str() == Some(scheme) && uri.query().is_none() => Ok(Self {
                authority: format!("{host}:{}", uri.port_u16().unwrap_or(80)),
                path: uri.path().trim_end_matches('/').to_owned(),
            }),
            _ => Err(InvalidAddress { scheme }),
        }
    }

    pub fn url(&self, scheme: &str, path: &str) -> String {
        format!("{scheme}://{}{}{path}", self.authority, self.path)
    }

    pub async fn dial(&self) -> io::Result<TcpStream> {
        let stream = timeout(CONNECT_LIMIT, TcpStream::connect(&self.authority))
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// [`Address::dial`] before a run: a failure there ends the program.
    pub async fn reach(&self) -> Result<TcpStream, BenchError> {
        let unreachable = |source| BenchError::Connect { address: self.authority.clone(), source };
        self.dial().await.map_err(unreachable)
    }
}

#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub body: Bytes,
}

#[derive(Debug, Error)]
pub enum RequestError {
    #[error("cannot connect")]
    Connect(#[from] io::Error),
    #[error("no answer within {REQUEST_LIMIT:?}")]
    Timeout,
    #[error("the exchange broke off")]
    Exchange(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// One keep-alive connection with one request in flight; opened again after it broke.
#[derive(Debug)]
pub struct Client {
    address: Address,
    wire: Option<Wire>,
}

impl Client {
    pub fn new(address: Address) -> Self {
        Self { address, wire: None }
    }

    /// Opens the connection ahead of the first request, so that no figure contains it.
    pub async fn connect(address: Address) -> Result<Self, BenchError> {
        let stream = address.reach().await?;
        let wire = Wire::over(stream).await.map_err(|broken| BenchError::Connect {
            address: address.authority.clone(),
            source: io::Error::other(broken),
        })?;
        Ok(Self { address, wire: Some(wire) })
    }

    /// Cancel-safe: an exchange that is dropped closes its connection.
    pub async fn send(&mut self, method: Method, path: &str) -> Result<Answer, RequestError> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.address.path))
            .header(header::HOST, &self.address.authority)
            .body(Empty::new())
            .map_err(|malformed| RequestError::Exchange(malformed.into()))?;
        let wire = self.wire.take();
        let exchange = async {
            let wire = match wire {
                Some(wire) if !wire.sender.is_closed() => wire,
                _ => Wire::over(self.address.dial().await?)
                    .await
                    .map_err(|broken| RequestError::Exchange(broken.into()))?,
            };
            wire.exchange(request).await.map_err(RequestError::Exchange)
        };
        let (answer, wire) =
            timeout(REQUEST_LIMIT, exchange).await.map_err(|_| RequestError::Timeout)??;
        self.wire = wire;
        Ok(answer)
    }
}

type Body = Empty<Bytes>;

/// The connection is driven by whoever waits for the answer: no second task, no thread switches.
#[derive(Debug)]
struct Wire {
    sender: SendRequest<Body>,
    connection: std::pin::Pin<Box<Connection<TokioIo<TcpStream>, Body>>>,
}

impl Wire {
    async fn over(stream: TcpStream) -> hyper::Result<Self> {
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        Ok(Self { sender, connection: Box::pin(connection) })
    }

    async fn exchange(
        self,
        request: Request<Body>,
    ) -> Result<(Answer, Option<Self>), Box<dyn std::error::Error + Send + Sync>> {
        let Self { mut sender, connection } = self;
        let answer = pin!(async move {
            sender.ready().await?;
            let (head, body) = sender.send_request(request).await?.into_parts();
            let body = Limited::new(body, BODY_LIMIT).collect().await?.to_bytes();
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>((head.status, body, sender))
        });
        let (done, connection) = match future::select(answer, connection).await {
            Either::Left((done, connection)) => (done, Some(connection)),
            // The server closed; what it sent before is still to be read.
            Either::Right((_closed, answer)) => (answer.await, None),
        };
        let (status, body, sender) = done?;
        let wire = connection.map(|connection| Self { sender, connection });
        Ok((Answer { status, body }, wire))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_keep_host_port_and_path() {
        let address = Address::http("http://127.0.0.1:3002").unwrap();
        assert_eq!(address.url("http", "/pay"), "http://127.0.0.1:3002/pay");
        let address = Address::websocket("ws://[::1]/ws").unwrap();
        assert_eq!(address.url("ws", ""), "ws://[::1]:80/ws");
    }

    #[test]
    fn other_schemes_are_refused() {
        assert!(Address::http("https://localhost:3002").is_err());
        assert!(Address::websocket("localhost:3000").is_err());
    }
}
