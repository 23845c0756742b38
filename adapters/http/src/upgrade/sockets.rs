//! The open WebSockets of a service: tracked, limited, and ended with it.

use std::sync::Arc;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error as SocketError, Message};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::Problem;

/// Frames in and out, over the connection that was the request's.
pub type SocketStream = WebSocketStream<TokioIo<Upgraded>>;

/// The largest message a client may send, in bytes; beyond it the stream yields an error.
const INBOUND: usize = 4 * 1024;
/// Written to the connection whenever this much has gathered, in bytes, or on flush.
const OUTBOUND: usize = 64 * 1024;
/// How much may be unsent, in bytes; sending waits long before, unless one message is larger than
/// 128 KiB, and that one fails.
const UNSENT: usize = 3 * OUTBOUND;
/// From the 101 to the switch of protocols, which only needs the 101 to be written.
const SWITCH_TIME: Duration = Duration::from_secs(10);
/// For the client's answer to our close frame.
const CLOSE_TIME: Duration = Duration::from_secs(1);

/// One open WebSocket.
pub struct Socket {
    /// Receives (text, pings, the client's close; at most 4 KiB each) and sends. Pings are answered
    /// by the stream itself as long as it is read.
    pub stream: SocketStream,
    /// The subprotocol agreed on.
    pub protocol: Option<&'static str>,
    /// Cancelled when the service stops: close with 1001, soon.
    pub stop: CancellationToken,
}

impl Socket {
    /// Sends a close frame and waits for the client's, 1 s at most. `reason` is at most 123 bytes.
    pub async fn close(&mut self, code: CloseCode, reason: &'static str) {
        let frame = CloseFrame { code, reason: reason.into() };
        let closing = async {
            self.stream.send(Message::Close(Some(frame))).await?;
            while self.stream.next().await.is_some_and(|message| message.is_ok()) {}
            Ok::<_, tokio_tungstenite::tungstenite::Error>(())
        };
        // Whether the client answers, is silent or is gone: the socket ends here.
        let _ = timeout(CLOSE_TIME, closing).await;
    }

    /// Ends the socket as the protocol asks (RFC 6455 §7.1), after what the stream yielded last: a
    /// close frame is answered, and what cannot be read gets one with the code that says why. Takes
    /// 1 s at most.
    pub async fn end(&mut self, last: Option<Result<Message, SocketError>>) {
        let code = match last {
            // The answer is queued already; reading on sends it.
            Some(Ok(_)) => {
                let answering =
                    async { while self.stream.next().await.is_some_and(|m| m.is_ok()) {} };
                let _ = timeout(CLOSE_TIME, answering).await;
                return;
            }
            Some(Err(SocketError::Capacity(_))) => CloseCode::Size,
            Some(Err(SocketError::Utf8(_))) => CloseCode::Invalid,
            Some(Err(SocketError::Protocol(_))) => CloseCode::Protocol,
            Some(Err(_)) | None => return,
        };
        self.close(code, "the message cannot be read").await;
    }
}

/// The sockets of one service; clones share them.
///
/// They outlive the connections of [`serve`](crate::serve): when serving has ended, wait for
/// [`Sockets::drain`].
#[derive(Debug, Clone)]
pub struct Sockets {
    tasks: TaskTracker,
    slots: Arc<Semaphore>,
    stop: CancellationToken,
    /// Cancelled at the end of the drain, when whoever is left is dropped.
    cut: CancellationToken,
}

impl Sockets {
    /// At most `limit` at a time; beyond it a handshake is answered with 503.
    pub fn new(limit: usize, stop: CancellationToken) -> Self {
        let slots = Arc::new(Semaphore::new(limit));
        Self { tasks: TaskTracker::new(), slots, stop, cut: CancellationToken::new() }
    }

    /// How many are open, those in the middle of their handshake included.
    pub fn open(&self) -> usize {
        self.tasks.len()
    }

    /// Waits until all sockets have ended, to be called after the stop; those that have not within
    /// `grace` are dropped without a close frame. Gives the number of those.
    pub async fn drain(&self, grace: Duration) -> usize {
        self.tasks.close();
        if timeout(grace, self.tasks.wait()).await.is_ok() {
            return 0;
        }
        let left = self.open();
        tracing::warn!(sockets = left, "sockets cut off at the end of the drain");
        self.cut.cancel();
        self.tasks.wait().await;
        left
    }

    pub(super) fn spawn<F, R>(
        &self,
        upgrade: OnUpgrade,
        protocol: Option<&'static str>,
        serve: F,
    ) -> Result<(), Problem>
    where
        F: FnOnce(Socket) -> R + Send + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let slot = Arc::clone(&self.slots).try_acquire_owned();
        let Some(slot) = slot.ok().filter(|_| !self.stop.is_cancelled()) else {
            return Err(Problem::unavailable(Duration::from_secs(5))
                .with_kind("no-socket-free", "No more live connections can be opened"));
        };
        let (stop, cut) = (self.stop.child_token(), self.cut.clone());
        self.tasks.spawn(async move {
            let run = async {
                match timeout(SWITCH_TIME, upgrade).await {
                    Ok(Ok(upgraded)) => {
                        let stream = stream(upgraded).await;
                        serve(Socket { stream, protocol, stop }).await;
                    }
                    Ok(Err(error)) => tracing::debug!(%error, "a handshake was not completed"),
                    Err(_) => tracing::debug!("a handshake was not completed in time"),
                }
            };
            cut.run_until_cancelled(run).await;
            drop(slot);
        });
        Ok(())
    }
}

async fn stream(upgraded: Upgraded) -> SocketStream {
    let config = WebSocketConfig::default()
        .read_buffer_size(4 * 1024)
        .write_buffer_size(OUTBOUND)
        .max_write_buffer_size(UNSENT)
        .max_message_size(Some(INBOUND))
        .max_frame_size(Some(INBOUND));
    WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await
}
