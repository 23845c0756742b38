//! Looks through fjall's journals before fjall does.
//!
//! fjall reads a journal up to the first entry that makes no sense and cuts off the rest. That is
//! right for the last batch, which a crash may have left half written and nobody was told about. It is
//! wrong for anything before: one changed byte in the middle would drop all that follows without a
//! word. Every batch is synced before the next one is begun, so a crash can harm the last one only;
//! more than that is damage, and the folder is refused as it is.
//!
//! The other way round, a hole that a power failure left inside the last batch makes fjall refuse the
//! folder, although that batch was never acknowledged. It is cut off here.

use std::fs::{self, File};
use std::io::{self, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use super::OpenError;
use crate::error::Malformed;

mod batch;

use batch::{End, MAGIC, TRAILER_BYTES, read_batch};

/// What the disk writes at once: a crash leaves such a piece as a whole or not at all.
const SECTOR: usize = 512;

/// Refuses a database whose journals are damaged, and cuts a half-written batch off the last one.
pub(super) fn check(database: &Path) -> Result<(), OpenError> {
    let unusable = |source| OpenError::Unusable { dir: database.to_owned(), source };
    let mut journals = list(database).map_err(unusable)?;
    let active = journals.pop();
    for journal in journals {
        // It was synced as a whole before the next one was begun.
        if let Verdict::Torn { valid } | Verdict::Damaged { valid } =
            judge(&journal).map_err(unusable)?
        {
            return Err(damaged(database, &journal, valid));
        }
    }
    let Some(active) = active else {
        return Ok(());
    };
    match judge(&active).map_err(unusable)? {
        Verdict::Whole => Ok(()),
        Verdict::Damaged { valid } => Err(damaged(database, &active, valid)),
        Verdict::Torn { valid } => {
            tracing::info!(
                journal = %active.display(),
                bytes = valid,
                "the last batch was not written to its end; it is cut off"
            );
            cut(&active, valid).map_err(unusable)
        }
    }
}

/// The journals, oldest first.
fn list(database: &Path) -> io::Result<Vec<PathBuf>> {
    let mut journals = Vec::new();
    for entry in fs::read_dir(database)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let number = name.strip_suffix(".jnl").and_then(|number| number.parse::<u64>().ok());
        if let Some(number) = number {
            journals.push((number, path));
        }
    }
    journals.sort();
    Ok(journals.into_iter().map(|(_, path)| path).collect())
}

fn damaged(database: &Path, journal: &Path, valid: u64) -> OpenError {
    let name = journal.file_name().unwrap_or_default().to_string_lossy();
    let problem = format!("{name} cannot be read from byte {valid} on, and more follows");
    OpenError::Damaged {
        dir: database.to_owned(),
        source: Malformed::new("the journal", problem).into(),
    }
}

fn cut(journal: &Path, valid: u64) -> io::Result<()> {
    let file = File::options().write(true).open(journal)?;
    file.set_len(valid)?;
    file.sync_all()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// Batches, then nothing or zeros.
    Whole,
    /// Batches, then a part of one.
    Torn { valid: u64 },
    /// Batches, then bytes that a crash cannot have left.
    Damaged { valid: u64 },
}

fn judge(journal: &Path) -> io::Result<Verdict> {
    let mut reader = BufReader::with_capacity(1 << 16, File::open(journal)?);
    let (mut valid, mut newest) = (0, None);
    let wrong = loop {
        match read_batch(&mut reader)? {
            End::Whole { bytes, number } if is_next(number, newest) => {
                valid += bytes;
                newest = Some(number);
            }
            End::Whole { .. } => return Ok(Verdict::Damaged { valid }),
            End::Wrong { bytes } => break usize::try_from(bytes).ok(),
            End::Broken => break None,
        }
    };
    let tail = tail(reader, valid)?;
    if tail.is_empty() {
        return Ok(Verdict::Whole);
    }
    // It was written to its end if the end is there: what begins a batch is written before.
    let written = match wrong {
        Some(bytes) => tail.get(..bytes).or(Some(&tail[..])),
        None => tail.ends_with(MAGIC).then_some(&tail[..]),
    };
    let is_damaged =
        written.is_some_and(|batch| has_all_sectors(batch, valid)) || has_batch_behind(&tail)?;
    Ok(if is_damaged { Verdict::Damaged { valid } } else { Verdict::Torn { valid } })
}

/// Whether a batch of that sequence number can follow. The hash does not cover it; an older number
/// than the one before would be passed over in silence, and a huge one ends in a panic.
fn is_next(number: u64, newest: Option<u64>) -> bool {
    /// More than are given away while a journal is written.
    const FAR: u64 = 1 << 32;
    /// More than a million a second use up in two thousand years.
    const LAST: u64 = 1 << 56;
    let follows = newest.is_none_or(|newest| (newest + 1..newest + FAR).contains(&number));
    follows && number < LAST
}

/// What stands behind that place, without the zeros of the space that is set aside for more.
fn tail(mut reader: BufReader<File>, from: u64) -> io::Result<Vec<u8>> {
    const PIECE: usize = 64 << 10;
    reader.seek(SeekFrom::Start(from))?;
    let (mut tail, mut zeros) = (Vec::new(), 0);
    let nothing = vec![0; PIECE];
    let mut piece = Vec::with_capacity(PIECE);
    loop {
        piece.clear();
        let read = reader.by_ref().take(PIECE as u64).read_to_end(&mut piece)?;
        if read == 0 {
            break;
        }
        // Mostly it is all zeros, tens of megabytes of them: those are compared, not kept.
        if piece == nothing[..read] {
            zeros += read;
        } else {
            tail.resize(tail.len() + std::mem::take(&mut zeros), 0);
            tail.extend_from_slice(&piece);
        }
    }
    let end = tail.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    tail.truncate(end);
    Ok(tail)
}

/// Whether nothing of these bytes, which stand at that place in the file, can be missing.
fn has_all_sectors(bytes: &[u8], place: u64) -> bool {
    let misaligned = usize::try_from(place % SECTOR as u64).unwrap_or_default();
    let (first, rest) = bytes.split_at((SECTOR - misaligned).min(bytes.len()));
    let mut sectors = std::iter::once(first).chain(rest.chunks(SECTOR));
    sectors.all(|sector| sector.iter().any(|&byte| byte != 0))
}

/// Whether there is a whole batch somewhere behind the end of another one.
fn has_batch_behind(tail: &[u8]) -> io::Result<bool> {
    let ends =
        tail.windows(TRAILER_BYTES).enumerate().filter(|(_, bytes)| batch::is_trailer(bytes));
    for (at, _) in ends {
        let mut rest = &tail[at + TRAILER_BYTES..];
        if matches!(read_batch(&mut rest)?, End::Whole { .. }) {
            return Ok(true);
        }
    }
    Ok(false)
}
