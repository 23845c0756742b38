//! A client of `stream.v1`, as the page is one.

use serde_json::{Value, json};

use crate::live::{Live, connect};
use crate::shop::Shop;

/// A connection that was greeted.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) live: Live,
    pub(crate) hello: Value,
    /// The cursor after the last frame of lines.
    pub(crate) cursor: String,
}

impl Page {
    /// Connects and takes the greeting.
    pub(crate) async fn greeted(shop: &Shop) -> Self {
        let protocol = [("sec-websocket-protocol", "stream.v1")];
        let mut live = connect(shop, "/ws", &protocol).await.unwrap();
        let hello = live.next().await;
        assert_eq!(hello["t"], "hello", "{hello}");
        Self { live, hello, cursor: String::new() }
    }

    /// Connects and subscribes.
    pub(crate) async fn from(shop: &Shop, from: &str) -> Self {
        let mut page = Self::greeted(shop).await;
        page.say(&json!({"t": "sub", "from": from})).await;
        page
    }

    pub(crate) async fn say(&mut self, message: &Value) {
        self.live.say(&message.to_string()).await;
    }

    pub(crate) async fn ack(&mut self, id: u64) {
        self.say(&json!({"t": "ack", "id": id})).await;
    }

    /// The next frame of lines, not acknowledged: its id and rows. Signs of life are passed over.
    pub(crate) async fn frame(&mut self) -> (u64, Vec<Value>) {
        let mut frame = self.live.next().await;
        while frame["t"] == "hb" {
            frame = self.live.next().await;
        }
        assert_eq!(frame["t"], "lines", "{frame}");
        assert_eq!(frame.as_object().unwrap().len(), 4, "{frame}");
        frame["cur"].as_str().unwrap().clone_into(&mut self.cursor);
        (frame["id"].as_u64().unwrap(), frame["l"].as_array().unwrap().clone())
    }

    /// The next so many rows, each frame acknowledged.
    pub(crate) async fn rows(&mut self, count: usize) -> Vec<Value> {
        let mut all = Vec::new();
        while all.len() < count {
            let (id, rows) = self.frame().await;
            all.extend(rows);
            self.ack(id).await;
        }
        assert_eq!(all.len(), count);
        all
    }

    /// An error, then the end of the connection.
    pub(crate) async fn is_refused(&mut self) {
        let error = self.live.next().await;
        assert_eq!(
            (&error["t"], &error["code"]),
            (&json!("err"), &json!("bad_message")),
            "{error}"
        );
        assert!(error["msg"].as_str().is_some_and(|text| !text.is_empty()), "{error}");
        assert_eq!(self.live.closed().await, 4400);
    }
}

/// How many lines the service has seen so far.
pub(crate) async fn shown(shop: &Shop) -> u64 {
    let page = Page::greeted(shop).await;
    let latest = page.hello["latest"].as_str().unwrap().split(',');
    let offsets = latest.map(|part| part.split_once(':').unwrap().1.parse::<u64>().unwrap());
    offsets.sum()
}

/// The messages of rows.
pub(crate) fn said(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row[6].as_str().unwrap()).collect()
}

/// Where rows stand, in order.
pub(crate) fn places(rows: &[Value]) -> Vec<(u64, u64)> {
    let place = |row: &Value| (row[0].as_u64().unwrap(), row[1].as_u64().unwrap());
    let mut places: Vec<_> = rows.iter().map(place).collect();
    places.sort_unstable();
    places
}
