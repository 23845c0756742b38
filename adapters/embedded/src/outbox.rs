//! Outboxes: events that wait to be published, each owner's in one row beside the owner's state.
//!
//! A second row stands for the time of the owner's oldest event, so that leftovers are found oldest
//! first. Sequences are counted over all owners and never used again: a late repeat of a `clear`
//! meets no event that came after it.

use std::collections::BTreeSet;
use std::sync::Mutex;

use comptoir_domain::outbox::{OutboxOwner, Pending, Published};
use comptoir_domain::time::Timestamp;
use fjall::Slice;
use tokio::sync::Notify;

use crate::error::{Failure, Malformed};
use crate::keyspaces::{self, Db, Space};
use crate::sync::lock;
use crate::writer::Transaction;

mod floor;
mod row;

pub(crate) use floor::Floor;
pub(crate) use row::Encoded;

use row::Row;

/// The most owners that wait to be told; further ones are left to the sweep for leftovers.
const MOST_NUDGES: usize = 4_096;

const ENTRIES: u8 = b'e';
const TIMES: u8 = b't';

/// One repository's outboxes, by number: the first byte of their keys.
pub(crate) type Collection = u8;
pub(crate) const USERS: Collection = 1;
pub(crate) const PAYMENTS: Collection = 2;
pub(crate) const STOCK: Collection = 3;

/// What is known in memory of the outboxes of one repository, and of its first answers.
#[derive(Default)]
pub(crate) struct Waiting {
    nudges: Mutex<BTreeSet<OutboxOwner>>,
    saved: Notify,
    /// No oldest event is older.
    floor: Floor,
    /// No first answer is older.
    pub(crate) answers: Floor,
}

impl Waiting {
    /// Waits for owners whose outbox got something. Cancel-safe.
    pub(crate) async fn nudged(&self) -> Vec<OutboxOwner> {
        loop {
            let owners = std::mem::take(&mut *lock(&self.nudges));
            if !owners.is_empty() {
                return owners.into_iter().collect();
            }
            self.saved.notified().await;
        }
    }

    /// Forgets what was known about the database.
    pub(crate) fn reset(&self) {
        self.floor.reset();
        self.answers.reset();
    }

    fn nudge(&self, owner: OutboxOwner, oldest: Timestamp) {
        self.floor.lower(oldest);
        let mut nudges = lock(&self.nudges);
        if nudges.len() < MOST_NUDGES {
            nudges.insert(owner);
            drop(nudges);
            self.saved.notify_one();
        }
    }
}

fn row_key(of: Collection, owner: &str) -> Slice {
    [&[of, ENTRIES], owner.as_bytes()].concat().into()
}

fn time_key(of: Collection, time: Timestamp, owner: &str) -> Slice {
    [&[of, TIMES], keyspaces::time_bytes(time).as_slice(), owner.as_bytes()].concat().into()
}

fn parse_time_key(key: &[u8]) -> Result<(Timestamp, OutboxOwner), Malformed> {
    let wrong = || Malformed::new("the time of an outbox", "it cannot be read");
    let (time, owner) = key.get(2..).and_then(|key| key.split_first_chunk()).ok_or_else(wrong)?;
    let owner = std::str::from_utf8(owner).map_err(|_| wrong())?;
    Ok((keyspaces::parse_time(*time), OutboxOwner(owner.to_owned())))
}

/// The number of the next event to wait.
pub(crate) fn next_sequence(tx: &mut Transaction<'_>) -> Result<u64, Failure> {
    let key = Slice::from(keyspaces::SEQUENCE);
    let last = match tx.get(Space::Meta, &key)? {
        Some(row) => keyspaces::parse_u64(&row, "the last sequence")?,
        None => 0,
    };
    tx.put(Space::Meta, key, (last + 1).to_be_bytes());
    Ok(last + 1)
}

/// Puts events into the owner's outbox, in order.
pub(crate) fn add(
    tx: &mut Transaction<'_>,
    of: Collection,
    owner: &str,
    entries: &[Encoded],
) -> Result<(), Failure> {
    if entries.is_empty() {
        return Ok(());
    }
    let key = row_key(of, owner);
    let mut row = match tx.get(Space::Outbox, &key)? {
        Some(row) => Row::read(&row)?,
        None => Row::default(),
    };
    let before = row.oldest();
    for entry in entries {
        row.push(next_sequence(tx)?, entry);
    }
    let oldest = row.oldest().unwrap_or_default();
    tx.put(Space::Outbox, key, row.into_bytes());
    move_time(tx, of, owner, before, Some(oldest));
    let owner = OutboxOwner(owner.to_owned());
    tx.after(move |shared| shared.waiting(of).nudge(owner, oldest));
    Ok(())
}

/// Forgets what was published.
pub(crate) fn clear(
    tx: &mut Transaction<'_>,
    of: Collection,
    published: &Published,
) -> Result<(), Failure> {
    let owner = published.owner.0.as_str();
    let key = row_key(of, owner);
    let Some(row) = tx.get(Space::Outbox, &key)? else {
        return Ok(());
    };
    let mut row = Row::read(&row)?;
    let before = row.oldest();
    row.remove_through(published.through.0);
    let after = row.oldest();
    move_time(tx, of, owner, before, after);
    match after {
        Some(oldest) => {
            tx.put(Space::Outbox, key, row.into_bytes());
            tx.after(move |shared| shared.waiting(of).floor.lower(oldest));
        }
        None => tx.remove(Space::Outbox, key),
    }
    Ok(())
}

fn move_time(
    tx: &mut Transaction<'_>,
    of: Collection,
    owner: &str,
    before: Option<Timestamp>,
    after: Option<Timestamp>,
) {
    if before == after {
        return;
    }
    if let Some(before) = before {
        tx.remove(Space::Outbox, time_key(of, before, owner));
    }
    if let Some(after) = after {
        tx.put(Space::Outbox, time_key(of, after, owner), Slice::default());
    }
}

/// All that these owners have not published; owners without any are left out.
pub(crate) fn pending(
    db: &Db,
    of: Collection,
    owners: &[OutboxOwner],
) -> Result<Vec<Pending>, Failure> {
    let mut pending = Vec::with_capacity(owners.len());
    for owner in owners {
        if let Some(row) = db.get(Space::Outbox, &row_key(of, &owner.0))? {
            pending.push(Pending { owner: owner.clone(), entries: Row::read(&row)?.entries()? });
        }
    }
    Ok(pending)
}

/// Whether the owner has unpublished events.
pub(crate) fn is_waiting(db: &Db, of: Collection, owner: &str) -> Result<bool, Failure> {
    Ok(db.get(Space::Outbox, &row_key(of, owner))?.is_some())
}

/// Owners whose oldest event is older than `before`, oldest first.
pub(crate) fn leftovers(
    db: &Db,
    waiting: &Waiting,
    of: Collection,
    before: Timestamp,
    limit: usize,
) -> Result<Vec<OutboxOwner>, Failure> {
    let mut scan = waiting.floor.scan();
    let keys = time_key(of, scan.from(), "")..time_key(of, before.max(scan.from()), "");
    let mut found = Vec::new();
    for row in db.space(Space::Outbox).range(keys) {
        let (time, owner) = parse_time_key(&row.key()?)?;
        scan.reach(time);
        if found.len() >= limit {
            return Ok(found);
        }
        found.push(owner);
    }
    scan.reach(before);
    Ok(found)
}
