//! Looks through fjall's journals before fjall does.
//!
//! fjall reads a journal up to the first entry that makes no sense and cuts off the rest. That is
//! right for the last batch, which a crash may have left half written and nobody was told about. It is
//! wrong for anything before: one changed byte in the middle would drop all that follows without a
//! word. Every batch is synced before the next one is begun, so a crash can harm the last one only;
//! more than that is damage, and the folder is refused as it is.
//!
//! Nor may a whole batch be missing, which a crash cannot do either: the groups of writes are numbered
//! without a gap, and the watermark beside the database says how far they went at least.
//!
//! The other way round, a hole that a power failure left inside the last batch makes fjall refuse the
//! folder, although that batch was never acknowledged. It is cut off here.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{self, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use super::OpenError;
use super::watermark::Mark;
use crate::error::Malformed;

mod batch;

use batch::{End, MAGIC, TRAILER_BYTES, read_batch};

/// What the disk writes at once: a crash leaves such a piece as a whole or not at all.
const SECTOR: usize = 512;

/// Refuses a database whose journals are damaged or do not reach as far as the mark says, and cuts a
/// half-written batch off the last one.
pub(super) fn check(database: &Path, mark: Mark) -> Result<(), OpenError> {
    let unusable = |source| OpenError::Unusable { dir: database.to_owned(), source };
    let mut journals = list(database).map_err(unusable)?;
    let oldest = journals.first().map(|(number, _)| *number);
    let Some((_, active)) = journals.pop() else {
        return Err(damaged(database, "it is missing"));
    };
    if let Some(missing) = mark.oldest_journal.filter(|needed| Some(*needed) < oldest) {
        return Err(damaged(database, format!("{missing}.jnl is missing")));
    }
    let mut commits = None;
    for (_, journal) in journals {
        // It was synced as a whole before the next one was begun.
        let judged = judge(&journal, commits).map_err(unusable)?;
        if judged.verdict != Verdict::Whole {
            return Err(judged.damaged(database, &journal));
        }
        commits = judged.commits;
    }
    let judged = judge(&active, commits).map_err(unusable)?;
    if judged.verdict == Verdict::Damaged {
        return Err(judged.damaged(database, &active));
    }
    if let Some(found) = judged.commits.filter(|found| *found < mark.commits) {
        let lost = mark.commits - found;
        let problem = format!("{} ends {lost} writes earlier than it did", name(&active));
        return Err(damaged(database, problem));
    }
    if judged.verdict == Verdict::Torn {
        tracing::info!(
            journal = %active.display(),
            bytes = judged.valid,
            "the last batch was not written to its end; it is cut off"
        );
        cut(&active, judged.valid).map_err(unusable)?;
    }
    Ok(())
}

/// The number of the oldest journal.
pub(super) fn oldest(database: &Path) -> io::Result<Option<u64>> {
    Ok(list(database)?.first().map(|(number, _)| *number))
}

/// The journals with their numbers, oldest first.
fn list(database: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
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
    Ok(journals)
}

fn name(journal: &Path) -> Cow<'_, str> {
    journal.file_name().unwrap_or_default().to_string_lossy()
}

fn damaged(database: &Path, problem: impl Into<String>) -> OpenError {
    let source = Malformed::new("the journal", problem).into();
    OpenError::Damaged { dir: database.to_owned(), source }
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
    Torn,
    /// Batches, then bytes that a crash cannot have left.
    Damaged,
}

/// One journal, looked through.
struct Judged {
    verdict: Verdict,
    /// How many bytes of it are whole batches.
    valid: u64,
    /// The number of the last group in it, or in those before it.
    commits: Option<u64>,
}

impl Judged {
    fn damaged(&self, database: &Path, journal: &Path) -> OpenError {
        let (name, valid) = (name(journal), self.valid);
        let problem = format!("{name} cannot be read from byte {valid} on, and more follows");
        damaged(database, problem)
    }
}

/// Looks through a journal; `commits` is the number of the last group before it.
fn judge(journal: &Path, mut commits: Option<u64>) -> io::Result<Judged> {
    let mut reader = BufReader::with_capacity(1 << 16, File::open(journal)?);
    let (mut valid, mut newest) = (0, None);
    let wrong = loop {
        match read_batch(&mut reader)? {
            End::Whole { bytes, number, commit }
                if is_next(number, newest) && is_next_commit(commit, commits) =>
            {
                valid += bytes;
                newest = Some(number);
                commits = commit.or(commits);
            }
            End::Whole { .. } => {
                return Ok(Judged { verdict: Verdict::Damaged, valid, commits });
            }
            End::Wrong { bytes } => break usize::try_from(bytes).ok(),
            End::Broken => break None,
        }
    };
    let tail = tail(reader, valid)?;
    let verdict = if tail.is_empty() { Verdict::Whole } else { judge_tail(&tail, valid, wrong)? };
    Ok(Judged { verdict, valid, commits })
}

/// What follows the whole batches, which end at `valid`. `wrong` is the length of a batch of which all
/// is there, and something is wrong.
fn judge_tail(tail: &[u8], valid: u64, wrong: Option<usize>) -> io::Result<Verdict> {
    // It was written to its end if the end is there: what begins a batch is written before.
    let mut written = tail.to_vec();
    let has_end = match wrong {
        Some(bytes) => {
            written.resize(bytes, 0);
            true
        }
        None => tail.ends_with(MAGIC),
    };
    let is_damaged = has_end && has_all_sectors(&written, valid) || has_batch_behind(tail)?;
    Ok(if is_damaged { Verdict::Damaged } else { Verdict::Torn })
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

/// Whether no group is missing before this one. Those of an older program have no number.
fn is_next_commit(commit: Option<u64>, before: Option<u64>) -> bool {
    commit.zip(before).is_none_or(|(commit, before)| commit == before + 1)
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
