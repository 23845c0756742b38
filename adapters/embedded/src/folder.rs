//! The data folder: whose it is, which format it has, and who is using it.
//!
//! | name       | what                                                                          |
//! |------------|-------------------------------------------------------------------------------|
//! | `format`   | one line: `comptoir-embedded`, the format's version, and `new` until all of it is there |
//! | `lock`     | empty; locked as long as a process uses the folder                            |
//! | `database` | the database                                                                  |
//! | `watermark` | how far the database was made durable ([`watermark`])                        |
//! | `probe`    | there for a moment, to see whether the disk has room                          |

use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use fjall::Slice;
use thiserror::Error;
use uuid::Builder;

use crate::error::{Failure, Malformed};
use crate::keyspaces::{self, Db, Space, Starts};
use crate::options::Options;

mod journal;
mod marker;
mod tables;
mod watermark;

pub(crate) use watermark::{Mark, Watermark};

use marker::Marker;

const LOCK: &str = "lock";
const DATABASE: &str = "database";
const FJALL_VERSION: &str = "version";

/// Why a folder cannot be used. Each prints as one line; the cause, where there is one, is its source.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Another process has it open, or another `Embedded` of this one.
    #[error("the data folder {} is in use by another process", dir.display())]
    InUse {
        /// The folder.
        dir: PathBuf,
    },
    /// There is something else of that name.
    #[error("{} is not a folder", dir.display())]
    NotAFolder {
        /// The path.
        dir: PathBuf,
    },
    /// It cannot be made, read or written to.
    #[error("the data folder {} cannot be read and written", dir.display())]
    Unusable {
        /// The folder.
        dir: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// It holds files, but none of ours tells what they are.
    #[error("{} holds other files and no data of this program; they are left alone", dir.display())]
    Foreign {
        /// The folder.
        dir: PathBuf,
    },
    /// The marker is not one that this program ever wrote.
    #[error("the format of the data in {} is unknown: {found:?}", dir.display())]
    UnknownFormat {
        /// The folder.
        dir: PathBuf,
        /// The beginning of the marker.
        found: String,
    },
    /// A newer program wrote it.
    #[error("the data in {} have format {found}; this program knows up to {known}", dir.display())]
    NewerFormat {
        /// The folder.
        dir: PathBuf,
        /// The version that was found.
        found: u32,
        /// The newest one that is known.
        known: u32,
    },
    /// Something stored was changed or is missing.
    #[error(
        "the database {} is damaged; nothing in it was changed. Restore a copy, or start afresh with \
         another data folder",
        dir.display()
    )]
    Damaged {
        /// The folder of the database.
        dir: PathBuf,
        /// What is wrong.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

pub(crate) fn damaged(dir: &Path, failure: Failure) -> OpenError {
    OpenError::Damaged { dir: dir.to_owned(), source: failure.into() }
}

/// A folder that is ours as long as this lives.
pub(crate) struct Folder {
    dir: PathBuf,
    /// The system unlocks it when it is closed.
    _lock: File,
}

impl Folder {
    /// Makes sure that the folder is ours and holds a database in a format that we know.
    pub(crate) fn claim(dir: &Path, options: &Options) -> Result<Self, OpenError> {
        let unusable = |source| OpenError::Unusable { dir: dir.to_owned(), source };
        make(dir)?;
        // Looked at before anything is written: the lock would be a file in a folder of others.
        if Marker::read(dir)?.is_none() && !is_empty(dir).map_err(unusable)? {
            return Err(OpenError::Foreign { dir: dir.to_owned() });
        }
        let folder = Self { dir: dir.to_owned(), _lock: take_lock(dir)? };
        if Marker::read(dir)? != Some(Marker::Complete) {
            folder.create(options)?;
        }
        Ok(folder)
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.dir.join(DATABASE)
    }

    /// Makes a new database. Whatever an earlier attempt left of one holds nothing yet.
    fn create(&self, options: &Options) -> Result<(), OpenError> {
        let unusable = |source| OpenError::Unusable { dir: self.dir.clone(), source };
        Marker::New.write(&self.dir).map_err(unusable)?;
        match fs::remove_dir_all(self.database()) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(unusable(error)),
            _ => {}
        }
        let log_id = new_log_id().map_err(unusable)?;
        let write = || {
            let db = Db::open(&self.database(), options, &Starts::default())?;
            db.put(&[(Space::Meta, keyspaces::LOG_ID.into(), log_id)])?;
            Ok(db.commits())
        };
        let commits = write().map_err(|error| open_error(&self.database(), error))?;
        let watermark = Watermark::open(&self.database()).map_err(unusable)?;
        watermark.begin(commits).map_err(unusable)?;
        Marker::Complete.write(&self.dir).map_err(unusable)
    }
}

