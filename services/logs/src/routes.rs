//! `/` and `/ws` (page, or WebSocket), the page's files, `GET /api/meta`, `GET /api/lines`.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use comptoir_domain::port::bus::{Bounds, BusError, LogReader};
use comptoir_domain::port::platform::Log;
use comptoir_domain::topic::{Offset, Partition, Topic, TopicPartition};
use comptoir_http::resource::{path, with};
use comptoir_http::{Problem, Request, Resource, Response, Sockets, StatusCode, headers, reply};
use comptoir_runtime::context::Context;
use comptoir_runtime::edge;
use serde_json::json;
use tokio::time::timeout;
use uuid::Uuid;

use crate::follow::Follower;
use crate::line::Line;
use crate::stream::{Opening, PROTOCOL};
use crate::turn::{Past, Places};
use crate::window::Window;
use crate::{Ports, plain, stream};

/// How long `/api/lines` may take, the wait for its turn included.
const READ_TIME: Duration = Duration::from_secs(10);
/// The most lines that `/api/lines` gives at once.
const MAX_LINES: i64 = 1_000;
/// Bytes after which it gives no more of them.
const MAX_BYTES: usize = 1024 * 1024;
/// How long the log may take to tell its bounds. If it takes longer, it is as good as away.
const PATIENCE: Duration = Duration::from_secs(3);

/// What the routes use.
pub(crate) struct Logs<L: Log> {
    pub(crate) window: Arc<Window>,
    pub(crate) reader: L::Reader,
    pub(crate) places: Places,
    pub(crate) sockets: Sockets,
    pub(crate) ports: Ports,
    pub(crate) boot: Uuid,
    pub(crate) context: Context,
}

pub(crate) fn resources<L: Log>(logs: &Arc<Logs<L>>) -> Vec<Resource> {
    vec![
        path("/").get(with(logs, live)),
        path("/ws").get(with(logs, live)),
        path("/api/meta").get(with(logs, meta)),
        path("/api/lines").get(with(logs, lines)),
        path("/assets/{*}").get(file),
    ]
}

/// A WebSocket if one is asked for, else the page.
async fn live<L: Log>(logs: Arc<Logs<L>>, request: Request) -> Result<Response, Problem> {
    logs.context.hosts.check(request.headers())?;
    let Some(handshake) = request.handshake(&[PROTOCOL])? else {
        return Ok(logs.page(&request));
    };
    // Fixed before the 101, so that whoever connects and then acts sees the line.
    let (Some(latest), Some(log_id)) = (logs.window.ends(), logs.window.log_id()) else {
        return Err(Problem::unavailable(edge::RETRY_AFTER)
            .with_detail("the end of the log is not known yet"));
    };
    let follow = {
        let logs = Arc::clone(&logs);
        move |cursors| {
            let topic = logs.context.topics.logs.clone();
            let (window, reader) = (Arc::clone(&logs.window), logs.reader.clone());
            Follower::<L>::new(window, reader, topic, logs.places.clone(), cursors)
        }
    };
    if handshake.protocol().is_none() {
        let follower = follow(latest);
        return Ok(handshake.accept(&logs.sockets, |socket| plain::run(socket, follower)));
    }
    let earliest = logs.bounds().await?.iter().map(|bounds| bounds.earliest).collect();
    let (window, boot) = (Arc::clone(&logs.window), logs.boot);
    let opening = Opening { window, boot, log_id, earliest, latest };
    Ok(handshake.accept(&logs.sockets, |socket| stream::run(socket, opening, follow)))
}

impl<L: Log> Logs<L> {
    fn page(&self, request: &Request) -> Response {
        let Ports { users, payments, inventories, .. } = self.ports;
        // A policy cannot name an IPv6 address; whoever came by one gets any host on these ports.
        let by_ipv6 = request.header("host").is_some_and(|host| host.starts_with('['));
        let names = self.context.hosts.names().filter(|name| !name.starts_with('['));
        let names = names.chain(by_ipv6.then_some("*"));
        let ports = [users, payments, inventories];
        let origins = names.flat_map(|host| ports.map(|port| format!("http://{host}:{port}")));
        let origins: Vec<_> = origins.collect();
        comptoir_pages::live().index(&origins, request.headers()).map(Into::into)
    }
}

async fn meta<L: Log>(logs: Arc<Logs<L>>, request: Request) -> Result<Response, Problem> {
    logs.context.hosts.check(request.headers())?;
    let Ports { users, payments, inventories, console } = logs.ports;
    let meta = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "boot": logs.boot.to_string(),
        "log_id": logs.window.log_id().map(|id| id.to_string()),
        "mode": L::MODE,
        "topic": logs.context.topics.logs.as_str(),
        "ports": {"users": users, "payments": payments, "inventories": inventories, "console": console},
    });
    Ok(headers::no_store(reply::json(StatusCode::OK, &meta)))
}

