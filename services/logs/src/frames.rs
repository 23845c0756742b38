//! The frames of `stream.v1`.

use comptoir_domain::topic::Offset;
use comptoir_http::upgrade::Utf8Bytes;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use crate::cursor;
use crate::follow::Placed;
use crate::history::Gap;

/// How often a silent connection gets a sign of life, in milliseconds.
pub(crate) const HEARTBEAT_MS: u64 = 10_000;
/// Frames of lines that may be unacknowledged.
pub(crate) const CREDIT: u64 = 4;

/// What a client says.
#[derive(Debug, Deserialize)]
#[serde(tag = "t", rename_all = "lowercase")]
pub(crate) enum Said {
    /// Begins the stream.
    Sub {
        /// Where: `tail:N`, `cur:<cursor>`, `earliest` or `now`.
        from: String,
        /// The log that the client remembers.
        log_id: Option<Uuid>,
    },
    /// Has taken in a frame of lines and all before it.
    Ack {
        /// The frame's id.
        id: u64,
    },
}

pub(crate) fn hello(boot: Uuid, log_id: Uuid, earliest: &[Offset], latest: &[Offset]) -> Utf8Bytes {
    json!({
        "t": "hello", "proto": 1, "boot": boot.to_string(), "log_id": log_id.to_string(),
        "earliest": cursor::write(earliest), "latest": cursor::write(latest),
        "hb_ms": HEARTBEAT_MS, "window": CREDIT,
    })
    .to_string()
    .into()
}

/// A frame of lines; the rows are encoded already.
pub(crate) fn lines(id: u64, cursors: &[Offset], lines: &[Placed]) -> Utf8Bytes {
    let rows = lines.iter().map(|(_, line)| line);
    let size: usize = rows.clone().map(|line| line.row.len() + 1).sum();
    let mut frame = format!(r#"{{"t":"lines","id":{id},"cur":"{}","l":["#, cursor::write(cursors));
    frame.reserve(size + 2);
    for (at, line) in rows.enumerate() {
        if at > 0 {
            frame.push(',');
        }
        frame.push_str(&line.row);
    }
    frame.push_str("]}");
    frame.into()
}

pub(crate) fn gap(gap: &Gap) -> Utf8Bytes {
    json!({
        "t": "gap", "partition": gap.at.partition.0, "from": gap.from.0, "to": gap.to.0,
        "n": gap.to.0 - gap.from.0, "why": "retention",
    })
    .to_string()
    .into()
}

pub(crate) fn heartbeat() -> Utf8Bytes {
    Utf8Bytes::from_static(r#"{"t":"hb"}"#)
}

pub(crate) fn reset(log_id: Uuid) -> Utf8Bytes {
    json!({"t": "reset", "log_id": log_id.to_string()}).to_string().into()
}

pub(crate) fn error(code: &str, message: &str) -> Utf8Bytes {
    json!({"t": "err", "code": code, "msg": message}).to_string().into()
}
