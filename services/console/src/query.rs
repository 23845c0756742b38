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

#[cfg(test)]
mod tests {
    use comptoir_domain::topic::Topic;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;
    use crate::browse::Walk;

    fn any_query() -> impl Strategy<Value = String> {
        let names = vec!["mode", "offset", "limit", "partitions", "cursor", "q", "x"];
        let value = prop_oneof![
            select(vec!["LATEST", "EARLIEST", "FROM_OFFSET", "-1", "0", "500", "501", ""])
                .prop_map(str::to_owned),
            "[0-9]{1,22}",
            "([0-9]{1,3}[:,]){0,9}[0-9]{0,21}",
            "(%[0-9a-f]{2}|\\PC){0,8}",
        ];
        vec((select(names), value), 0..6).prop_map(|fields| {
            let fields = fields.iter().map(|(name, value)| format!("{name}={value}"));
            fields.collect::<Vec<_>>().join("&")
        })
    }

    proptest! {
        #[test]
        fn any_query_is_places_in_the_log_or_a_problem(
            raw in any_query(),
            bounds in vec((0..1_000_u64, 0..1_000_u64), 0..4),
        ) {
            let read = Fields::from_query(&raw).and_then(Query::read);
            let query = match read {
                Ok(query) => query,
                Err(problem) => {
                    prop_assert!([400, 422].contains(&problem.status().as_u16()));
                    return Ok(());
                }
            };
            let bounds = bounds.into_iter().map(|(earliest, more)| Bounds {
                earliest: Offset(earliest),
                next: Offset(earliest + more),
            });
            let bounds: Vec<_> = bounds.collect();
            prop_assert!((1..=500).contains(&query.limit));
            let places = query.places(&bounds);
            prop_assert!(places.len() <= bounds.len());
            let topic = Topic::try_from("t").unwrap();
            Walk::new(&topic, query.direction, places);
        }

        #[test]
        fn a_cursor_reads_back(places in vec((any::<u32>(), any::<u64>()), 1..9)) {
            let places: Vec<_> =
                places.into_iter().map(|(at, offset)| (Partition(at), Offset(offset))).collect();
            prop_assert_eq!(read_cursor(&write_cursor(&places)), Some(places));
        }
    }
}
