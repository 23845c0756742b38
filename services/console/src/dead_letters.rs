//! The dead letters of the shop's topics: what there is, and putting it back.

mod order;
mod replaying;
mod routes;
mod view;

use std::time::Duration;

use comptoir_domain::app::read_dead_letters::ReadDeadLetters;
use comptoir_domain::app::replay_dead_letter::ReplayDeadLetter;
use comptoir_domain::dead_letters::{Counts, Found, LetterState, Letters, Place};
use comptoir_domain::port::bus::BusError;
use comptoir_domain::port::codec::StoredLetter;
use comptoir_domain::port::platform::Log;
use comptoir_domain::topic::{Offset, Partition, Topic};
use comptoir_http::{Problem, StatusCode};
use comptoir_runtime::context::Context;
use comptoir_runtime::edge::bus_problem;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

pub(crate) use routes::resources;

use crate::message::PREVIEW;
use crate::shared::Shared;

/// Letters that are known of one topic at a time; each takes some 200 bytes.
const MOST_LETTERS: usize = 100_000;
/// How long the log, or somebody else's turn, is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// Letters that are read at a time.
const AT_A_TIME: usize = 8;

type Reading<L> = ReadDeadLetters<<L as Log>::Reader, <L as Log>::Admin, <L as Log>::Codec>;
type Replaying<L> = ReplayDeadLetter<<L as Log>::Publisher, <L as Log>::Codec>;

/// What the routes use.
pub(crate) struct DeadLetters<L: Log> {
    desks: Vec<Desk>,
    reading: Reading<L>,
    replaying: Replaying<L>,
    counted: Shared<Vec<Counted>>,
    context: Context,
}

/// One topic.
struct Desk {
    topic: Topic,
    letters: Mutex<Letters>,
    /// Whoever puts letters back holds it: two at a time would put the same ones back.
    turn: Mutex<()>,
}

/// How many dead letters a topic has.
struct Counted {
    topic: Topic,
    counts: Counts,
    strange: u64,
    left_out: u64,
    unread: u64,
}

/// A letter with what stands on its topic.
struct Letter {
    found: Found,
    stored: StoredLetter,
}

impl<L: Log> DeadLetters<L> {
    pub(crate) fn new(platform: &L, context: Context) -> Self {
        let topics = &context.topics;
        let mut topics = [&topics.inventories, &topics.logs, &topics.notifications, &topics.stock]
            .map(Topic::clone);
        topics.sort();
        let desk = |topic: Topic| Desk {
            letters: Mutex::new(Letters::new(topic.clone(), MOST_LETTERS)),
            turn: Mutex::default(),
            topic,
        };
        Self {
            desks: topics.into_iter().map(desk).collect(),
            reading: ReadDeadLetters::new(platform.reader(), platform.admin()),
            replaying: ReplayDeadLetter::new(platform.publisher(), context.clock.clone()),
            counted: Shared::default(),
            context,
        }
    }

    fn desk(&self, topic: &str) -> Result<&Desk, Problem> {
        self.desks.iter().find(|desk| desk.topic.as_str() == topic).ok_or_else(|| {
            Problem::not_found()
                .with_kind("topic-not-found", "There is no such topic with dead letters")
                .with_hint("GET /api/v1/dead-letters lists the topics that have them.")
        })
    }

    /// Counts all topics, one after the other.
    async fn count(&self) -> Result<Vec<Counted>, BusError> {
        let mut all = Vec::with_capacity(self.desks.len());
        for desk in &self.desks {
            let mut letters = desk.letters.lock().await;
            let unread = self.reading.catch_up(&mut letters).await?;
            let (strange, left_out) = (letters.strange(), letters.left_out());
            let (topic, counts) = (desk.topic.clone(), letters.counts());
            all.push(Counted { topic, counts, strange, left_out, unread });
        }
        Ok(all)
    }

