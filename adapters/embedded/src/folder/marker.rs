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
        let bytes = match fs::read(dir.join(NAME)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => {
                return Err(OpenError::Unusable { dir: dir.to_owned(), source });
            }
        };
        Self::parse(&bytes, dir).map(Some)
    }

    fn parse(bytes: &[u8], dir: &Path) -> Result<Self, OpenError> {
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(LONGEST)]);
        let line = text.trim_end();
        let rest = line.strip_prefix(PROGRAM).and_then(|rest| rest.strip_prefix(' '));
        let mut words = rest.unwrap_or_default().splitn(2, ' ');
        let version: Option<u32> = words.next().and_then(|word| word.parse().ok());
        match (version, words.next()) {
            (Some(VERSION), None) => Ok(Self::Complete),
            (Some(VERSION), Some("new")) => Ok(Self::New),
            (Some(found), _) if found > VERSION => {
                Err(OpenError::NewerFormat { dir: dir.to_owned(), found, known: VERSION })
            }
            _ => Err(OpenError::UnknownFormat { dir: dir.to_owned(), found: line.to_owned() }),
        }
    }

    /// Writes it durably, in place of the one before.
    pub(super) fn write(self, dir: &Path) -> io::Result<()> {
        let mut file = File::create(dir.join(NEXT))?;
        file.write_all(self.line().as_bytes())?;
        file.sync_all()?;
        fs::rename(dir.join(NEXT), dir.join(NAME))?;
        File::open(dir)?.sync_all()
    }

    fn line(self) -> String {
        let state = match self {
            Self::New => " new",
            Self::Complete => "",
        };
        format!("{PROGRAM} {VERSION}{state}\n")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(bytes: &[u8]) -> Result<Marker, OpenError> {
        Marker::parse(bytes, Path::new("data"))
    }

    proptest! {
        #[test]
        fn other_bytes_are_no_marker(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(parse(&bytes).is_err());
        }

        #[test]
        fn a_changed_marker_is_another_one_or_none(
            is_new: bool,
            at: prop::sample::Index,
            flip in 1..=u8::MAX,
        ) {
            let marker = if is_new { Marker::New } else { Marker::Complete };
            let line = marker.line();
            prop_assert_eq!(parse(line.as_bytes()).unwrap(), marker);
            let mut changed = line.into_bytes();
            let at = at.index(changed.len());
            changed[at] ^= flip;
            // Nothing of what stands in it may be read as the other one; what follows it is blank.
            if let Ok(found) = parse(&changed) {
                prop_assert_eq!(found, marker);
                prop_assert_eq!(at, changed.len() - 1);
            }
        }
    }
}
