//! Forgetting what was published.

use std::collections::HashMap;

use comptoir_domain::outbox::{OutboxOwner, Published, Sequence};
use comptoir_domain::port::store::Version;
use mongodb::bson::raw::CString;
use mongodb::bson::{Document, RawArrayBuf, RawDocumentBuf, rawdoc};
use tokio::time::Instant;

use super::entries::{save_of, times};
use super::{CHUNK, Nudges};
use crate::document::{Found, stored};
use crate::error::{Failure, Malformed};
use crate::table::{Query, Table, Verb, update_statement};

/// How often somebody else may come between reading an outbox and changing it.
const ROUNDS: usize = 50;

/// What becomes of an owner whose outbox is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Emptied {
    /// It stays: it is more than its outbox.
    Stays,
    /// It is removed: it was made for its outbox.
    Goes,
}

/// One outbox to be cleared, as it was read.
#[derive(Debug)]
pub(super) struct Outbox {
    owner: String,
    version: Version,
    entries: Vec<(Sequence, i64)>,
}

impl Outbox {
    pub(super) fn read(found: Found<'_>) -> Result<Self, Malformed> {
        let outbox = found.part("outbox")?;
        Ok(Self {
            owner: found.id()?.to_owned(),
            version: found.version()?,
            entries: outbox.map(|outbox| times(found, outbox)).transpose()?.unwrap_or_default(),
        })
    }
}

/// Forgets each owner's events up to and including one, now or with the owner's next save. Events that
/// were saved meanwhile stay, and no version changes.
pub(crate) async fn clear(
    table: &Table,
    nudges: &Nudges,
    published: &[Published],
    deadline: Instant,
) -> Result<(), Failure> {
    nudges.remains.add(published, Instant::now());
    nudges.forget(published.iter().map(|published| &published.owner));
    let due = nudges.remains.due(Instant::now());
    remove(table, nudges, due, deadline).await
}

/// Forgets each owner's events up to and including one, where no next save is to be expected.
pub(crate) async fn clear_now(
    table: &Table,
    nudges: &Nudges,
    (published, emptied): (&[Published], Emptied),
    deadline: Instant,
) -> Result<(), Failure> {
    nudges.forget(published.iter().map(|published| &published.owner));
    remove_each(table, published, emptied, deadline).await
}

/// Removes what is published and no save has taken along.
pub(crate) async fn clear_all(
    table: &Table,
    nudges: &Nudges,
    deadline: Instant,
) -> Result<(), Failure> {
    remove(table, nudges, nudges.remains.all(), deadline).await
}

/// What cannot be removed is left for another time.
async fn remove(
    table: &Table,
    nudges: &Nudges,
    published: Vec<Published>,
    deadline: Instant,
) -> Result<(), Failure> {
    let removed = remove_each(table, &published, Emptied::Stays, deadline).await;
    if removed.is_err() {
        nudges.remains.add(&published, Instant::now());
    }
    removed
}

/// An outbox that is published whole is removed over the version of its last save. Whoever saved
/// meanwhile made that fail; then the outbox is read, and changed over the version that it has now.
async fn remove_each(
    table: &Table,
    published: &[Published],
    emptied: Emptied,
    deadline: Instant,
) -> Result<(), Failure> {
    for published in published.chunks(CHUNK) {
        let whole: Vec<_> = published.iter().map(|one| (one, save_of(one.through))).collect();
        let mut statements = RawArrayBuf::new();
        let mut sent = 0;
        for (one, save) in &whole {
            if let Some(version) = save {
                statements.push(removal(&one.owner.0, *version, emptied));
                sent += 1;
            }
        }
        let done = if sent == 0 { 0 } else { send(table, statements, emptied, deadline).await? };
        if done != published.len() {
            clear_rest(table, published, emptied, deadline).await?;
        }
    }
    Ok(())
}

/// What could not be removed whole, or was removed before.
async fn clear_rest(
    table: &Table,
    published: &[Published],
    emptied: Emptied,
    deadline: Instant,
) -> Result<(), Failure> {
    let through: HashMap<&OutboxOwner, Sequence> =
        published.iter().map(|one| (&one.owner, one.through)).collect();
    for _ in 0..ROUNDS {
        let query = Query::ids(published.iter().map(|one| &*one.owner.0));
        let query = query.only(&["version", "outbox"]);
        let found = table.find(query, deadline, Outbox::read).await?;
        let mut removals = RawArrayBuf::new();
        let mut changes = RawArrayBuf::new();
        let (mut removing, mut changing) = (0, 0);
        for outbox in found {
            let Some(through) = through.get(&OutboxOwner(outbox.owner.clone())) else {
                continue;
            };
            let is_published = |(at, _): &&(Sequence, i64)| at <= through;
            let count = outbox.entries.iter().filter(is_published).count();
            if count == 0 {
                continue;
            }
            if count == outbox.entries.len() {
                removals.push(removal(&outbox.owner, outbox.version, emptied));
                removing += 1;
            } else {
                changes.push(change(&outbox, *through));
                changing += 1;
            }
        }
        let mut done = 0;
        if removing > 0 {
            done += send(table, removals, emptied, deadline).await?;
        }
        if changing > 0 {
            done += send(table, changes, Emptied::Stays, deadline).await?;
        }
        if done == removing + changing {
            return Ok(());
        }
    }
    Err(Failure::Contended)
}

/// Removes an outbox whole, or its owner with it.
fn removal(owner: &str, version: Version, emptied: Emptied) -> RawDocumentBuf {
    let filter = rawdoc! { "_id": owner, "version": stored(version.0) };
    match emptied {
        Emptied::Stays => {
            let change = rawdoc! { "$unset": { "outbox": "", "pending_since": "" } };
            update_statement(filter, change)
        }
        Emptied::Goes => rawdoc! { "q": filter, "limit": 1 },
    }
}

/// Takes from an outbox what was published; the owner is then as old as the rest.
fn change(outbox: &Outbox, through: Sequence) -> RawDocumentBuf {
    let mut gone = RawDocumentBuf::new();
    for (Sequence(at), _) in outbox.entries.iter().filter(|(at, _)| *at <= through) {
        let key = CString::try_from(format!("outbox.{at}")).expect("digits have no zero byte");
        gone.append(key, "");
    }
    let rest = outbox.entries.iter().filter(|(at, _)| *at > through);
    let oldest = rest.map(|(_, time)| *time).min().unwrap_or_default();
    let filter = rawdoc! { "_id": outbox.owner.as_str(), "version": stored(outbox.version.0) };
    let change = rawdoc! { "$unset": gone, "$set": { "pending_since": oldest } };
    update_statement(filter, change)
}

/// Sends the statements, and says how many documents they found.
async fn send(
    table: &Table,
    statements: RawArrayBuf,
    emptied: Emptied,
    deadline: Instant,
) -> Result<usize, Failure> {
    let verb = if emptied == Emptied::Goes { Verb::Delete } else { Verb::Update };
    let answer = table.write(verb, statements, deadline).await?;
    if let Some(error) = first_error(&answer) {
        return Err(error);
    }
    Ok(crate::write::matched(&answer))
}

fn first_error(answer: &Document) -> Option<Failure> {
    crate::write::errors(answer).into_iter().next().map(|(_, _, text)| Failure::RefusedWrite(text))
}