    /// Brings a topic's letters up to date; how many records are left to read.
    async fn catch_up(&self, desk: &Desk) -> Result<u64, Problem> {
        let reading = async {
            let mut letters = desk.letters.lock().await;
            self.reading.catch_up(&mut letters).await
        };
        in_time(reading).await.map_err(|error| bus_problem(&error))
    }

    /// The same to the end. What is put back on half the knowledge may have been put back before.
    async fn catch_up_with_all(&self, desk: &Desk) -> Result<(), Problem> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.catch_up(desk).await? {
                0 => return Ok(()),
                unread if Instant::now() >= deadline => {
                    return Err(Problem::unavailable(Duration::from_secs(1))
                        .with_kind("dead-letters-unread", "The dead letters are still being read")
                        .with_detail(format!("{unread} records are left")));
                }
                _ => {}
            }
        }
    }

    /// Letters in that state, newest first, from behind a place on. Each is cut to a preview as soon as
    /// it was read: a page of whole ones could be 200 MB.
    async fn page(
        &self,
        desk: &Desk,
        query: &order::Query,
    ) -> Result<(Vec<Value>, Option<Place>), Problem> {
        let mut found: Vec<_> = {
            let letters = desk.letters.lock().await;
            let all = letters.newest_first(query.cursor);
            all.filter(|found| query.wants(&found.state)).take(query.limit + 1).collect()
        };
        let more = found.len() > query.limit;
        found.truncate(query.limit);
        let next = found.last().map(|last| last.place).filter(|_| more);
        let preview = |letter| view::letter::<L::Codec>(letter, PREVIEW);
        let reading = found.into_iter().map(async |found| {
            let letter = self.read(desk, found).await?;
            Ok::<_, BusError>(letter.map(preview))
        });
        let read = in_time(stream::iter(reading).buffered(AT_A_TIME).try_collect::<Vec<_>>()).await;
        let read = read.map_err(|error| bus_problem(&error))?;
        // What retention took in this moment is gone.
        Ok((read.into_iter().flatten().collect(), next))
    }

    async fn read(&self, desk: &Desk, found: Found) -> Result<Option<Letter>, BusError> {
        let Place { partition, offset, .. } = found.place;
        let stored = self.reading.letter(&desk.topic, partition, offset).await?;
        Ok(stored.map(|stored| Letter { found, stored }))
    }

    /// The letter that stands there. An older copy leads to the newest, which may be whole where it is not.
    async fn letter_at(
        &self,
        desk: &Desk,
        (partition, offset): (Partition, Offset),
    ) -> Result<Letter, Problem> {
        let reading = in_time(self.reading.letter(&desk.topic, partition, offset)).await;
        let stored = reading.map_err(|error| bus_problem(&error))?.ok_or_else(no_letter)?;
        let Some(found) = desk.letters.lock().await.of(&stored.letter.source) else {
            // It was left out for want of room.
            let place = Place { time: stored.letter.time, partition, offset };
            let cut = stored.cut_from.is_some();
            let state = if cut { LetterState::Cut } else { LetterState::Open };
            return Ok(Letter { found: Found { place, state, copies: 1 }, stored });
        };
        if (found.place.partition, found.place.offset) == (partition, offset) {
            return Ok(Letter { found, stored });
        }
        let newest = in_time(self.read(desk, found)).await.map_err(|error| bus_problem(&error))?;
        newest.ok_or_else(no_letter)
    }
}

fn no_letter() -> Problem {
    Problem::not_found()
        .with_kind("dead-letter-not-found", "There is no such dead letter")
        .with_hint("GET /api/v1/topics/{topic}/dead-letters lists them with their places.")
}

fn busy() -> Problem {
    Problem::new(
        StatusCode::CONFLICT,
        "replay-under-way",
        "Dead letters of this topic are being put back already",
        "Wait a moment, then look what is left.",
    )
}

/// An answer of the log, unless it takes too long.
async fn in_time<T>(asking: impl Future<Output = Result<T, BusError>>) -> Result<T, BusError> {
    let told = timeout(PATIENCE, asking).await;
    told.unwrap_or_else(|late| Err(BusError::Unavailable(late.into())))
}
