//! What the two sides of a `stream.v1` connection say.

use std::time::Duration;

use comptoir_domain::topic::Offset;
use comptoir_http::Socket;
use comptoir_http::upgrade::{Message, SocketError, Utf8Bytes};
use futures::StreamExt as _;
use tokio::time::{Instant, sleep_until};

use crate::follow::Placed;
use crate::frames::{self, CREDIT, HEARTBEAT_MS, Said};
use crate::plain::{SILENCE, ping_is_sent, send};

const HEARTBEAT: Duration = Duration::from_millis(HEARTBEAT_MS);

/// Why a connection ends.
pub(crate) enum End {
    Gone,
    /// The stream yielded this last.
    Over(Option<Result<Message, SocketError>>),
    Stop,
    Bad(&'static str),
    Unreadable,
}

/// What happens on a connection while there is nothing to send.
pub(crate) enum Event {
    Stop,
    Heard(Result<Option<Said>, End>),
    /// Nothing was sent for so long that a sign of life is due.
    Silence,
}

/// A connection whose client has subscribed.
pub(crate) struct Talk<'a> {
    socket: &'a mut Socket,
    /// Id of the last frame of lines that was sent, and of the last that was acknowledged.
    sent: u64,
    acked: u64,
    silent_since: Instant,
    heard: Instant,
}

impl<'a> Talk<'a> {
    pub(crate) fn begin(socket: &'a mut Socket) -> Self {
        let now = Instant::now();
        Self { socket, sent: 0, acked: 0, silent_since: now, heard: now }
    }

    /// Whether another frame of lines may be sent.
    pub(crate) fn has_credit(&self) -> bool {
        self.sent - self.acked < CREDIT
    }

    /// Waits for what happens next. Dropping the future loses nothing.
    pub(crate) async fn event(&mut self) -> Event {
        let stop = self.socket.stop.clone();
        tokio::select! {
            biased;
            () = stop.cancelled() => Event::Stop,
            said = hear(self.socket) => Event::Heard(said),
            () = sleep_until(self.silent_since + HEARTBEAT) => Event::Silence,
        }
    }

    /// Does what an event asks for.
    pub(crate) async fn take(&mut self, event: Event) -> Result<(), End> {
        match event {
            Event::Stop => Err(End::Stop),
            Event::Heard(said) => {
                self.heard = Instant::now();
                match said? {
                    None => Ok(()),
                    Some(Said::Ack { id }) if id <= self.sent => {
                        self.acked = self.acked.max(id);
                        Ok(())
                    }
                    Some(Said::Ack { .. }) => Err(End::Bad("acknowledges what was never sent")),
                    Some(Said::Sub { .. }) => Err(End::Bad("subscribed already")),
                }
            }
            Event::Silence => {
                // The heartbeat is for the page, the ping for us: browsers answer it by themselves.
                if self.heard.elapsed() > SILENCE || !ping_is_sent(self.socket).await {
                    return Err(End::Gone);
                }
                self.say(frames::heartbeat()).await?;
                self.silent_since = Instant::now();
                Ok(())
            }
        }
    }

    pub(crate) async fn say(&mut self, frame: Utf8Bytes) -> Result<(), End> {
        say(self.socket, frame).await
    }

    /// Sends a frame of lines, which the client is to acknowledge.
    pub(crate) async fn say_lines(
        &mut self,
        cursors: &[Offset],
        lines: &[Placed],
    ) -> Result<(), End> {
        self.sent += 1;
        self.say(frames::lines(self.sent, cursors, lines)).await?;
        self.silent_since = Instant::now();
        Ok(())
    }
}

pub(crate) async fn say(socket: &mut Socket, frame: Utf8Bytes) -> Result<(), End> {
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
pub(crate) async fn hear_first(socket: &mut Socket) -> Result<Said, End> {
    loop {
        if let Some(said) = hear(socket).await? {
            return Ok(said);
        }
    }
}
