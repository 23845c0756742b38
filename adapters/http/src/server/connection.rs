//! One connection, and the span around each of its requests.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::StatusCode;
use http::header::{AUTHORIZATION, COOKIE};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use tracing::field::Empty;

use super::awaited::Awaited;
use super::capacity::{Capacity, Place, Standing};
use super::refusal::Worded;
use super::stream::Taken;
use super::{Limits, PeerAddr};
use crate::{Response, Routes, headers};

/// hyper's read and write buffers, each, in bytes: what a connection holds at the most, beside the
/// answer that is on its way.
const BUFFER: usize = 32 * 1024;

pub(super) struct Connections {
    routes: Routes,
    http: http1::Builder,
    stop: CancellationToken,
    capacity: Capacity,
    write_time: Duration,
}

impl Connections {
    pub(super) fn new(routes: Routes, stop: CancellationToken, limits: &Limits) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(limits.head_time)
            .max_header_size(limits.head_bytes)
            .max_buf_size(BUFFER.max(limits.head_bytes));
        let (capacity, write_time) = (limits.connections.clone(), limits.write_time);
        Self { routes, http, stop, capacity, write_time }
    }

    /// Runs until the connection ends, becomes a WebSocket or must make room; after the stop, until
    /// the request in flight is answered.
    pub(super) fn run(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        place: Place,
    ) -> impl Future<Output = ()> + Send + 'static {
        // Answers are small and written whole; Nagle would only delay them.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, %peer, "cannot set TCP_NODELAY");
        }
        let upgraded = Arc::new(AtomicBool::new(false));
        let taken = Taken::new(TokioIo::new(stream), self.write_time, place);
        let io = Worded::new(taken, Arc::clone(&upgraded));
        let standing = Arc::new(self.capacity.standing());
        let leave = standing.leave();
        let routes = Arc::new(TowerToHyperService::new(warp::service(self.routes.clone())));
        let service = service_fn(move |request| {
            let request = received(request, peer, &standing);
            let (routes, upgraded) = (Arc::clone(&routes), Arc::clone(&upgraded));
            let standing = Arc::clone(&standing);
            async move {
                let response = observed(&*routes, request).await?;
                standing.waits_anew();
                if response.status() == StatusCode::SWITCHING_PROTOCOLS {
                    upgraded.store(true, Ordering::Relaxed);
                }
                Ok::<_, Infallible>(response)
            }
        });
        let connection = self.http.serve_connection(io, service).with_upgrades();
        let stop = self.stop.clone();
        async move {
            let mut connection = pin!(connection);
            let ended = tokio::select! {
                biased;
                () = stop.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
                () = leave.cancelled() => {
                    tracing::debug!(%peer, "a connection made room for another");
                    return;
                }
                ended = connection.as_mut() => ended,
            };
            if let Err(error) = ended {
                tracing::debug!(%error, %peer, "a connection ended early");
            }
        }
    }
}

/// A request that has begun, as the routes take it. What nobody should read in a log is marked as such,
/// whoever prints the headers.
fn received(
    mut request: hyper::Request<Incoming>,
    peer: SocketAddr,
    standing: &Arc<Standing>,
) -> hyper::Request<Awaited> {
    standing.begins();
    request.extensions_mut().insert(PeerAddr(peer));
    for (name, value) in request.headers_mut() {
        if [AUTHORIZATION, COOKIE].contains(name) {
            value.set_sensitive(true);
        }
    }
    request.map(|body| Awaited::new(body, Arc::clone(standing)))
}

/// Answers within a span; the query is left out because it may hold what nobody should read.
async fn observed<S>(routes: &S, request: hyper::Request<Awaited>) -> Result<Response, Infallible>
where
    S: Service<hyper::Request<Awaited>, Response = Response, Error = Infallible, Future: Send>
        + Sync,
{
    let span = tracing::debug_span!(
        "http",
        method = %request.method(),
        path = request.uri().path(),
        status = Empty,
        took_ms = Empty,
    );
    let started = Instant::now();
    let answer = routes.call(request).instrument(span.clone()).await;
    answer.map(|mut response| {
        headers::nosniff(response.headers_mut());
        let took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        span.record("status", response.status().as_u16());
        span.record("took_ms", took_ms);
        span.in_scope(|| tracing::debug!("answered"));
        response
    })
}
