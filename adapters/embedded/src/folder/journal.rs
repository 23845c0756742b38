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
    let unusable = |source| OpenError::Unusable {
        dir: database.to_owned(),
        source,
    };
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
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let number = name
            .strip_suffix(".jnl")
            .and_then(|number| number.parse::<u64>().ok());
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
    loop {
        match read_batch(&mut reader)? {
            // A batch that is older than the one before it would be passed over in silence.
            End::Whole { bytes, number } if newest < Some(number) => {
                valid += bytes;
                newest = Some(number);
            }
            End::Whole { .. } => return Ok(Verdict::Damaged { valid }),
            End::Broken => break,
        }
    }
    reader.seek(SeekFrom::Start(valid))?;
    let mut tail = Vec::new();
    reader.read_to_end(&mut tail)?;
    let end = tail
        .iter()
        .rposition(|&byte| byte != 0)
        .map_or(0, |last| last + 1);
    tail.truncate(end);
    if tail.is_empty() {
        return Ok(Verdict::Whole);
    }
    let was_written = was_written_to_its_end(&tail, valid) || has_batch_behind(&tail)?;
    Ok(if was_written {
        Verdict::Damaged { valid }
    } else {
        Verdict::Torn { valid }
    })
}

/// Whether a batch ends here that cannot be read, although no part of it is missing.
fn was_written_to_its_end(tail: &[u8], offset: u64) -> bool {
    let misaligned = usize::try_from(offset % SECTOR as u64).unwrap_or_default();
    let first_sector = (SECTOR - misaligned) % SECTOR;
    let mut sectors = tail
        .get(first_sector..)
        .unwrap_or_default()
        .chunks_exact(SECTOR);
    tail.ends_with(MAGIC) && sectors.all(|sector| sector.iter().any(|&byte| byte != 0))
}

/// Whether there is a whole batch somewhere behind the end of another one.
fn has_batch_behind(tail: &[u8]) -> io::Result<bool> {
    let ends = tail
        .windows(TRAILER_BYTES)
        .enumerate()
        .filter(|(_, bytes)| batch::is_trailer(bytes));
    for (at, _) in ends {
        let mut rest = &tail[at + TRAILER_BYTES..];
        if matches!(read_batch(&mut rest)?, End::Whole { .. }) {
            return Ok(true);
        }
    }
    Ok(false)
}
