//! WebSocket handshakes, answered in two steps so that work can be done between them.
//!
//! A handler asks [`Request::handshake`](crate::Request::handshake); `None` is an ordinary request,
//! which it answers as it likes. Otherwise it does whatever must be done before the 101 (and may
//! still answer with a problem), then hands the [`Handshake`] a closure for the socket:
//!
//! ```
//! use comptoir_http::{Problem, Request, Response, Sockets, reply, upgrade};
//!
//! async fn live(sockets: Sockets, request: Request) -> Result<Response, Problem> {
//!     let Some(handshake) = request.handshake(&["stream.v1"])? else {
//!         return Ok(reply::html("<!doctype html>…"));
//!     };
//!     // Fix the start offsets here: whoever gets the 101 sees every later line.
//!     Ok(handshake.accept(&sockets, |mut socket| async move {
//!         socket.stop.cancelled().await;
//!         socket.close(upgrade::CloseCode::Away, "the server stops").await;
//!     }))
//! }
//! ```

mod sockets;

use http::header::{
    CONNECTION, HeaderName, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use hyper::upgrade::OnUpgrade;
pub use sockets::{Socket, SocketStream, Sockets};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
pub use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
pub use tokio_tungstenite::tungstenite::{Error as SocketError, Message, Utf8Bytes};

use crate::{Problem, Response};

/// A valid handshake that has not been answered yet. Dropping it leaves an ordinary request.
#[derive(Debug)]
pub struct Handshake {
    accept: HeaderValue,
    protocol: Option<&'static str>,
    upgrade: OnUpgrade,
}

impl Handshake {
    /// Reads the handshake of RFC 6455 from a request; `None` unless it is a GET that asks to
    /// become a WebSocket.
    ///
    /// Of the subprotocols the client offers, the first that is in `protocols` is agreed on; if it
    /// offers none, or none of ours, the socket has none.
    ///
    /// # Errors
    /// 426 if the version is not 13, 400 if the key is missing or malformed.
    pub fn read(
        method: &Method,
        headers: &HeaderMap,
        upgrade: &OnUpgrade,
        protocols: &[&'static str],
    ) -> Result<Option<Self>, Problem> {
        let asked = tokens(headers, &UPGRADE).any(|token| token.eq_ignore_ascii_case("websocket"))
            && tokens(headers, &CONNECTION).any(|token| token.eq_ignore_ascii_case("upgrade"));
        if method != Method::GET || !asked {
            return Ok(None);
        }
        if headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
            return Err(Problem::websocket_version());
        }
        let key = headers.get(SEC_WEBSOCKET_KEY).filter(|key| is_key(key.as_bytes()));
        let accept =
            key.and_then(|key| HeaderValue::try_from(derive_accept_key(key.as_bytes())).ok());
        let accept = accept
            .ok_or_else(|| Problem::bad_request("Sec-WebSocket-Key is missing or malformed"))?;
        let protocol = tokens(headers, &SEC_WEBSOCKET_PROTOCOL)
            .find_map(|offered| protocols.iter().copied().find(|known| *known == offered));
        Ok(Some(Self { accept, protocol, upgrade: upgrade.clone() }))
    }

    /// The subprotocol agreed on.
    pub fn protocol(&self) -> Option<&'static str> {
        self.protocol
    }

    /// Answers 101 and runs `serve` on the socket as a task of `sockets`; 503 if they are at their
    /// limit or stopping. The socket ends when `serve` does.
    pub fn accept<F, R>(self, sockets: &Sockets, serve: F) -> Response
    where
        F: FnOnce(Socket) -> R + Send + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        if let Err(problem) = sockets.spawn(self.upgrade, self.protocol, serve) {
            return problem.into_response();
        }
        let mut response = Response::default();
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(SEC_WEBSOCKET_ACCEPT, self.accept);
        if let Some(protocol) = self.protocol {
            headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(protocol));
        }
        response
    }
}

/// The members of a comma-separated header, over all its lines.
fn tokens<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(name).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim)
}

/// Sixteen bytes in base64.
fn is_key(key: &[u8]) -> bool {
    key.len() == 24
        && key.ends_with(b"==")
        && key[..22].iter().all(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(byte))
}
