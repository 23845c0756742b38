//! `/` and `/ws` (page, or WebSocket), the page's files, `GET /api/meta`, `GET /api/lines`.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use comptoir_domain::port::bus::LogReader;
use comptoir_domain::port::platform::Log;
use comptoir_domain::topic::{Offset, Partition, TopicPartition};
use comptoir_http::resource::{path, with};
use comptoir_http::{Problem, Request, Resource, Response, Sockets, StatusCode, headers, reply};
use comptoir_runtime::context::Context;
use comptoir_runtime::edge;
use serde_json::json;
use tokio::time::timeout;
use uuid::Uuid;

use crate::follow::Follower;
use crate::history::Histories;
use crate::stream::{Opening, PROTOCOL};
use crate::window::Window;
use crate::{Ports, plain, stream};

/// How long `/api/lines` may take, the wait for its turn included.
const READ_TIME: Duration = Duration::from_secs(10);
/// The most lines that `/api/lines` gives at once.
const MAX_LINES: i64 = 1_000;

/// What the routes use.
pub(crate) struct Logs<L: Log> {
    pub(crate) window: Arc<Window>,
    pub(crate) reader: L::Reader,
    pub(crate) histories: Histories,
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
        return Err(Problem::unavailable(Duration::from_secs(1))
            .with_detail("the end of the log is not known yet"));
    };
    let follow = {
        let logs = Arc::clone(&logs);
        move |cursors| {
            let topic = logs.context.topics.logs.clone();
            let (window, reader) = (Arc::clone(&logs.window), logs.reader.clone());
            Follower::<L>::new(window, reader, topic, logs.histories.clone(), cursors)
        }
    };
    if handshake.protocol().is_none() {
        let follower = follow(latest);
        return Ok(handshake.accept(&logs.sockets, |socket| plain::run(socket, follower)));
    }
    let bounds = logs.reader.bounds(&logs.context.topics.logs).await;
    let bounds = bounds.map_err(|error| edge::bus_problem(&error))?;
    let earliest = bounds.iter().map(|bounds| bounds.earliest).collect();
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
    let bounds = logs.reader.bounds(&at.topic).await.map_err(|error| edge::bus_problem(&error))?;
    let Some(bounds) = bounds.get(partition.0 as usize) else {
        return Err(Problem::not_found());
    };
    let from = Offset(from.unsigned_abs()).min(bounds.next);
    let rows = logs.rows(at, from, usize::try_from(limit).unwrap_or(0)).await?;
    let mut body = format!(r#"{{"earliest":{},"next":{},"l":["#, bounds.earliest, bounds.next);
    for (n, row) in rows.iter().enumerate() {
        // Writing to a String cannot fail.
        let _ = write!(body, "{}{row}", if n == 0 { "" } else { "," });
    }
    body.push_str("]}");
    Ok(headers::no_store(reply::with_type(StatusCode::OK, "application/json", body)))
}

impl<L: Log> Logs<L> {
    async fn rows(
        &self,
        at: TopicPartition,
        from: Offset,
        limit: usize,
    ) -> Result<Vec<String>, Problem> {
        let read = async {
            let opening = self.histories.open::<_, L::Codec>(&self.reader, at, from);
            let (mut history, _) = opening.await?;
            let mut rows = Vec::new();
            loop {
                let before = history.next();
                let (lines, next) = history.read::<_, L::Codec>(&self.reader).await?;
                rows.extend(lines.iter().map(|line| line.row.clone()));
                if rows.len() >= limit || next == before {
                    rows.truncate(limit);
                    return Ok(rows);
                }
            }
        };
        match timeout(READ_TIME, read).await {
            Ok(rows) => rows.map_err(|error| edge::bus_problem(&error)),
            Err(_) => Err(Problem::unavailable(Duration::from_secs(1))
                .with_detail("too many are reading old lines")),
        }
    }
}

async fn file(request: Request) -> Result<Response, Problem> {
    let found = comptoir_pages::live().get(request.path(), request.headers());
    found.map(|response| response.map(Into::into)).ok_or_else(Problem::not_found)
}
