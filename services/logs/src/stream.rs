//! `stream.v1`, the page's protocol: cursors, credit, heartbeats (docs/pages-api.md).

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use comptoir_domain::port::platform::Log;
use comptoir_domain::topic::Offset;
use comptoir_http::Socket;
use comptoir_http::upgrade::CloseCode;
use tokio::time::timeout;
use uuid::Uuid;

use crate::cursor;
use crate::follow::{Batch, Follower, Placed, before};
use crate::frames::{self, Said};
use crate::plain::send;
use crate::talk::{End, Talk, hear_first, say};
use crate::window::Window;

/// The subprotocol's name.
pub(crate) const PROTOCOL: &str = "stream.v1";

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

/// Serves a connection to its end.
pub(crate) async fn run<L: Log>(
    mut socket: Socket,
    opening: Opening,
    follow: impl FnOnce(Vec<Offset>) -> Follower<L> + Send,
) {
    let end = match subscribe(&mut socket, &opening).await {
        Ok(cursors) => {
            let (talk, follower) = (Talk::begin(&mut socket), follow(cursors));
            Stream { talk, follower, held: Vec::new() }.run().await
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

struct Stream<'a, L: Log> {
    talk: Talk<'a>,
    follower: Follower<L>,
    /// Read, but too much for one frame.
    held: Vec<Placed>,
}

impl<L: Log> Stream<'_, L> {
    async fn run(mut self) -> End {
        loop {
            let sent = match self.read().await {
                Ok(()) => self.send_lines().await,
                Err(end) => Err(end),
            };
            if let Err(end) = sent {
                return end;
            }
        }
    }

    /// Listens to the client, and meanwhile reads the next lines if there are none to be sent.
    async fn read(&mut self) -> Result<(), End> {
        let Batch { lines, gaps, .. } = self.next().await?;
        for gap in &gaps {
            self.talk.say(frames::gap(gap)).await?;
        }
        self.held.extend(lines);
        Ok(())
    }

    /// The next lines, none if some are held back; without credit, none once there is some again.
    async fn next(&mut self) -> Result<Batch, End> {
        let Self { talk, follower, held } = self;
        let credit = talk.has_credit();
        let reading = async {
            if !credit {
                return follower.rest(held).await;
            }
            if held.is_empty() { follower.next(FRAME_LINES).await } else { Ok(Batch::default()) }
        };
        let mut reading = pin!(reading);
        loop {
            tokio::select! {
                biased;
                event = talk.event() => {
                    talk.take(event).await?;
                    if !credit && talk.has_credit() {
                        return Ok(Batch::default());
                    }
                }
                batch = &mut reading => return batch.map_err(|error| {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "a page cannot be served");
                    End::Unreadable
                }),
            }
        }
    }

    /// Sends one frame of lines, if there are any and the client has credit.
    async fn send_lines(&mut self) -> Result<(), End> {
        if self.held.is_empty() || !self.talk.has_credit() {
            return Ok(());
        }
        let rest = self.held.split_off(fitting(&self.held));
        let now = std::mem::replace(&mut self.held, rest);
        let cursors = before(self.follower.cursors(), &self.held);
        self.follower.meanwhile(self.talk.say_lines(&cursors, &now)).await
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

#[cfg(test)]
mod tests;
