//! What is asked of dead letters: which to show, and which to put back.

use std::ops::Bound;

use comptoir_domain::dead_letters::{LetterState, Place};
use comptoir_domain::time::Timestamp;
use comptoir_domain::topic::{Offset, Partition};
use comptoir_http::body::BodyLimits;
use comptoir_http::{FieldError, Fields, HeaderMap, Problem, Request, header};
use serde_json::Value;

use super::view;

const DEFAULT_LIMIT: i64 = 50;
const MAX_LIMIT: i64 = 100;

/// Which letters to show.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) limit: usize,
    /// Behind which one to begin.
    pub(super) cursor: Option<Place>,
    state: Option<String>,
}

impl Query {
    /// # Errors
    /// 422 names everything that is wrong with it.
    pub(super) fn read(mut fields: Fields) -> Result<Self, Problem> {
        let limit = fields.integer_in("limit", 1..=MAX_LIMIT).unwrap_or(DEFAULT_LIMIT);
        let cursor = fields.text("cursor").filter(|text| !text.is_empty());
        let cursor = fields.convert("cursor", cursor, |text| {
            read_cursor(&text).ok_or("must be what `next` was in the answer before")
        });
        let state = fields.text("state").filter(|text| !text.is_empty());
        let state = fields.convert("state", state, |state| {
            if view::STATES.contains(&state.as_str()) {
                Ok(state)
            } else {
                Err("must be open, replayed or not_replayable")
            }
        });
        fields.check()?;
        Ok(Self { limit: usize::try_from(limit).unwrap_or(1), cursor, state })
    }

    pub(super) fn wants(&self, state: &LetterState) -> bool {
        self.state.as_deref().is_none_or(|wanted| wanted == view::state(state))
    }
}

/// A cursor as clients hold it.
pub(super) fn write_cursor(place: Place) -> String {
    format!("{}:{}:{}", place.time.as_millis(), place.partition, place.offset)
}

fn read_cursor(text: &str) -> Option<Place> {
    let mut parts = text.splitn(3, ':');
    let time = Timestamp::from_millis(parts.next()?.parse().ok()?);
    let partition = Partition(parts.next()?.parse().ok()?);
    Some(Place { time, partition, offset: Offset(parts.next()?.parse().ok()?) })
}

/// How far somebody has come who puts back all that was open when it began. What dies again meanwhile is
/// not among it, or there would be no end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Progress {
    /// Behind which letter to go on.
    pub(super) after: Option<Place>,
    /// The newest letter when it began.
    pub(super) up_to: Place,
}

impl Progress {
    pub(super) const fn left(self) -> (Bound<Place>, Bound<Place>) {
        let after = match self.after {
            Some(place) => Bound::Excluded(place),
            None => Bound::Unbounded,
        };
        (after, Bound::Included(self.up_to))
    }

    /// As clients hold it.
    pub(super) fn write(self) -> String {
        let after = self.after.map(write_cursor).unwrap_or_default();
        format!("{after},{}", write_cursor(self.up_to))
    }

    fn read(text: &str) -> Option<Self> {
        let (after, up_to) = text.split_once(',')?;
        let up_to = read_cursor(up_to)?;
        let after = if after.is_empty() { None } else { Some(read_cursor(after)?) };
        // Whoever asks for what lies behind the end gets nothing.
        let after = after.map(|after| after.min(up_to));
        Some(Self { after, up_to })
    }
}

/// Which letters to put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// All that can be; from the beginning without a cursor.
    All(Option<Progress>),
    /// The one at that place of the dead-letter topic.
    One(Partition, Offset),
}

impl Order {
    /// Reads the order from a JSON body. No other type is taken: a form is something that a page of
    /// somebody else's can send without being asked whether it may.
    ///
    /// # Errors
    /// 415 for another type, 400 for what is no JSON object, 422 for one that orders nothing.
    pub(super) async fn read(request: &mut Request) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            let problem = Problem::unsupported_media_type("only JSON is taken here");
            return Err(problem.with_hint("Send `Content-Type: application/json`."));
        }
        let body = request.bytes(BodyLimits::default()).await?;
        let Ok(Value::Object(fields)) = serde_json::from_slice(&body) else {
            return Err(Problem::bad_request("the body is not a JSON object")
                .with_kind("malformed-body", "The body cannot be read"));
        };
        Self::of(&|name| fields.get(name).filter(|value| !value.is_null()))
            .map_err(Problem::invalid_fields)
    }

    fn of<'a>(field: &dyn Fn(&str) -> Option<&'a Value>) -> Result<Self, Vec<FieldError>> {
        let number = |name: &str| field(name).map(Value::as_u64);
        let partition = number("partition").map(|n| n.and_then(|n| u32::try_from(n).ok()));
        let offset = number("offset");
        match (field("all"), partition, offset) {
            (Some(Value::Bool(true)), None, None) => Self::all(field("cursor")),
            (None, Some(Some(partition)), Some(Some(offset))) => {
                Ok(Self::One(Partition(partition), Offset(offset)))
            }
            (Some(_), _, _) => {
                Err(vec![wrong("all", "must be true, without partition and offset")])
            }
            (None, partition, offset) => {
                let names = [
                    ("partition", partition.flatten().is_none()),
                    ("offset", offset.flatten().is_none()),
                ];
                let wrong_ones = names.into_iter().filter(|(_, is_wrong)| *is_wrong);
                Err(wrong_ones
                    .map(|(name, _)| wrong(name, "must be a whole number, or `all` true"))
                    .collect())
            }
        }
    }

    fn all(cursor: Option<&Value>) -> Result<Self, Vec<FieldError>> {
        let Some(cursor) = cursor else { return Ok(Self::All(None)) };
        let progress = cursor.as_str().and_then(Progress::read);
        let progress = progress
            .ok_or_else(|| vec![wrong("cursor", "must be what `next` was in the answer before")])?;
        Ok(Self::All(Some(progress)))
    }
}

fn wrong(field: &str, detail: &str) -> FieldError {
    FieldError { field: field.to_owned(), detail: detail.to_owned() }
}

fn is_json(headers: &HeaderMap) -> bool {
    let declared = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = declared.unwrap_or_default().split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}