/// Lines of one partition, oldest first.
async fn lines<L: Log>(logs: Arc<Logs<L>>, request: Request) -> Result<Response, Problem> {
    logs.context.hosts.check(request.headers())?;
    let mut query = request.query()?;
    let partition = query.required_integer_in("partition", 0..=i64::from(u32::MAX));
    let from = query.integer_in("from", 0..=i64::MAX).unwrap_or(0);
    let limit = query.integer_in("limit", 1..=MAX_LINES).unwrap_or(MAX_LINES);
    let (partition,) = query.complete((partition,))?;
    let partition = Partition(u32::try_from(partition).unwrap_or(u32::MAX));
    let at = TopicPartition { topic: logs.context.topics.logs.clone(), partition };
    let bounds = logs.bounds().await?;
    let Some(bounds) = bounds.get(partition.0 as usize) else {
        return Err(Problem::not_found());
    };
    let from = Offset(from.unsigned_abs()).min(bounds.next);
    let (lines, resume) = logs.lines(&at, from, usize::try_from(limit).unwrap_or(0)).await?;
    let Bounds { earliest, next } = bounds;
    let mut body = format!(r#"{{"earliest":{earliest},"next":{next},"resume":{resume},"l":["#);
    for (n, line) in lines.iter().enumerate() {
        // Writing to a String cannot fail.
        let _ = write!(body, "{}{}", if n == 0 { "" } else { "," }, line.row);
    }
    body.push_str("]}");
    Ok(headers::no_store(reply::with_type(StatusCode::OK, "application/json", body)))
}

impl<L: Log> Logs<L> {
    async fn bounds(&self) -> Result<Vec<Bounds>, Problem> {
        let told = bounds(&self.reader, &self.context.topics.logs).await;
        told.map_err(|error| edge::bus_problem(&error))
    }

    /// Lines from an offset on, and the offset behind what was read for them.
    async fn lines(
        &self,
        at: &TopicPartition,
        from: Offset,
        limit: usize,
    ) -> Result<(Vec<Arc<Line>>, Offset), Problem> {
        let read = async {
            let mut turn = self.places.turn(&[at.partition]).await;
            let (mut found, mut from, mut bytes) = (Vec::new(), from, 0);
            loop {
                let Past { lines, next, .. } =
                    turn.read::<_, L::Codec>(&self.reader, at, from).await?;
                for line in lines {
                    if found.len() == limit || bytes >= MAX_BYTES {
                        return Ok((found, line.offset));
                    }
                    bytes += line.row.len();
                    found.push(line);
                }
                if found.len() == limit || bytes >= MAX_BYTES || next == from {
                    return Ok((found, next));
                }
                from = next;
            }
        };
        match timeout(READ_TIME, read).await {
            Ok(read) => read.map_err(|error| edge::bus_problem(&error)),
            Err(_) => Err(Problem::unavailable(edge::RETRY_AFTER)
                .with_detail("too many are reading old lines")),
        }
    }
}

async fn bounds(reader: &impl LogReader, topic: &Topic) -> Result<Vec<Bounds>, BusError> {
    let told = timeout(PATIENCE, reader.bounds(topic)).await;
    told.unwrap_or_else(|late| Err(BusError::Unavailable(late.into())))
}

async fn file(request: Request) -> Result<Response, Problem> {
    let found = comptoir_pages::live().get(request.path(), request.headers());
    found.map(|response| response.map(Into::into)).ok_or_else(Problem::not_found)
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use comptoir_domain::port::bus::ReadLimit;
    use comptoir_domain::record::StoredRecord;
    use tokio::time::Instant;

    use super::*;

    /// A log that takes a question and never answers, as behind a network that is gone.
    #[derive(Clone)]
    struct Silent;

    impl LogReader for Silent {
        async fn bounds(&self, _: &Topic) -> Result<Vec<Bounds>, BusError> {
            pending().await
        }

        async fn read(
            &self,
            _: &TopicPartition,
            _: Offset,
            _: ReadLimit,
        ) -> Result<Vec<StoredRecord>, BusError> {
            pending().await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_log_is_not_waited_for_long() {
        let (topic, came) = (Topic::try_from("logs").unwrap(), Instant::now());
        let answer = bounds(&Silent, &topic).await;
        assert!(matches!(answer, Err(BusError::Unavailable(_))), "{answer:?}");
        assert_eq!(came.elapsed(), PATIENCE);
    }
}
