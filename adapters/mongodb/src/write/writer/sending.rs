//! Sending writes until it is known what became of each.

use std::collections::HashMap;
use std::time::Duration;

use comptoir_domain::port::store::Version;
use mongodb::bson::RawArrayBuf;
use mongodb::bson::oid::ObjectId;
use tokio::time::{Instant, sleep};

use super::{Answer, Desk, Outcome};
use crate::document::Found;
use crate::error::{Failure, Malformed, is_passing_code};
use crate::table::{Query, Verb};
use crate::write::{Write, errors, matched, unconfirmed};

/// The most statements of one command, and the most bytes of theirs; a command's document may have
/// 16 MiB.
const MOST_STATEMENTS: usize = 500;
const MOST_BYTES: usize = 8 << 20;

const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

const DUPLICATE: i32 = 11_000;

/// Who made the last versions of a document.
#[derive(Debug)]
struct Made {
    id: String,
    version: Version,
    write_ids: Vec<(String, ObjectId)>,
}

impl Made {
    /// One that cannot be read must not keep the others from being told of theirs.
    fn read(found: Found<'_>) -> Result<Self, Malformed> {
        let write_ids = found.part("write_ids").ok().flatten();
        let write_ids = write_ids.into_iter().flatten().flatten();
        let write_ids =
            write_ids.filter_map(|(version, id)| Some((version.to_string(), id.as_object_id()?)));
        Ok(Self {
            id: found.id()?.to_owned(),
            version: found.version().unwrap_or(Version(u64::MAX)),
            write_ids: write_ids.collect(),
        })
    }

    fn is_by(&self, write: &Write) -> bool {
        let version = write.version().0.to_string();
        self.write_ids.iter().any(|(made, by)| *made == version && *by == write.save_id)
    }
}

/// Writes of one command, and what is known of them.
struct Batch<'a> {
    writes: &'a [Write],
    outcomes: Vec<Option<Result<Outcome, Failure>>>,
    /// Whether an answer was lost, so that any of them may have taken place before.
    is_repeated: bool,
}

/// What the server said of writes that are not all known.
struct Doubt {
    writes: Vec<usize>,
    /// How many of them took place now, as far as that was told.
    took_place: Option<usize>,
    /// Whether it refused some, for another reason than that they are there.
    is_refused: bool,
}

impl Batch<'_> {
    /// Those of which nothing is known yet.
    fn open(&self) -> Vec<usize> {
        (0..self.writes.len()).filter(|at| self.outcomes[*at].is_none()).collect()
    }
}

impl Desk {
    /// Sends the writes, in as many commands as they need.
    pub(super) async fn send_all(&self, mut writes: Vec<Write>, deadline: Instant) -> Answer {
        let mut answer = Vec::with_capacity(writes.len());
        let mut rest = writes.as_mut_slice();
        while !rest.is_empty() {
            let mut bytes = 0;
            let fits = |write: &&Write| {
                bytes += write.statement.as_bytes().len();
                bytes <= MOST_BYTES
            };
            let count = rest.iter().take(MOST_STATEMENTS).take_while(fits).count().max(1);
            let (chunk, others) = rest.split_at_mut(count);
            answer.extend(self.settle(chunk, deadline).await);
            rest = others;
        }
        answer
    }

