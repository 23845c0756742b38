//! What a request leaves in the log. A program of its own: which events are wanted is decided once
//! per process, and tests beside this one want none.
#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use comptoir_http::resource::path;
use comptoir_http::{Cors, Limits, Problem, Request, Response, bind, edge, reply, routes, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

async fn pay(mut request: Request) -> Result<Response, Problem> {
    request.fields().await?;
    Ok(reply::no_content())
}

const REQUEST: &str = "POST /pay?key=hidden1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
    Authorization: Bearer hidden2\r\nContent-Type: application/x-www-form-urlencoded\r\n\
    Content-Length: 16\r\n\r\npassword=hidden3";

// One thread, so that the subscriber of this test sees what the server does.
#[tokio::test(flavor = "current_thread")]
async fn a_request_leaves_one_line_without_anything_secret() {
    let written = Written::default();
    let writer = written.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_env_filter(EnvFilter::new("comptoir_http=debug"))
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let listener = bind("127.0.0.1", 0).await.unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let app = edge(routes([path("/pay").post(pay)]), &Cors::off());
    let mut server = JoinSet::new();
    server.spawn(serve(listener, app, CancellationToken::new(), Limits::default()));
    client.write_all(REQUEST.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let read = client.read_to_string(&mut answer);
    timeout(Duration::from_secs(10), read).await.expect("no answer").unwrap();
    assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
    let log = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
    assert_eq!(log.lines().count(), 1, "{log}");
    assert!(log.contains("http{method=POST path=\"/pay\" status=204 took_ms="), "{log}");
    assert!(!log.contains("hidden"), "{log}");
}
