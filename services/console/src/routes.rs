//! The page and `GET /api/v1/…` (docs/pages-api.md).

use std::sync::Arc;

use comptoir_domain::port::bus::{Bounds, LogAdmin, LogReader, ReadLimit};
use comptoir_domain::port::platform::Platform;
use comptoir_domain::record::StoredRecord;
use comptoir_domain::topic::{Offset, Partition, Topic, TopicPartition};
use comptoir_http::resource::{path, with};
use comptoir_http::{
    Fields, HeaderValue, Problem, Request, Resource, Response, StatusCode, header, headers, reply,
};
use comptoir_runtime::context::Context;
use comptoir_runtime::edge::bus_problem;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::browse::{Direction, Walk};
use crate::message::{self, PREVIEW_BYTES, WHOLE_BYTES};
use crate::overview::Snapshot;

const DEFAULT_LIMIT: i64 = 50;
const MAX_LIMIT: i64 = 500;

/// What the routes use.
pub(crate) struct Console<P: Platform> {
    pub(crate) reader: P::Reader,
    pub(crate) admin: P::Admin,
    pub(crate) live_port: u16,
    pub(crate) context: Context,
}

pub(crate) fn resources<P: Platform>(console: &Arc<Console<P>>) -> Vec<Resource> {
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
async fn page<P: Platform>(
    console: Arc<Console<P>>,
    request: Request,
) -> Result<Response, Problem> {
    console.context.hosts.check(request.headers())?;
    Ok(comptoir_pages::console()
        .index(&[], request.headers())
        .map(Into::into))
}

async fn file(request: Request) -> Result<Response, Problem> {
    let found = comptoir_pages::console().get(request.path(), request.headers());
    found
        .map(|response| response.map(Into::into))
        .ok_or_else(Problem::not_found)
}

async fn overview<P: Platform>(
    console: Arc<Console<P>>,
    request: Request,
) -> Result<Response, Problem> {
    let snapshot = console.snapshot(&request).await?;
    let log_id = console
        .admin
        .log_id()
        .await
        .map_err(|error| bus_problem(&error))?;
    let mut overview = snapshot.overview(P::MODE, console.context.clock.now());
    overview["log_id"] = log_id.to_string().into();
    overview["ports"] = json!({"logs": console.live_port});
    Ok(answer(&overview))
}

async fn topic<P: Platform>(
    console: Arc<Console<P>>,
    request: Request,
) -> Result<Response, Problem> {
    let snapshot = console.snapshot(&request).await?;
    snapshot
        .topic(request.param("topic"))
        .map(|topic| answer(&topic))
        .ok_or_else(no_topic)
}

async fn groups<P: Platform>(
    console: Arc<Console<P>>,
    request: Request,
) -> Result<Response, Problem> {
    Ok(answer(&console.snapshot(&request).await?.group_lines()))
}

async fn group<P: Platform>(
    console: Arc<Console<P>>,
    request: Request,
) -> Result<Response, Problem> {
    let snapshot = console.snapshot(&request).await?;
    let group = snapshot.group(request.param("group"));
    group.map(|group| answer(&group)).ok_or_else(|| {
        Problem::not_found()
            .with_kind("group-not-found", "There is no such group")
            .with_hint("GET /api/v1/groups lists all groups.")
    })
}

/// What `…/messages` is asked for.
struct Query {
    direction: Direction,
    partitions: Option<Vec<u32>>,
    offset: u64,
    limit: usize,
    text: Option<String>,
    cursor: Option<Vec<(Partition, Offset)>>,
}

async fn messages<P: Platform>(
    console: Arc<Console<P>>,
    request: Request,
) -> Result<Response, Problem> {
    console.context.hosts.check(request.headers())?;
    let query = read_query(request.query()?)?;
    let (topic, bounds) = console.bounds(&request).await?;
    let began = Instant::now();
    let walk = Walk::new(&topic, query.direction, places(&query, &bounds));
    let wanted = query.text.as_deref().map(str::to_lowercase);
    let matches = |record: &StoredRecord| wanted.as_deref().is_none_or(|text| has(record, text));
    let found = walk.find(&console.reader, query.limit, matches).await;
    let found = found.map_err(|error| bus_problem(&error))?;
    let full = found.records.len() == query.limit;
    let list = found.records.iter();
    let list = list.map(|(at, record)| message::view::<P::Codec>(*at, record, PREVIEW_BYTES));
    Ok(answer(&json!({
        "messages": list.collect::<Vec<_>>(),
        "next": found.next.as_deref().map(write_cursor),
        "scanned": found.scanned,
        "matched": found.records.len(),
        "elapsed_ms": u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        "done": full || found.next.is_none(),
    })))
}

fn read_query(mut fields: Fields) -> Result<Query, Problem> {
    let mode = fields.text("mode").unwrap_or_else(|| "LATEST".to_owned());
    let direction = fields.convert("mode", Some(mode.as_str()), |mode| match mode {
        "LATEST" => Ok(Direction::Back),
        "EARLIEST" | "FROM_OFFSET" => Ok(Direction::Forth),
        _ => Err("must be LATEST, EARLIEST or FROM_OFFSET"),
    });
    let offset = if mode == "FROM_OFFSET" {
        fields.required_integer_in("offset", 0..=i64::MAX)
    } else {
        fields.integer_in("offset", 0..=i64::MAX).and(None)
    };
    let limit = fields
        .integer_in("limit", 1..=MAX_LIMIT)
        .unwrap_or(DEFAULT_LIMIT);
    let partitions = fields.text("partitions").filter(|text| !text.is_empty());
    let partitions = fields.convert("partitions", partitions, |text| {
        let numbers = text
            .split(',')
            .map(str::parse)
            .collect::<Result<Vec<u32>, _>>();
        numbers.map_err(|_| "must be numbers, separated by commas")
    });
    let cursor = fields.text("cursor").filter(|text| !text.is_empty());
    let cursor = fields.convert("cursor", cursor, |text| {
        read_cursor(&text).ok_or("must be what `next` was in the answer before")
    });
    let text = fields.text("q").filter(|text| !text.is_empty());
    let (direction,) = fields.complete((direction,))?;
    Ok(Query {
        direction,
        partitions,
        offset: offset.unwrap_or(0).unsigned_abs(),
        limit: usize::try_from(limit).unwrap_or(1),
        text,
        cursor,
    })
}

/// Where the walk begins in each partition that is wanted.
fn places(query: &Query, bounds: &[Bounds]) -> Vec<(Partition, Bounds, Offset)> {
    let wanted = |at: &u32| {
        query
            .partitions
            .as_ref()
            .is_none_or(|some| some.contains(at))
    };
    let place = |at: u32, bounds: &Bounds| {
        if let Some(cursor) = &query.cursor {
            let place = cursor.iter().find(|(partition, _)| partition.0 == at);
            return place.map(|(_, offset)| *offset);
        }
        Some(match query.direction {
            Direction::Back => bounds.next,
            Direction::Forth => Offset(query.offset),
        })
    };
    let partitions = bounds.iter().zip(0_u32..).filter(|(_, at)| wanted(at));
    partitions
        .filter_map(|(bounds, at)| Some((Partition(at), *bounds, place(at, bounds)?)))
        .collect()
}

/// Whether key, value or a header contains a lower-case text.
fn has(record: &StoredRecord, text: &str) -> bool {
    let record = &record.record;
    let contains = |bytes: &[u8]| String::from_utf8_lossy(bytes).to_lowercase().contains(text);
    let headers = record.headers.iter().map(|(_, value)| value.as_slice());
    let parts = record
        .key
        .as_deref()
        .into_iter()
        .chain(record.value.as_deref())
        .chain(headers);
    parts.into_iter().any(contains)
}

async fn one<P: Platform>(console: Arc<Console<P>>, request: Request) -> Result<Response, Problem> {
    console.context.hosts.check(request.headers())?;
    let raw = request.query()?.text("raw");
    let (topic, bounds) = console.bounds(&request).await?;
    let number = |name: &str| request.param(name).parse::<u64>().ok();
    let partition = number("partition")
        .and_then(|n| u32::try_from(n).ok())
        .map(Partition);
    let place = partition.zip(number("offset").map(Offset));
    let exists = |(at, offset): &(Partition, Offset)| {
        let bounds = bounds.get(at.0 as usize);
        bounds.is_some_and(|b| (b.earliest..b.next).contains(offset))
    };
    let (partition, offset) = place.filter(exists).ok_or_else(no_record)?;
    let at = TopicPartition { topic, partition };
    let limit = ReadLimit {
        records: 1,
        bytes: 1,
        wait: std::time::Duration::ZERO,
    };
    let read = console
        .reader
        .read(&at, offset, limit)
        .await
        .map_err(|error| bus_problem(&error))?;
    let record = read
        .into_iter()
        .find(|record| record.offset == offset)
        .ok_or_else(no_record)?;
    if raw.as_deref() == Some("value") {
        return Ok(download(record, &at));
    }
    Ok(answer(&message::view::<P::Codec>(
        partition,
        &record,
        WHOLE_BYTES,
    )))
}

/// The bytes of a value, as a file: never shown as a page of ours.
fn download(record: StoredRecord, at: &TopicPartition) -> Response {
    let name = format!("{}-{}-{}.bin", at.topic, at.partition, record.offset);
    let value = record.record.value.unwrap_or_default();
    let mut response = reply::with_type(StatusCode::OK, "application/octet-stream", value);
    if let Ok(disposition) = HeaderValue::try_from(format!("attachment; filename=\"{name}\"")) {
        response
            .headers_mut()
            .insert(header::CONTENT_DISPOSITION, disposition);
    }
    headers::no_store(response)
}

impl<P: Platform> Console<P> {
    async fn snapshot(&self, request: &Request) -> Result<Snapshot, Problem> {
        self.context.hosts.check(request.headers())?;
        let topics = self
            .admin
            .topics()
            .await
            .map_err(|error| bus_problem(&error))?;
        let groups = self
            .admin
            .groups()
            .await
            .map_err(|error| bus_problem(&error))?;
        Ok(Snapshot { topics, groups })
    }

    async fn bounds(&self, request: &Request) -> Result<(Topic, Vec<Bounds>), Problem> {
        let topic = Topic::try_from(request.param("topic")).map_err(|_| no_topic())?;
        let bounds = self
            .reader
            .bounds(&topic)
            .await
            .map_err(|error| bus_problem(&error))?;
        Ok((topic, bounds))
    }
}

fn answer(value: &(impl serde::Serialize + ?Sized)) -> Response {
    headers::no_store(reply::json(StatusCode::OK, value))
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

fn write_cursor(places: &[(Partition, Offset)]) -> Value {
    let parts: Vec<_> = places
        .iter()
        .map(|(at, offset)| format!("{at}:{offset}"))
        .collect();
    parts.join(",").into()
}

fn read_cursor(text: &str) -> Option<Vec<(Partition, Offset)>> {
    let place = |part: &str| {
        let (at, offset) = part.split_once(':')?;
        Some((Partition(at.parse().ok()?), Offset(offset.parse().ok()?)))
    };
    text.split(',').map(place).collect()
}
