//! What lies where in the database.
//!
//! Numbers in keys are big-endian, so that the order of the bytes is the order of the numbers; times
//! are milliseconds with the sign bit flipped, for the same reason.
//!
//! | keyspace | key                                        | value                                        |
//! |----------|--------------------------------------------|----------------------------------------------|
//! | `meta`   | `i`                                        | log id, 16 bytes                             |
//! |          | `q`                                        | last outbox sequence, u64                    |
//! |          | `n`                                        | number of topics ever made, u32              |
//! |          | `commits`                                  | number of groups of writes so far, this one included, u64 |
//! |          | `t` topic name                             | topic id u32, partitions u32                 |
//! |          | `s` topic id u32, partition u32            | where the log starts ([`LogStart`])          |
//! | `log`    | topic id u32, partition u32, last offset u64 | the records of one group ([`crate::log::batch`]) |
//! | `groups` | topic id u32, partition u32, group name    | committed offset, u64                        |
//! | `state`  | `u` user id                                | user, JSON ([`crate::store`])                |
//! |          | `n` username key                           | user id, 16 bytes                            |
//! |          | `p` payment id                             | payment, JSON                                |
//! |          | `d` expiry time i64, payment id            | nothing: a pending payment                   |
//! |          | `a` article code                           | article, JSON                                |
//! |          | `r` payment id                             | reservation, JSON                            |
//! |          | `k` collection u8, idempotency key, 32 bytes | a first answer                             |
//! |          | `t` collection u8, time i64, idempotency key | nothing: the answer's time                 |
//! | `outbox` | collection u8, `e`, owner                  | its unpublished events ([`crate::outbox`])   |
//! |          | collection u8, `t`, time i64, owner        | nothing: the owner's oldest event            |

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use comptoir_domain::time::Timestamp;
use fjall::config::BlockSizePolicy;
use fjall::{
    CompressionType, Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch, PersistMode, Slice,
};
use uuid::Uuid;

use crate::bytes::Rest;
use crate::error::{Failure, Malformed};
use crate::options::Options;

mod starts;
#[cfg(test)]
mod tests;

pub(crate) use starts::Starts;

/// A keyspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Space {
    Meta,
    Log,
    Groups,
    State,
    Outbox,
}

/// An open database.
pub(crate) struct Db {
    pub(crate) database: Database,
    meta: Keyspace,
    log: Keyspace,
    groups: Keyspace,
    state: Keyspace,
    outbox: Keyspace,
    commits: AtomicU64,
}

/// How many keyspaces there are besides fjall's own, which has the number 0.
pub(crate) const KEYSPACES: u32 = 5;
/// Journals are cut off at this size by flushing what still needs them.
const JOURNAL_BYTES: u64 = 128 << 20;
/// Records are written once and read in order: larger memtables and blocks than elsewhere pay off.
const LOG_MEMTABLE_BYTES: u64 = 32 << 20;
const LOG_BLOCK_BYTES: u32 = 16 << 10;
const OTHER_MEMTABLE_BYTES: u64 = 16 << 20;

impl Db {
    /// Opens the database in that folder, or makes it. Blocks.
    pub(crate) fn open(path: &Path, options: &Options, starts: &Starts) -> fjall::Result<Self> {
        let filter = starts.filter_factory();
        let database = Database::builder(path)
            .cache_size(options.cache_bytes)
            .max_journaling_size(JOURNAL_BYTES)
            // fjall checks a batch by compressing it again, which another version of the compressor
            // may do differently.
            .journal_compression(CompressionType::None)
            .with_compaction_filter_factories(Arc::new(move |name| {
                (name == "log").then(|| Arc::clone(&filter))
            }))
            .open()?;
        let other = || KeyspaceCreateOptions::default().max_memtable_size(OTHER_MEMTABLE_BYTES);
        let log = || {
            KeyspaceCreateOptions::default()
                .max_memtable_size(LOG_MEMTABLE_BYTES)
                .data_block_size_policy(BlockSizePolicy::all(LOG_BLOCK_BYTES))
                .expect_point_read_hits(true)
        };
        let meta = database.keyspace("meta", other)?;
        let commits = meta.get(COMMITS)?;
        let commits = commits.and_then(|row| Some(u64::from_be_bytes(*row.first_chunk()?)));
        Ok(Self {
            meta,
            log: database.keyspace("log", log)?,
            groups: database.keyspace("groups", other)?,
            state: database.keyspace("state", other)?,
            outbox: database.keyspace("outbox", other)?,
            database,
            commits: AtomicU64::new(commits.unwrap_or_default()),
        })
    }

