//! A WebSocket client of the logs service.

use comptoir_testkit::{PATIENCE, quiet, within};
use futures::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::StatusCode;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::shop::Shop;

/// An open connection.
#[derive(Debug)]
pub(crate) struct Live(WebSocketStream<TcpStream>);

/// Connects with some headers; the status of the answer if it is not 101.
pub(crate) async fn connect(
    shop: &Shop,
    path: &str,
    headers: &[(&'static str, &str)],
) -> Result<Live, StatusCode> {
    let address = shop.logs.0;
    let mut request = format!("ws://{address}{path}").into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    let stream = TcpStream::connect(address).await.unwrap();
    let shaking = tokio_tungstenite::client_async(request, stream);
    match within(PATIENCE, "the handshake", shaking).await {
        Ok((stream, _)) => Ok(Live(stream)),
        Err(Error::Http(answer)) => Err(answer.status()),
        Err(error) => panic!("{error}"),
    }
}

impl Live {
    /// Connects in plain mode, as `websocat ws://localhost:3000/` does.
    pub(crate) async fn plain(shop: &Shop) -> Self {
        connect(shop, "/", &[]).await.unwrap()
    }

    /// The next frame of text; pings are answered on the way.
    pub(crate) async fn next(&mut self) -> Value {
        serde_json::from_str(&self.text().await).unwrap()
    }

    /// The same as it came.
    pub(crate) async fn text(&mut self) -> String {
        loop {
            match self.message().await {
                Message::Text(text) => return text.to_string(),
                Message::Ping(_) => {}
                other => panic!("no text: {other:?}"),
            }
        }
    }

    /// The next so many frames.
    pub(crate) async fn take(&mut self, count: usize) -> Vec<Value> {
        let mut frames = Vec::with_capacity(count);
        for _ in 0..count {
            frames.push(self.next().await);
        }
        frames
    }

    /// The code of the close frame that comes next.
    pub(crate) async fn closed(&mut self) -> u16 {
        match self.message().await {
            Message::Close(Some(frame)) => frame.code.into(),
            other => panic!("not closed: {other:?}"),
        }
    }

    /// Whether the goodbye that was said is answered with one.
    pub(crate) async fn is_answered_goodbye(&mut self) -> bool {
        self.message().await.is_close()
    }

    /// Watches for a moment that nothing comes.
    pub(crate) async fn is_quiet(&mut self) {
        quiet("no more frames", self.0.next()).await;
    }

    pub(crate) async fn say(&mut self, text: &str) {
        let saying = self.0.send(Message::text(text));
        within(PATIENCE, "a frame to go", saying).await.unwrap();
    }

    pub(crate) async fn send(&mut self, message: Message) {
        within(PATIENCE, "a frame to go", self.0.send(message)).await.unwrap();
    }

    async fn message(&mut self) -> Message {
        within(PATIENCE, "a frame", self.0.next()).await.unwrap().unwrap()
    }
}