/// It tells this log from every other one for ever, whatever clock and ids a test owns.
fn new_log_id() -> io::Result<Slice> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    Ok(Slice::new(Builder::from_random_bytes(random).as_uuid().as_bytes()))
}

fn make(dir: &Path) -> Result<(), OpenError> {
    let unusable = |source| OpenError::Unusable { dir: dir.to_owned(), source };
    match fs::metadata(dir) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err(OpenError::NotAFolder { dir: dir.to_owned() }),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            fs::create_dir_all(dir).map_err(unusable)
        }
        Err(error) => Err(unusable(error)),
    }
}

/// Whether nothing is there but what a volume comes with, and what a start that was cut short left.
fn is_empty(dir: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let is_ours = (name == LOCK || name == marker::NEXT) && entry.metadata()?.is_file();
        if !is_ours && name != "lost+found" {
            return Ok(false);
        }
    }
    Ok(true)
}

fn take_lock(dir: &Path) -> Result<File, OpenError> {
    let unusable = |source| OpenError::Unusable { dir: dir.to_owned(), source };
    let file = File::options().create(true).truncate(false).write(true).open(dir.join(LOCK));
    let file = file.map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { dir: dir.to_owned() }),
        Err(TryLockError::Error(source)) => Err(unusable(source)),
    }
}

/// Opens the database, after checking that nothing of it would be lost in silence. Blocks.
pub(crate) fn open_database(
    path: &Path,
    options: &Options,
    starts: &Starts,
    watermark: &Watermark,
) -> Result<Db, OpenError> {
    let unusable = |source| OpenError::Unusable { dir: path.to_owned(), source };
    let is_damaged =
        |problem: String| damaged(path, Malformed::new("the database", problem).into());
    // Without its version, fjall would make a new database over what is left of the old one.
    if !path.join(FJALL_VERSION).is_file() {
        return Err(is_damaged(format!("its file {FJALL_VERSION:?} is missing")));
    }
    tables::check(path)?;
    let found = watermark.read().map_err(unusable)?;
    let mark = found.unwrap_or_default();
    journal::check(path, mark)?;
    // From here on, journals are removed when they are not needed any more.
    watermark.begin(mark.commits).map_err(unusable)?;
    // What fjall does not expect to find in its files, it meets with a panic.
    let opened = catch_unwind(AssertUnwindSafe(|| Db::open(path, options, starts)));
    let opened = opened.map_err(|_| is_damaged("it could not be recovered".to_owned()))?;
    let db = opened.map_err(|error| open_error(path, error))?;
    let commits = db.commits();
    if commits < mark.commits {
        let lost = mark.commits - commits;
        return Err(is_damaged(format!("the last {lost} writes are missing")));
    }
    if found.is_none() && commits > 0 {
        tracing::warn!(
            "the file \"watermark\" is missing or damaged, so it cannot be checked that nothing was \
             cut off the end of the journal"
        );
    }
    Ok(db)
}

/// Notes that the database was closed, with all of its journals there.
pub(crate) fn note_closed(path: &Path, watermark: &Watermark, commits: u64) -> io::Result<()> {
    watermark.note(Mark { commits, oldest_journal: journal::oldest(path)? });
    watermark.sync()
}

/// Whether the disk takes a file of some size. It is gone again afterwards.
pub(crate) fn probe(database: &Path) -> io::Result<()> {
    /// More than the writes that come first once the database is open again.
    const BYTES: usize = 1 << 20;
    let path = database.with_file_name("probe");
    let write = || {
        let mut file = File::create(&path)?;
        file.write_all(&vec![1; BYTES])?;
        file.sync_all()
    };
    let written = write();
    match fs::remove_file(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => written,
    }
}

pub(crate) fn open_error(path: &Path, error: fjall::Error) -> OpenError {
    let dir = path.to_owned();
    match error {
        fjall::Error::Locked => OpenError::InUse { dir },
        // A file that should be there is missing or shorter than it was.
        fjall::Error::Io(source)
            if matches!(source.kind(), ErrorKind::NotFound | ErrorKind::UnexpectedEof) =>
        {
            OpenError::Damaged { dir, source: source.into() }
        }
        fjall::Error::Io(source) => OpenError::Unusable { dir, source },
        fjall::Error::Poisoned => {
            let source = io::Error::other("a write in the background failed");
            OpenError::Unusable { dir, source }
        }
        other => OpenError::Damaged { dir, source: other.into() },
    }
}
