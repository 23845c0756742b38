//! The page and `GET /api/v1/…` (docs/pages-api.md).

use std::sync::Arc;
use std::time::Duration;

use comptoir_domain::port::bus::{Bounds, BusError, LogAdmin, LogReader, ReadLimit};
use comptoir_domain::port::platform::Log;
use comptoir_domain::record::StoredRecord;
use comptoir_domain::topic::{Offset, Partition, Topic, TopicPartition};
use comptoir_http::resource::{path, with};
use comptoir_http::{
    HeaderValue, Problem, Request, Resource, Response, StatusCode, header, headers, reply,
};
use comptoir_runtime::context::Context;
use comptoir_runtime::edge::bus_problem;
use serde_json::json;
use tokio::time::Instant;

use crate::browse::Walk;
use crate::message::{self, PREVIEW, WHOLE};
use crate::overview::{Groups, Snapshot};
use crate::query::{self, Query};
use crate::shared::Shared;

/// The most that one request's answer is kept for others.
const LONGEST_AGE: Duration = Duration::from_secs(1);

/// What the log told, to all who asked.
type Answer<T> = Arc<Result<T, BusError>>;

/// What the routes use.
pub(crate) struct Console<L: Log> {
    reader: L::Reader,
    admin: L::Admin,
    live_port: u16,
    context: Context,
    snapshot: Shared<Snapshot>,
    groups: Shared<Groups>,
    log_id: Shared<String>,
}

pub(crate) fn resources<L: Log>(console: &Arc<Console<L>>) -> Vec<Resource> {
    vec![
        path("/").get(with(console, page)),
        path("/ui").get(with(console, page)),
        path("/ui/{*}").get(with(console, page)),
        path("/assets/{*}").get(file),
        path("/api/v1/overview").get(with(console, overview)),
        path("/api/v1/topics/{topic}").get(with(console, topic)),
        path("/api/v1/topics/{topic}/messages").get(with(console, messages)),
        path("/api/v1/topics/{topic}/messages/{partition}/{offset}").get(with(console, one)),
        path("/api/v1/groups").get(with(console, groups)),
        path("/api/v1/groups/{group}").get(with(console, group)),
    ]
}

/// One document for every page; its script looks at the path.
async fn page<L: Log>(console: Arc<Console<L>>, request: Request) -> Result<Response, Problem> {
    console.context.hosts.check(request.headers())?;
    Ok(comptoir_pages::console().index(&[], request.headers()).map(Into::into))
}

async fn file(request: Request) -> Result<Response, Problem> {
    let found = comptoir_pages::console().get(request.path(), request.headers());
    found.map(|response| response.map(Into::into)).ok_or_else(Problem::not_found)
}

async fn overview<L: Log>(console: Arc<Console<L>>, request: Request) -> Result<Response, Problem> {
    let snapshot = console.snapshot(&request).await?;
    let log_id = async {
        let log_id = console.admin.log_id(&console.context.topics.notifications).await?;
        Ok(log_id.to_string())
    };
    let log_id = console.log_id.get(max_age(&request), log_id).await;
    let mut overview = told(&snapshot)?.overview(L::MODE, console.context.clock.now());
    overview["log_id"] = told(&log_id)?.as_str().into();
    overview["ports"] = json!({"logs": console.live_port});
    Ok(answer(&overview))
}

async fn topic<L: Log>(console: Arc<Console<L>>, request: Request) -> Result<Response, Problem> {
    let snapshot = console.snapshot(&request).await?;
    let topic = told(&snapshot)?.topic(request.param("topic"));
    topic.map(|topic| answer(&topic)).ok_or_else(no_topic)
}

async fn groups<L: Log>(console: Arc<Console<L>>, request: Request) -> Result<Response, Problem> {
    let groups = console.groups(&request).await?;
    Ok(answer(&told(&groups)?.lines()))
}

async fn group<L: Log>(console: Arc<Console<L>>, request: Request) -> Result<Response, Problem> {
    let groups = console.groups(&request).await?;
    let group = told(&groups)?.one(request.param("group"));
    group.map(|group| answer(&group)).ok_or_else(|| {
        Problem::not_found()
            .with_kind("group-not-found", "There is no such group")
            .with_hint("GET /api/v1/groups lists all groups.")
    })
}

async fn messages<L: Log>(console: Arc<Console<L>>, request: Request) -> Result<Response, Problem> {
    console.context.hosts.check(request.headers())?;
    let query = Query::read(request.query()?)?;
    let (topic, bounds) = console.bounds(&request).await?;
    query.check_partitions(bounds.len())?;
    let began = Instant::now();
    let walk = Walk::new(&topic, query.direction, query.places(&bounds));
    let found = walk.find(&console.reader, query.limit, |record| query.matches(record)).await;
    let found = found.map_err(|error| bus_problem(&error))?;
    let full = found.records.len() == query.limit;
    let list = found.records.iter();
    let list = list.map(|(at, record)| message::view::<L::Codec>(*at, record, PREVIEW));
    Ok(answer(&json!({
        "messages": list.collect::<Vec<_>>(),
        "next": found.next.as_deref().map(query::write_cursor),
        "scanned": found.scanned,
        "matched": found.records.len(),
        "elapsed_ms": u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        "done": full || found.next.is_none(),
    })))
}

