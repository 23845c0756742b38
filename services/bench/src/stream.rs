use std::time::Duration;

use futures::StreamExt;
use serde::Deserialize;
use serde_json::Value;
use tokio::{
    net::TcpStream,
    sync::mpsc,
    task::JoinSet,
    time::{Instant, timeout},
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{self, Message, error::UrlError},
};

use crate::{error::BenchError, http::Address};

const HANDSHAKE_LIMIT: Duration = Duration::from_secs(5);
/// Lines read and not yet matched; when it is full, reading waits and TCP pushes back.
const LINES_HELD: usize = 4_096;

/// What a line means for its payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    Confirmed,
    /// Rejected or expired: settled, but not sold.
    Refused,
    Other,
}

/// A log entry at the moment it was read, reduced to what can name a payment.
#[derive(Debug)]
pub struct Line {
    pub at: Instant,
    pub news: News,
    pub names: Vec<String>,
}

/// The lines of a plain-mode connection; the last one says why it ended.
#[derive(Debug)]
pub struct Lines {
    received: mpsc::Receiver<Result<Line, String>>,
    _reader: JoinSet<()>,
}

impl Lines {
    /// Once this returns, every line written later will be seen.
    pub async fn connect(address: &Address) -> Result<Self, BenchError> {
        let tcp = address.reach().await?;
        let url = address.url("ws", "/");
        let refused =
            |source| BenchError::Handshake { address: url.clone(), source: Box::new(source) };
        let (socket, _) = timeout(HANDSHAKE_LIMIT, client_async(url.as_str(), tcp))
            .await
            .map_err(|_| {
                refused(tungstenite::Error::Url(UrlError::UnableToConnect(format!(
                    "no handshake within {HANDSHAKE_LIMIT:?}"
                ))))
            })?
            .map_err(refused)?;
        let (lines, received) = mpsc::channel(LINES_HELD);
        let mut reader = JoinSet::new();
        reader.spawn(read(socket, lines));
        Ok(Self { received, _reader: reader })
    }

    /// Cancel-safe.
    pub async fn next(&mut self) -> Result<Line, BenchError> {
        let line = self.received.recv().await;
        let line = line.unwrap_or_else(|| Err("its reader is gone".to_owned()));
        line.map_err(BenchError::StreamEnded)
    }
}

async fn read(mut socket: WebSocketStream<TcpStream>, lines: mpsc::Sender<Result<Line, String>>) {
    loop {
        let frame = socket.next().await;
        let at = Instant::now();
        let line = match frame {
            Some(Ok(Message::Text(text))) => {
                parse(&text, at).map_err(|error| format!("a frame is no log entry: {error}"))
            }
            Some(Ok(Message::Close(why))) => {
                Err(why.map_or("closed".to_owned(), |why| format!("closed, {why}")))
            }
            Some(Ok(_)) => continue,
            Some(Err(error)) => Err(error.to_string()),
            None => Err("closed".to_owned()),
        };
        let ended = line.is_err();
        if lines.send(line).await.is_err() || ended {
            return;
        }
    }
}

#[derive(Deserialize)]
struct Entry {
    message: String,
    event_type: String,
    #[serde(default)]
    fields: Value,
}

fn parse(text: &str, at: Instant) -> serde_json::Result<Line> {
    let entry: Entry = serde_json::from_str(text)?;
    let news = match entry.event_type.as_str() {
        "comptoir.payment.confirmed.v1" => News::Confirmed,
        "comptoir.payment.rejected.v1" | "comptoir.payment.expired.v1" => News::Refused,
        _ => News::Other,
    };
    let mut names: Vec<String> = words(&entry.message).map(str::to_owned).collect();
    let mut values = vec![&entry.fields];
    while let Some(value) = values.pop() {
        match value {
            Value::String(text) => names.extend(words(text).map(str::to_owned)),
            Value::Array(items) => values.extend(items),
            Value::Object(members) => values.extend(members.values()),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    Ok(Line { at, news, names })
}

/// The words with a digit in them: an id has one, and most prose has none.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c.is_whitespace() || "\"'`()[]{}<>,;".contains(c))
        .map(|word| word.trim_matches(['.', ':', '!', '?', '#']))
        .filter(|word| word.bytes().any(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        parse(text, Instant::now()).unwrap().names
    }

    #[test]
    fn ids_are_found_in_the_message_and_in_the_fields() {
        let line = r#"{"message":"Payment (0197-ab): confirmed.","event_type":"x"}"#;
        assert_eq!(names(line), ["0197-ab"]);
        let line = r#"{"message":"Confirmed","event_type":"x","fields":{"a":{"id":"p-1"},"n":3}}"#;
        assert_eq!(names(line), ["p-1"]);
    }

    #[test]
    fn the_event_type_says_what_became_of_it() {
        let news = |kind: &str| {
            let text = format!(r#"{{"message":"","event_type":"comptoir.payment.{kind}.v1"}}"#);
            parse(&text, Instant::now()).unwrap().news
        };
        assert_eq!(news("confirmed"), News::Confirmed);
        assert_eq!((news("rejected"), news("expired")), (News::Refused, News::Refused));
        assert_eq!(news("requested"), News::Other);
    }

    #[test]
    fn a_frame_that_is_no_entry_is_an_error() {
        assert!(parse("hello", Instant::now()).is_err());
    }
}
