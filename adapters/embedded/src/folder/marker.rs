//! The file that says whose folder it is.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use super::OpenError;

const NAME: &str = "format";
/// The next marker, before it takes the name.
pub(super) const NEXT: &str = "format.next";
const PROGRAM: &str = "comptoir-embedded";
const VERSION: u32 = 1;
/// More than any marker that was ever written.
const LONGEST: usize = 64;

/// What the marker says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marker {
    /// The database is being made: there is nothing in it yet.
    New,
    /// The database is there.
    Complete,
}

impl Marker {
    /// Reads it; `None` if there is none.
    pub(super) fn read(dir: &Path) -> Result<Option<Self>, OpenError> {
        let text = match fs::read(dir.join(NAME)) {
            Ok(bytes) => String::from_utf8_lossy(&bytes[..bytes.len().min(LONGEST)]).into_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => {
                return Err(OpenError::Unusable { dir: dir.to_owned(), source });
            }
        };
        let line = text.trim_end();
        let rest = line.strip_prefix(PROGRAM).and_then(|rest| rest.strip_prefix(' '));
        let mut words = rest.unwrap_or_default().splitn(2, ' ');
        let version: Option<u32> = words.next().and_then(|word| word.parse().ok());
        match (version, words.next()) {
            (Some(VERSION), None) => Ok(Some(Self::Complete)),
            (Some(VERSION), Some("new")) => Ok(Some(Self::New)),
            (Some(found), _) if found > VERSION => {
                Err(OpenError::NewerFormat { dir: dir.to_owned(), found, known: VERSION })
            }
            _ => Err(OpenError::UnknownFormat { dir: dir.to_owned(), found: line.to_owned() }),
        }
    }

    /// Writes it durably, in place of the one before.
    pub(super) fn write(self, dir: &Path) -> io::Result<()> {
        let state = match self {
            Self::New => " new",
            Self::Complete => "",
        };
        let mut file = File::create(dir.join(NEXT))?;
        writeln!(file, "{PROGRAM} {VERSION}{state}")?;
        file.sync_all()?;
        fs::rename(dir.join(NEXT), dir.join(NAME))?;
        File::open(dir)?.sync_all()
    }
}