    /// How many groups of writes it holds.
    pub(crate) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// Writes a group, durably. Only one caller at a time.
    pub(crate) fn commit(&self, mut batch: OwnedWriteBatch) -> fjall::Result<()> {
        let commits = self.commits() + 1;
        batch.insert(&self.meta, COMMITS.as_slice(), commits.to_be_bytes());
        batch.durability(Some(PersistMode::SyncData)).commit()?;
        self.commits.store(commits, Ordering::Relaxed);
        Ok(())
    }

    pub(crate) fn space(&self, space: Space) -> &Keyspace {
        match space {
            Space::Meta => &self.meta,
            Space::Log => &self.log,
            Space::Groups => &self.groups,
            Space::State => &self.state,
            Space::Outbox => &self.outbox,
        }
    }

    pub(crate) fn get(&self, space: Space, key: &[u8]) -> Result<Option<Slice>, Failure> {
        Ok(self.space(space).get(key)?)
    }

    /// Drops the tables that hold nothing but rows of that partition before `start`. Waits for
    /// compactions that are under way.
    pub(crate) fn drop_log_before(&self, id: PartitionId, start: u64) -> fjall::Result<()> {
        // fjall has this, but does not show it in its documentation. Without it the oldest tables
        // lie in the last level, where compactions rarely come.
        use fjall::AbstractTree as _;
        let keys = record_key(id, 0)..record_key(id, start);
        Ok(self.log.tree.drop_range(keys)?)
    }

    /// Writes rows of the beginning, durably. Only for a database that nobody else uses yet.
    pub(crate) fn put(&self, rows: &[(Space, Slice, Slice)]) -> fjall::Result<()> {
        let mut batch = self.database.batch();
        for (space, key, value) in rows {
            batch.insert(self.space(*space), key.clone(), value.clone());
        }
        self.commit(batch)
    }
}

pub(crate) const LOG_ID: &[u8] = b"i";
pub(crate) const SEQUENCE: &[u8] = b"q";
pub(crate) const TOPIC_COUNT: &[u8] = b"n";
/// No other key of any keyspace is the same, so that it is known in a journal.
pub(crate) const COMMITS: &[u8; 7] = b"commits";
pub(crate) const TOPICS: &[u8] = b"t";
const LOG_STARTS: u8 = b's';

/// A partition's number in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct PartitionId {
    pub(crate) topic: u32,
    pub(crate) partition: u32,
}

impl PartitionId {
    fn bytes(self) -> [u8; 8] {
        let number = u64::from(self.topic) << 32 | u64::from(self.partition);
        number.to_be_bytes()
    }

    fn read(bytes: [u8; 8]) -> Self {
        let [topic @ .., _, _, _, _] = bytes;
        let [_, _, _, _, partition @ ..] = bytes;
        Self { topic: u32::from_be_bytes(topic), partition: u32::from_be_bytes(partition) }
    }
}

pub(crate) fn topic_key(name: &str) -> Slice {
    [TOPICS, name.as_bytes()].concat().into()
}

pub(crate) fn log_start_key(id: PartitionId) -> Slice {
    let mut key = [LOG_STARTS; 9];
    key[1..].copy_from_slice(&id.bytes());
    key.into()
}

/// Bytes of a key of the log.
pub(crate) const RECORD_KEY_BYTES: usize = 16;

