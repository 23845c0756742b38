//! Asks a running program whether it is ready: images from scratch hold no other client.

use std::time::Duration;

use comptoir_domain::port::BoxError;
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(3);

/// True if the program on that port says that it is ready.
pub(crate) async fn is_ready(listen_host: &str, port: u16) -> bool {
    // Whoever listens on every address is reached on this one.
    let host = match listen_host {
        "0.0.0.0" => "127.0.0.1",
        "::" => "::1",
        host => host,
    };
    matches!(timeout(PATIENCE, ask(host, port)).await, Ok(Ok(StatusCode::OK)))
}

async fn ask(host: &str, port: u16) -> Result<StatusCode, BoxError> {
    let stream = TcpStream::connect((host, port)).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::get("/health/ready")
        .header(header::HOST, "localhost")
        .body(Empty::<Bytes>::new())?;
    tokio::select! {
        answer = sender.send_request(request) => Ok(answer?.status()),
        ended = connection => Err(ended.err().map_or_else(|| "closed".into(), Into::into)),
    }
}