    /// Sends one command, again and again if its answer is lost. Sending again is harmless: what took
    /// place makes its own repeat fail, and is then found by its id.
    async fn settle(&self, writes: &mut [Write], deadline: Instant) -> Answer {
        let outcomes = vec![None; writes.len()];
        let mut batch = Batch { writes, outcomes, is_repeated: false };
        let mut pause = FIRST_PAUSE;
        // What was wrong before time ran out tells more than that it did.
        let mut unknown = Failure::Late;
        loop {
            let open = batch.open();
            if open.is_empty() || Instant::now() >= deadline {
                break;
            }
            match self.attempt(&mut batch, &open, deadline).await {
                Ok(()) => {}
                Err(Failure::Late) => break,
                Err(failure) => {
                    batch.is_repeated = true;
                    let is_passing = failure.is_passing();
                    unknown = failure;
                    if !is_passing {
                        break;
                    }
                    sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
        let known = batch.outcomes.into_iter();
        let answer = known.map(|known| known.unwrap_or_else(|| Err(unknown.clone()))).collect();
        self.nudge(writes, &answer);
        answer
    }

    /// Tells the relay whose events were saved.
    fn nudge(&self, writes: &mut [Write], answer: &Answer) {
        let saved = writes.iter_mut().zip(answer);
        let saved = saved.filter(|(_, outcome)| matches!(outcome, Ok(Outcome::Saved)));
        let saved: Vec<_> = saved.map(|(write, _)| write).collect();
        let taking = saved.iter().filter(|write| write.takes);
        self.nudges.remains.gone(taking.map(|write| write.id.as_str()));
        let announcing = saved.into_iter().filter(|write| write.announces);
        self.nudges.add(announcing.map(|write| (write.id.clone(), write.first.take())));
    }

    async fn attempt(
        &self,
        batch: &mut Batch<'_>,
        open: &[usize],
        deadline: Instant,
    ) -> Result<(), Failure> {
        let mut statements = RawArrayBuf::new();
        for at in open {
            statements.push(&batch.writes[*at].statement);
        }
        let answer = self.table.write(self.verb, statements, deadline).await?;
        if let Some(failure) = unconfirmed(&answer) {
            return Err(failure);
        }
        let errors = errors(&answer);
        let doubtful = match self.verb {
            Verb::Insert => errors.iter().filter_map(|(at, ..)| open.get(*at).copied()).collect(),
            _ if errors.is_empty() && matched(&answer) == open.len() => Vec::new(),
            // Only how many were found is told, not which.
            _ => open.to_vec(),
        };
        for at in open {
            batch.outcomes[*at] = Some(Ok(Outcome::Saved));
        }
        for at in &doubtful {
            batch.outcomes[*at] = None;
        }
        if doubtful.is_empty() {
            return Ok(());
        }
        let took_place = (self.verb != Verb::Insert).then(|| matched(&answer));
        let refused = errors.into_iter().find(|(_, code, _)| *code != DUPLICATE);
        let doubt = Doubt { writes: doubtful, took_place, is_refused: refused.is_some() };
        self.read_back(batch, &doubt, deadline).await?;
        refused.map_or(Ok(()), |(_, code, text)| refuse(batch, code, text))
    }

    /// Finds out what became of writes by what is stored now. What is missing was refused, or
    /// something else is there that must be unique.
    async fn read_back(
        &self,
        batch: &mut Batch<'_>,
        doubt: &Doubt,
        deadline: Instant,
    ) -> Result<(), Failure> {
        let ids = doubt.writes.iter().map(|at| batch.writes[*at].id.as_str());
        let query = Query::ids(ids).only(&["version", "write_ids"]);
        let found = self.table.find(query, deadline, Made::read).await?;
        let found: HashMap<&str, &Made> =
            found.iter().map(|made| (made.id.as_str(), made)).collect();
        let made = |at: &usize| found.get(batch.writes[*at].id.as_str());
        let is_made = |at: &&usize| made(at).is_some_and(|made| made.is_by(&batch.writes[**at]));
        let seen = doubt.writes.iter().filter(is_made).count();
        // Then none of the others can be among what took place.
        let all_seen = !batch.is_repeated && doubt.took_place.is_none_or(|count| count == seen);
        for at in &doubt.writes {
            let write = &batch.writes[*at];
            batch.outcomes[*at] = match found.get(write.id.as_str()) {
                Some(made) if made.is_by(write) => Some(Ok(Outcome::Saved)),
                // Nobody came between: it was not tried, and can be.
                Some(made) if made.version == write.expected => None,
                Some(made) if !all_seen && write.is_forgotten_at(made.version) => {
                    Some(Err(Failure::Forgotten))
                }
                None if doubt.is_refused => None,
                None if self.verb == Verb::Insert => Some(Ok(Outcome::Taken)),
                Some(_) | None => Some(Ok(Outcome::Stale)),
            };
        }
        Ok(())
    }
}

/// What is still open after the server refused something, for another reason than that it is there,
/// will be refused again.
fn refuse(batch: &mut Batch<'_>, code: i32, text: String) -> Result<(), Failure> {
    if is_passing_code(code) {
        return Err(Failure::Unconfirmed(text));
    }
    for at in batch.open() {
        batch.outcomes[at] = Some(Err(Failure::RefusedWrite(text.clone())));
    }
    Ok(())
}
