//! How far the database was made durable, told by a small file beside it.
//!
//! A journal that was cut between two batches looks like one that never went further. So every group
//! of writes carries its number, and once it is synced the number goes here as well. The file is not
//! synced itself: it costs a microsecond, outlives the process, and is never ahead of the journal. A
//! power failure may leave an older number, which only says less.
//!
//! | bytes | what                                                                        |
//! |-------|-----------------------------------------------------------------------------|
//! | 8     | number of the last group that is known to be durable, u64                   |
//! | 8     | number of the oldest journal after a clean close, `u64::MAX` otherwise, u64 |
//! | 8     | XXH3 of the bytes before, u64                                               |
//!
//! Numbers are little-endian.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use xxhash_rust::xxh3::xxh3_64;

const NAME: &str = "watermark";
const BYTES: usize = 24;
const UNKNOWN: u64 = u64::MAX;

/// What the file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Mark {
    /// At least so many groups are durable.
    pub(crate) commits: u64,
    /// The oldest journal that was still needed when the database was closed.
    pub(crate) oldest_journal: Option<u64>,
}

impl Mark {
    fn encode(self) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        bytes[..8].copy_from_slice(&self.commits.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.oldest_journal.unwrap_or(UNKNOWN).to_le_bytes());
        let hash = xxh3_64(&bytes[..16]);
        bytes[16..].copy_from_slice(&hash.to_le_bytes());
        bytes
    }

    /// Reads it; `None` if it is none.
    fn decode(bytes: &[u8]) -> Option<Self> {
        let number = |at: usize| {
            let bytes = bytes.get(at..)?.first_chunk()?;
            Some(u64::from_le_bytes(*bytes))
        };
        let (commits, oldest) = (number(0)?, number(8)?);
        let mark =
            Self { commits, oldest_journal: Some(oldest).filter(|&oldest| oldest != UNKNOWN) };
        (bytes == mark.encode()).then_some(mark)
    }
}

/// The file, open.
#[derive(Debug)]
pub(crate) struct Watermark(File);

impl Watermark {
    /// Opens the file beside that database, or makes it.
    pub(crate) fn open(database: &Path) -> io::Result<Self> {
        let path = database.with_file_name(NAME);
        let file =
            File::options().read(true).write(true).create(true).truncate(false).open(path)?;
        Ok(Self(file))
    }

    /// What it says; `None` if it is new or cannot be trusted.
    pub(crate) fn read(&self) -> io::Result<Option<Mark>> {
        // One byte more, so that a longer file is seen as one.
        let mut bytes = [0; BYTES + 1];
        let mut read = 0;
        while read < bytes.len() {
            match self.0.read_at(&mut bytes[read..], read as u64)? {
                0 => break,
                more => read += more,
            }
        }
        Ok(Mark::decode(&bytes[..read]))
    }

    /// Begins anew with so many groups, whatever it said before.
    pub(crate) fn begin(&self, commits: u64) -> io::Result<()> {
        self.0.write_all_at(&Mark { commits, oldest_journal: None }.encode(), 0)?;
        self.0.set_len(BYTES as u64)
    }

    /// Says how far the database is durable. A failure costs no data, only a later check of them.
    pub(crate) fn note(&self, mark: Mark) {
        if let Err(error) = self.0.write_all_at(&mark.encode(), 0) {
            tracing::debug!(
                error = &error as &dyn std::error::Error,
                "how far the database is durable could not be noted"
            );
        }
    }

    /// Makes what was noted durable.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.0.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tempfile::tempdir;

    use super::*;

    fn some_mark() -> impl Strategy<Value = Mark> {
        let oldest = prop::option::of(0..UNKNOWN);
        (any::<u64>(), oldest)
            .prop_map(|(commits, oldest_journal)| Mark { commits, oldest_journal })
    }

    proptest! {
        #[test]
        fn a_mark_comes_back(mark in some_mark()) {
            prop_assert_eq!(Mark::decode(&mark.encode()), Some(mark));
        }

        #[test]
        fn a_changed_mark_is_none(mark in some_mark(), at in 0..BYTES, flip in 1..=u8::MAX) {
            let mut bytes = mark.encode();
            bytes[at] ^= flip;
            prop_assert_eq!(Mark::decode(&bytes), None);
        }

        #[test]
        fn other_bytes_are_no_mark(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            prop_assert_eq!(Mark::decode(&bytes), None);
        }
    }

    #[test]
    fn what_is_noted_is_read_and_a_longer_file_is_not_trusted() {
        let dir = tempdir().unwrap();
        let watermark = Watermark::open(&dir.path().join("database")).unwrap();
        assert_eq!(watermark.read().unwrap(), None);
        let mark = Mark { commits: 7, oldest_journal: None };
        watermark.note(mark);
        assert_eq!(watermark.read().unwrap(), Some(mark));
        watermark.0.write_all_at(b"x", BYTES as u64).unwrap();
        assert_eq!(watermark.read().unwrap(), None);
        watermark.begin(8).unwrap();
        let mark = Mark { commits: 8, oldest_journal: None };
        assert_eq!(watermark.read().unwrap(), Some(mark));
    }
}