pub(crate) fn record_key(id: PartitionId, offset: u64) -> [u8; RECORD_KEY_BYTES] {
    let mut key = [0; RECORD_KEY_BYTES];
    key[..8].copy_from_slice(&id.bytes());
    key[8..].copy_from_slice(&offset.to_be_bytes());
    key
}

/// Reads a record's key back.
pub(crate) fn parse_record_key(key: &[u8]) -> Result<(PartitionId, u64), Malformed> {
    let wrong = |_| Malformed::new("a record's key", "it does not have 16 bytes");
    let key = <[u8; 16]>::try_from(key).map_err(wrong)?;
    let (id, offset) = (key.first_chunk::<8>(), key.last_chunk::<8>());
    let id = id.map_or(PartitionId { topic: 0, partition: 0 }, |id| PartitionId::read(*id));
    Ok((id, offset.map_or(0, |offset| u64::from_be_bytes(*offset))))
}

pub(crate) fn committed_key(id: PartitionId, group: &str) -> Slice {
    [&id.bytes(), group.as_bytes()].concat().into()
}

/// Reads the key of a committed offset back.
pub(crate) fn parse_committed_key(key: &[u8]) -> Result<(PartitionId, &str), Malformed> {
    let wrong = || Malformed::new("the key of a committed offset", "it cannot be read");
    let (id, group) = key.split_first_chunk::<8>().ok_or_else(wrong)?;
    let group = std::str::from_utf8(group).map_err(|_| wrong())?;
    Ok((PartitionId::read(*id), group))
}

/// Keys of the `state` and `outbox` keyspaces, by their first byte.
pub(crate) fn tagged(tag: u8, rest: &[u8]) -> Slice {
    [&[tag], rest].concat().into()
}

pub(crate) fn id_key(tag: u8, id: Uuid) -> Slice {
    let mut key = [tag; 17];
    key[1..].copy_from_slice(id.as_bytes());
    key.into()
}

/// A time as bytes whose order is the order of time.
pub(crate) fn time_bytes(time: Timestamp) -> [u8; 8] {
    (time.as_millis().cast_unsigned() ^ (1 << 63)).to_be_bytes()
}

/// Reads [`time_bytes`] back.
pub(crate) fn parse_time(bytes: [u8; 8]) -> Timestamp {
    Timestamp::from_millis((u64::from_be_bytes(bytes) ^ (1 << 63)).cast_signed())
}

pub(crate) fn parse_u32(bytes: &[u8], what: &'static str) -> Result<u32, Malformed> {
    let wrong = |_| Malformed::new(what, "it does not have 4 bytes");
    Ok(u32::from_be_bytes(bytes.try_into().map_err(wrong)?))
}

pub(crate) fn parse_u64(bytes: &[u8], what: &'static str) -> Result<u64, Malformed> {
    let wrong = |_| Malformed::new(what, "it does not have 8 bytes");
    Ok(u64::from_be_bytes(bytes.try_into().map_err(wrong)?))
}

/// Where retention has brought the start of a partition's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct LogStart {
    /// The first offset that is there.
    pub(crate) offset: u64,
    /// Bytes of all records before it, ever.
    pub(crate) bytes_before: u64,
    /// When the newest record was appended, in case that none is left.
    pub(crate) last_write: i64,
}

impl LogStart {
    pub(crate) fn encode(self) -> Slice {
        let mut row = [0; 24];
        row[..8].copy_from_slice(&self.offset.to_be_bytes());
        row[8..16].copy_from_slice(&self.bytes_before.to_be_bytes());
        row[16..].copy_from_slice(&self.last_write.to_be_bytes());
        Slice::new(&row)
    }

    pub(crate) fn decode(row: &[u8]) -> Result<Self, Malformed> {
        let mut rest = Rest::new(row, "the start of a log");
        let start = Self {
            offset: u64::from_be_bytes(rest.array()?),
            bytes_before: u64::from_be_bytes(rest.array()?),
            last_write: i64::from_be_bytes(rest.array()?),
        };
        rest.end()?;
        Ok(start)
    }
}
