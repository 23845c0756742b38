//! `stream.v1`, the page's protocol: cursors, credit, heartbeats (docs/pages-api.md).

use std::sync::Arc;
use std::time::Duration;

use comptoir_domain::port::platform::Log;
use comptoir_domain::topic::Offset;
use comptoir_http::Socket;
use comptoir_http::upgrade::{CloseCode, Message, SocketError, Utf8Bytes};
use futures::StreamExt as _;
use tokio::time::{Instant, sleep_until, timeout};
use uuid::Uuid;

use crate::cursor;
use crate::follow::{Batch, Follower, Placed};
use crate::frames::{self, CREDIT, HEARTBEAT_MS, Said};
use crate::plain::{SILENCE, ping_is_sent, send};
use crate::window::Window;

/// The subprotocol's name.
pub(crate) const PROTOCOL: &str = "stream.v1";

const HEARTBEAT: Duration = Duration::from_millis(HEARTBEAT_MS);
/// How long a client may take to subscribe.
const SUBSCRIBE_TIME: Duration = Duration::from_secs(10);
/// The size of one frame of lines: at most so many, and about so many bytes.
const FRAME_LINES: usize = 500;
const FRAME_BYTES: usize = 64 * 1024;
/// The most lines that `tail:N` gives, and what a page gets that remembers another log.
const MAX_TAIL: usize = 10_000;
const TAIL_AFTER_RESET: usize = 200;
/// For messages that cannot be read.
const BAD_MESSAGE: CloseCode = CloseCode::Library(4400);

/// What a connection is given before it is answered.
pub(crate) struct Opening {
    pub(crate) window: Arc<Window>,
    pub(crate) boot: Uuid,
    pub(crate) log_id: Uuid,
    /// Where the log began and ended when the connection was accepted.
    pub(crate) earliest: Vec<Offset>,
    pub(crate) latest: Vec<Offset>,
}

/// Why a connection ends.
enum End {
    Gone,
    /// The stream yielded this last.
    Over(Option<Result<Message, SocketError>>),
    Stop,
    Bad(&'static str),
    Unreadable,
}

/// Serves a connection to its end.
pub(crate) async fn run<L: Log>(
    mut socket: Socket,
    opening: Opening,
    follow: impl FnOnce(Vec<Offset>) -> Follower<L> + Send,
) {
    let end = match subscribe(&mut socket, &opening).await {
        Ok(cursors) => {
            let stream = Stream {
                socket: &mut socket,
                follower: follow(cursors),
                sent: 0,
                acked: 0,
                held: Vec::new(),
            };
            stream.run().await
        }
        Err(end) => end,
    };
    match end {
        End::Gone => {}
        End::Over(last) => socket.end(last).await,
        End::Stop => socket.close(CloseCode::Away, "the service stops").await,
        End::Unreadable => {
            socket.close(CloseCode::Again, "the log cannot be read").await;
        }
        End::Bad(why) => {
            send(&mut socket, std::iter::once(frames::error("bad_message", why))).await;
            socket.close(BAD_MESSAGE, why).await;
        }
    }
}

/// Says hello and takes the subscription; gives the offsets to begin at.
async fn subscribe(socket: &mut Socket, opening: &Opening) -> Result<Vec<Offset>, End> {
    let Opening { window, boot, log_id, earliest, latest } = opening;
    say(socket, frames::hello(*boot, *log_id, earliest, latest)).await?;
    let stop = socket.stop.clone();
    let said = tokio::select! {
        biased;
        () = stop.cancelled() => return Err(End::Stop),
        said = timeout(SUBSCRIBE_TIME, hear_first(socket)) => match said {
            Ok(said) => said?,
            Err(_) => return Err(End::Bad("no subscription came")),
        },
    };
    let Said::Sub { from, log_id: remembered } = said else {
        return Err(End::Bad("the first message must be a subscription"));
    };
    if remembered.is_some_and(|remembered| remembered != *log_id) {
        say(socket, frames::reset(*log_id)).await?;
        return Ok(window.tail(TAIL_AFTER_RESET));
    }
    begin(&from, window, earliest.clone(), latest)
        .ok_or(End::Bad("from is tail:N, cur:CURSOR, earliest or now"))
}

fn begin(
    from: &str,
    window: &Window,
    mut earliest: Vec<Offset>,
    latest: &[Offset],
) -> Option<Vec<Offset>> {
    match from.split_once(':').unwrap_or((from, "")) {
        ("earliest", "") => Some(earliest),
        ("now", "") => Some(latest.to_vec()),
        ("tail", count) => Some(window.tail(count.parse::<usize>().ok()?.min(MAX_TAIL))),
        ("cur", text) => {
            cursor::read(text, &mut earliest)?;
            // Beyond the end is nowhere: such a cursor is of a log that has lost its end.
            let ends = window.ends()?;
            Some(earliest.into_iter().zip(ends).map(|(cursor, end)| cursor.min(end)).collect())
        }
        _ => None,
    }
}

async fn say(socket: &mut Socket, frame: Utf8Bytes) -> Result<(), End> {
    if send(socket, std::iter::once(frame)).await { Ok(()) } else { Err(End::Gone) }
}

/// The client's next message; `None` for a sign of life without meaning, such as a pong.
async fn hear(socket: &mut Socket) -> Result<Option<Said>, End> {
    match socket.stream.next().await {
        Some(Ok(Message::Text(text))) => match serde_json::from_str(&text) {
            Ok(said) => Ok(Some(said)),
            Err(_) => Err(End::Bad("not a message of stream.v1")),
        },
        Some(Ok(Message::Binary(_))) => Err(End::Bad("messages are text")),
        // tungstenite answers pings itself.
        Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Ok(None),
        last @ (Some(Ok(Message::Close(_)) | Err(_)) | None) => Err(End::Over(last)),
    }
}

/// The client's first message.
async fn hear_first(socket: &mut Socket) -> Result<Said, End> {
    loop {
        if let Some(said) = hear(socket).await? {
            return Ok(said);
        }
    }
}

struct Stream<'a, L: Log> {
    socket: &'a mut Socket,
    follower: Follower<L>,
    /// Id of the last frame of lines that was sent, and of the last that was acknowledged.
    sent: u64,
    acked: u64,
    /// Read, but too much for one frame.
    held: Vec<Placed>,
}

