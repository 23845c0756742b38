//! Serves [`Routes`] over hyper, bounded in connections, heads and time.

mod bind;
mod connection;
mod refusal;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

pub use bind::{BindError, bind};
use connection::Connections;

use crate::Routes;

/// The other end of the connection, as a request extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerAddr(pub SocketAddr);

/// What one listener takes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time, WebSockets not counted (see [`Sockets`](crate::Sockets)); beyond
    /// it the next one waits, in the kernel's queue, for another to end. 10,240 by default.
    pub connections: usize,
    /// For the head of a request, and for the silence before it; then the connection is closed.
    /// 15 s by default.
    pub head_time: Duration,
    /// Request line and headers, in bytes; beyond it the answer is 431. 16 KiB by default.
    pub head_bytes: usize,
    /// How long requests in flight may still take after the stop. 3 s by default.
    pub drain_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_240,
            head_time: Duration::from_secs(15),
            head_bytes: 16 * 1024,
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
    let serving = Connections::new(routes, stop.clone(), limits);
    let slots = Arc::new(Semaphore::new(limits.connections));
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            Some(ended) = open.join_next() => note(ended),
            accepted = accept(&listener, &slots) => match accepted {
                Ok((stream, peer, slot)) => {
                    let connection = serving.run(stream, peer);
                    open.spawn(async move {
                        connection.await;
                        drop(slot);
                    });
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

/// A slot is taken before the connection is, so at the limit nothing is accepted.
async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let slot = Arc::clone(slots).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, slot))
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