async fn one<L: Log>(console: Arc<Console<L>>, request: Request) -> Result<Response, Problem> {
    console.context.hosts.check(request.headers())?;
    let raw = request.query()?.text("raw");
    let (topic, bounds) = console.bounds(&request).await?;
    let number = |name: &str| request.param(name).parse::<u64>().ok();
    let partition = number("partition").and_then(|n| u32::try_from(n).ok()).map(Partition);
    let place = partition.zip(number("offset").map(Offset));
    let exists = |(at, offset): &(Partition, Offset)| {
        let bounds = bounds.get(at.0 as usize);
        bounds.is_some_and(|b| (b.earliest..b.next).contains(offset))
    };
    let (partition, offset) = place.filter(exists).ok_or_else(no_record)?;
    let at = TopicPartition { topic, partition };
    let limit = ReadLimit { records: 1, bytes: 1, wait: Duration::ZERO };
    let read =
        console.reader.read(&at, offset, limit).await.map_err(|error| bus_problem(&error))?;
    let record = read.into_iter().find(|record| record.offset == offset).ok_or_else(no_record)?;
    if raw.as_deref() == Some("value") {
        return Ok(download(record, &at));
    }
    Ok(answer(&message::view::<L::Codec>(partition, &record, WHOLE)))
}

/// The bytes of a value, as a file: never shown as a page of ours.
fn download(record: StoredRecord, at: &TopicPartition) -> Response {
    let name = format!("{}-{}-{}.bin", at.topic, at.partition, record.offset);
    let value = record.record.value.unwrap_or_default();
    let mut response = reply::with_type(StatusCode::OK, "application/octet-stream", value);
    if let Ok(disposition) = HeaderValue::try_from(format!("attachment; filename=\"{name}\"")) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, disposition);
    }
    headers::no_store(response)
}

impl<L: Log> Console<L> {
    /// A console that links to the live page on `live_port`.
    pub(crate) fn new(platform: &L, live_port: u16, context: Context) -> Self {
        let (reader, admin) = (platform.reader(), platform.admin());
        let (snapshot, groups, log_id) = Default::default();
        Self { reader, admin, live_port, context, snapshot, groups, log_id }
    }

    async fn snapshot(&self, request: &Request) -> Result<Answer<Snapshot>, Problem> {
        self.context.hosts.check(request.headers())?;
        Ok(self.snapshot.get(max_age(request), Snapshot::ask(&self.admin)).await)
    }

    async fn groups(&self, request: &Request) -> Result<Answer<Groups>, Problem> {
        self.context.hosts.check(request.headers())?;
        Ok(self.groups.get(max_age(request), Groups::ask(&self.admin, &self.reader)).await)
    }

    async fn bounds(&self, request: &Request) -> Result<(Topic, Vec<Bounds>), Problem> {
        let topic = Topic::try_from(request.param("topic")).map_err(|_| no_topic())?;
        if is_internal(&topic) {
            return Err(no_topic());
        }
        match self.reader.bounds(&topic).await {
            Ok(bounds) => Ok((topic, bounds)),
            Err(BusError::UnknownTopic { .. }) => Err(no_topic()),
            Err(error) => Err(bus_problem(&error)),
        }
    }
}

/// How old an answer may be: none says so itself, so only what `Cache-Control: max-age` allows, and
/// never more than [`LONGEST_AGE`].
pub(crate) fn max_age(request: &Request) -> Duration {
    let control =
        request.headers().get(header::CACHE_CONTROL).and_then(|value| value.to_str().ok());
    let mut directives = control.unwrap_or_default().split(',');
    let age = directives.find_map(|it| it.trim().strip_prefix("max-age=")?.parse().ok());
    age.map_or(Duration::ZERO, Duration::from_secs).min(LONGEST_AGE)
}

pub(crate) fn told<T>(answer: &Answer<T>) -> Result<&T, Problem> {
    answer.as_ref().as_ref().map_err(bus_problem)
}

pub(crate) fn answer(value: &(impl serde::Serialize + ?Sized)) -> Response {
    headers::no_store(reply::json(StatusCode::OK, value))
}

/// A topic of the log's own, such as Kafka's `__consumer_offsets`: no list shows it.
fn is_internal(topic: &Topic) -> bool {
    topic.as_str().starts_with("__")
}

fn no_topic() -> Problem {
    Problem::not_found()
        .with_kind("topic-not-found", "There is no such topic")
        .with_hint("GET /api/v1/overview lists all topics.")
}

fn no_record() -> Problem {
    Problem::not_found()
        .with_kind("record-not-found", "There is no such record")
        .with_hint("GET /api/v1/topics/{topic} tells the offsets of every partition.")
}