impl<L: Log> Stream<'_, L> {
    async fn run(mut self) -> End {
        let stop = self.socket.stop.clone();
        let mut silent_since = Instant::now();
        let mut heard = Instant::now();
        loop {
            let sent = match self.send_lines().await {
                Ok(sent) => sent,
                Err(end) => return end,
            };
            if sent {
                silent_since = Instant::now();
            }
            let credit = self.sent - self.acked < CREDIT;
            tokio::select! {
                biased;
                () = stop.cancelled() => return End::Stop,
                said = hear(self.socket) => {
                    heard = Instant::now();
                    match said {
                        Ok(None) => {}
                        Ok(Some(Said::Ack { id })) if id <= self.sent => {
                            self.acked = self.acked.max(id);
                        }
                        Ok(Some(Said::Ack { .. })) => {
                            return End::Bad("acknowledges what was never sent");
                        }
                        Ok(Some(Said::Sub { .. })) => return End::Bad("subscribed already"),
                        Err(end) => return end,
                    }
                }
                () = sleep_until(silent_since + HEARTBEAT) => {
                    // The heartbeat is for the page, the ping for us: browsers answer it by themselves.
                    let gone = heard.elapsed() > SILENCE || !ping_is_sent(self.socket).await;
                    if gone || say(self.socket, frames::heartbeat()).await.is_err() {
                        return End::Gone;
                    }
                    silent_since = Instant::now();
                }
                () = std::future::ready(()), if sent && credit => {}
                () = self.follower.grown(), if credit => {}
            }
        }
    }

    /// Sends one frame of lines, if there are any and the client has credit.
    async fn send_lines(&mut self) -> Result<bool, End> {
        if self.sent - self.acked >= CREDIT {
            return Ok(false);
        }
        if self.held.is_empty() {
            // Dropped in the middle it may lose lines, but then the connection ends.
            let next = self
                .socket
                .stop
                .clone()
                .run_until_cancelled_owned(self.follower.next(FRAME_LINES))
                .await;
            let Batch { lines, gaps } = next.ok_or(End::Stop)?.map_err(|error| {
                tracing::warn!(error = &error as &dyn std::error::Error, "a page cannot be served");
                End::Unreadable
            })?;
            for gap in &gaps {
                say(self.socket, frames::gap(gap)).await?;
            }
            self.held = lines;
        }
        if self.held.is_empty() {
            return Ok(false);
        }
        let rest = self.held.split_off(fitting(&self.held));
        let now = std::mem::replace(&mut self.held, rest);
        self.sent += 1;
        let cursors = before(self.follower.cursors(), &self.held);
        say(self.socket, frames::lines(self.sent, &cursors, &now)).await?;
        Ok(true)
    }
}

/// How many of the lines fit into one frame: at least one.
fn fitting(lines: &[Placed]) -> usize {
    let mut bytes = 0;
    let fits = lines.iter().take(FRAME_LINES).take_while(|(_, line)| {
        bytes += line.row.len() + 1;
        bytes <= FRAME_BYTES
    });
    fits.count().max(1)
}

/// The cursor of a client that has everything before `offsets` but the lines still held back.
fn before(offsets: &[Offset], held: &[Placed]) -> Vec<Offset> {
    let mut cursors = offsets.to_vec();
    for (at, line) in held {
        if let Some(cursor) = cursors.get_mut(at.0 as usize) {
            *cursor = line.offset.min(*cursor);
        }
    }
    cursors
}

#[cfg(test)]
mod tests;
