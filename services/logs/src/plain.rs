//! Plain mode: one JSON line per text frame, nothing expected from the client.
//!
//! A slow client falls behind in the log and loses nothing that retention leaves; one that takes
//! nothing at all for [`WRITE_TIME`], or answers no ping, is gone.

use std::pin::pin;
use std::time::Duration;

use comptoir_domain::port::platform::Log;
use comptoir_http::Socket;
use comptoir_http::upgrade::{CloseCode, Message, SocketError};
use futures::{SinkExt as _, StreamExt as _};
use tokio::time::{Instant, interval_at, timeout};

use crate::follow::Follower;

/// How long one write may take before the client counts as gone.
pub(crate) const WRITE_TIME: Duration = Duration::from_secs(10);
/// Lines that are sent before it is looked whether the client said something.
const BATCH: usize = 200;
/// Pings find clients that are gone without a word.
const PING_EVERY: Duration = Duration::from_secs(30);
/// Whoever has not answered two pings is gone.
pub(crate) const SILENCE: Duration = Duration::from_secs(75);

/// Streams until the client goes or the service stops.
pub(crate) async fn run<L: Log>(mut socket: Socket, mut follower: Follower<L>) {
    let mut ping = interval_at(Instant::now() + PING_EVERY, PING_EVERY);
    let mut heard = Instant::now();
    loop {
        let lines = {
            let mut next = pin!(follower.next(BATCH));
            loop {
                tokio::select! {
                    biased;
                    () = socket.stop.cancelled() => {
                        return socket.close(CloseCode::Away, "the service stops").await;
                    }
                    said = socket.stream.next() => match said {
                        // Whatever a plain client says is passed over; pings answer themselves.
                        Some(Ok(message)) if !message.is_close() => heard = Instant::now(),
                        last => return socket.end(last).await,
                    },
                    _ = ping.tick() => {
                        if heard.elapsed() > SILENCE || !ping_is_sent(&mut socket).await {
                            return;
                        }
                    }
                    batch = &mut next => match batch {
                        Ok(batch) => break batch.lines,
                        Err(error) => {
                            tracing::warn!(
                                error = &error as &dyn std::error::Error,
                                "a client cannot be served"
                            );
                            return socket.close(CloseCode::Again, "the log cannot be read").await;
                        }
                    },
                }
            }
        };
        let frames = lines.iter().map(|(_, line)| line.plain.clone());
        let sending = send(&mut socket, frames);
        if !follower.meanwhile(sending).await {
            return;
        }
    }
}

/// Sends a ping; false if the client is gone.
pub(crate) async fn ping_is_sent(socket: &mut Socket) -> bool {
    let ping = socket.stream.send(Message::Ping(Vec::new().into()));
    matches!(timeout(WRITE_TIME, ping).await, Ok(Ok(())))
}

/// Sends frames and flushes once; false if the client is gone or takes too long.
pub(crate) async fn send(
    socket: &mut Socket,
    frames: impl Iterator<Item = comptoir_http::upgrade::Utf8Bytes>,
) -> bool {
    let sending = async {
        for frame in frames {
            // Each frame has the whole time: a slow client that still reads is not cut off.
            let fed = timeout(WRITE_TIME, socket.stream.feed(Message::Text(frame))).await;
            fed.map_err(|_| SocketError::ConnectionClosed)??;
        }
        let flushed = timeout(WRITE_TIME, socket.stream.flush()).await;
        flushed.map_err(|_| SocketError::ConnectionClosed)?
    };
    match sending.await {
        Ok(()) => true,
        Err(error) => {
            tracing::debug!(%error, "a client is gone");
            false
        }
    }
}
