//! Serves [`Routes`] over hyper, bounded in connections, heads and time.

mod awaited;
mod bind;
mod capacity;
mod connection;
mod refusal;
mod stream;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

pub use bind::{BindError, bind};
pub use capacity::Capacity;
use capacity::Place;
use connection::Connections;

use crate::Routes;

/// The other end of the connection, as a request extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerAddr(pub SocketAddr);

/// Connections of a listener that shares its [`Capacity`] with no other.
pub const DEFAULT_CONNECTIONS: usize = 10_240;

/// What one listener takes on.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections at a time, WebSockets among them; [`Capacity`] says what happens beyond.
    /// [`DEFAULT_CONNECTIONS`] by default.
    pub connections: Capacity,
    /// For the head of a request, and for the silence before it; then the connection is closed.
    /// 15 s by default.
    pub head_time: Duration,
    /// Request line and headers, in bytes; beyond it the answer is 431. 16 KiB by default.
    pub head_bytes: usize,
    /// How long a client may take nothing of an answer, or of what a WebSocket sends; then the
    /// connection is closed. 10 s by default.
    pub write_time: Duration,
    /// How long requests in flight may still take after the stop. 3 s by default.
    pub drain_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: Capacity::new(DEFAULT_CONNECTIONS),
            head_time: Duration::from_secs(15),
            head_bytes: 16 * 1024,
            write_time: Duration::from_secs(10),
            drain_time: Duration::from_secs(3),
        }
    }
}

/// The pause after an accept that failed for want of something, such as file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until `stop`, then drains: no new connection, idle ones closed, requests in flight
/// answered with `Connection: close`, and what is left after `limits.drain_time` cut off.
///
/// Dropping the future ends all connections at once. Every answer is `nosniff`; every request is
/// a debug span `http` with `method`, `path`, `status` and `took_ms`.
pub async fn serve(listener: TcpListener, routes: Routes, stop: CancellationToken, limits: Limits) {
    let serving = Connections::new(routes, stop.clone(), &limits);
    let mut open = JoinSet::new();
    let mut place = None;
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            Some(ended) = open.join_next() => note(ended),
            accepted = accept(&listener, &limits.connections, &mut place) => match accepted {
                Ok((stream, peer, place)) => {
                    open.spawn(serving.run(stream, peer, place));
                }
                Err(error) if concerns_one_client(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "cannot accept connections for now");
                    stop.run_until_cancelled(sleep(ACCEPT_PAUSE)).await;
                }
            },
        }
    }
    drop(listener);
    drain(open, limits.drain_time).await;
}

/// The place is taken before the connection is, and kept in `kept` when the wait for it is broken off:
/// others must not leave twice for one newcomer.
async fn accept(
    listener: &TcpListener,
    capacity: &Capacity,
    kept: &mut Option<Place>,
) -> io::Result<(TcpStream, SocketAddr, Place)> {
    if kept.is_none() {
        *kept = Some(capacity.place().await);
    }
    let (stream, peer) = listener.accept().await?;
    let place = kept.take().expect("it was taken before the connection");
    Ok((stream, peer, place))
}

/// Whether the client was gone before it was accepted, which says nothing about the next one.
fn concerns_one_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

async fn drain(mut open: JoinSet<()>, grace: Duration) {
    let ended = async {
        while let Some(ended) = open.join_next().await {
            note(ended);
        }
    };
    if timeout(grace, ended).await.is_err() {
        tracing::warn!(connections = open.len(), "requests cut off at the end of the drain");
        open.shutdown().await;
    }
}

fn note(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a connection's task failed");
    }
}
