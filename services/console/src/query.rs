//! What `GET …/messages` is asked for.

use comptoir_domain::port::bus::Bounds;
use comptoir_domain::record::StoredRecord;
use comptoir_domain::topic::{Offset, Partition};
use comptoir_http::{Fields, Problem};

use crate::browse::Direction;

const DEFAULT_LIMIT: i64 = 50;
const MAX_LIMIT: i64 = 500;

/// The query, checked.
pub(crate) struct Query {
    pub(crate) direction: Direction,
    pub(crate) limit: usize,
    partitions: Option<Vec<u32>>,
    offset: u64,
    /// In lower case.
    text: Option<String>,
    cursor: Option<Vec<(Partition, Offset)>>,
}

impl Query {
    /// Reads the query.
    ///
    /// # Errors
    /// 422 names everything that is wrong with it.
    pub(crate) fn read(mut fields: Fields) -> Result<Self, Problem> {
        let mode = fields.text("mode").unwrap_or_else(|| "LATEST".to_owned());
        let direction = fields.convert("mode", Some(mode.as_str()), |mode| match mode {
            "LATEST" => Ok(Direction::Back),
            "EARLIEST" | "FROM_OFFSET" => Ok(Direction::Forth),
            _ => Err("must be LATEST, EARLIEST or FROM_OFFSET"),
        });
        let offset = if mode == "FROM_OFFSET" {
            fields.required_integer_in("offset", 0..=i64::MAX)
        } else {
            None
        };
        let limit = fields.integer_in("limit", 1..=MAX_LIMIT).unwrap_or(DEFAULT_LIMIT);
        let partitions = fields.text("partitions").filter(|text| !text.is_empty());
        let partitions = fields.convert("partitions", partitions, |text| {
            let numbers = text.split(',').map(str::parse).collect::<Result<Vec<u32>, _>>();
            numbers.map_err(|_| "must be numbers, separated by commas")
        });
        let cursor = fields.text("cursor").filter(|text| !text.is_empty());
        let cursor = fields.convert("cursor", cursor, |text| {
            read_cursor(&text).ok_or("must be what `next` was in the answer before")
        });
        let text = fields.text("q").filter(|text| !text.is_empty());
        let (direction,) = fields.complete((direction,))?;
        Ok(Self {
            direction,
            partitions,
            offset: offset.unwrap_or(0).unsigned_abs(),
            limit: usize::try_from(limit).unwrap_or(1),
            text: text.map(|text| text.to_lowercase()),
            cursor,
        })
    }

    /// Refuses partitions that the topic, which has so many, does not have.
    ///
    /// # Errors
    /// 422 names them.
    pub(crate) fn check_partitions(&self, count: usize) -> Result<(), Problem> {
        let wanted = self.partitions.iter().flatten();
        let beyond = wanted.filter(|&&partition| partition as usize >= count);
        let beyond: Vec<_> = beyond.map(ToString::to_string).collect();
        if beyond.is_empty() {
            return Ok(());
        }
        let (beyond, last) = (beyond.join(", "), count.saturating_sub(1));
        let detail = format!("must be from 0 to {last}; there is no {beyond}");
        Err(Problem::invalid_fields(Vec::new()).with_error("partitions", detail))
    }

    /// Where to begin in each partition that is wanted.
    pub(crate) fn places(&self, bounds: &[Bounds]) -> Vec<(Partition, Bounds, Offset)> {
        let wanted = |at: u32| self.partitions.as_ref().is_none_or(|some| some.contains(&at));
        let place = |at: u32, bounds: &Bounds| {
            if let Some(cursor) = &self.cursor {
                let place = cursor.iter().find(|(partition, _)| partition.0 == at);
                return place.map(|(_, offset)| *offset);
            }
            Some(match self.direction {
                Direction::Back => bounds.next,
                Direction::Forth => Offset(self.offset),
            })
        };
        let partitions = bounds.iter().zip(0..).filter(|&(_, at)| wanted(at));
        partitions
            .filter_map(|(bounds, at)| Some((Partition(at), *bounds, place(at, bounds)?)))
            .collect()
    }

    /// Whether key, value or a header of the record contains the text that is looked for.
    pub(crate) fn matches(&self, record: &StoredRecord) -> bool {
        let Some(text) = &self.text else { return true };
        let contains = |bytes: &[u8]| String::from_utf8_lossy(bytes).to_lowercase().contains(text);
        let record = &record.record;
        record.key.as_deref().is_some_and(contains)
            || record.value.as_deref().is_some_and(contains)
            || record.headers.iter().any(|(_, value)| contains(value))
    }
}

/// A cursor as clients hold it.
pub(crate) fn write_cursor(places: &[(Partition, Offset)]) -> String {
    let parts: Vec<_> = places.iter().map(|(at, offset)| format!("{at}:{offset}")).collect();
    parts.join(",")
}

fn read_cursor(text: &str) -> Option<Vec<(Partition, Offset)>> {
    let place = |part: &str| {
        let (at, offset) = part.split_once(':')?;
        Some((Partition(at.parse().ok()?), Offset(offset.parse().ok()?)))
    };
    text.split(',').map(place).collect()
}
