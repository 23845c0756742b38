//! Looks at what fjall believes unseen when it opens its tables.
//!
//! Each keyspace is a folder with a file `current`, which names the list of its tables and has the
//! hash of that list. fjall writes the hash and does not compare it; tables that a damaged list leaves
//! out would be deleted. And a folder without `current` is one that was never finished, to fjall: it
//! deletes all of it. Ours were finished before the first write.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_128;

use super::OpenError;
use crate::error::Malformed;
use crate::keyspaces::KEYSPACES;

/// Refuses a database with keyspaces whose list of tables is missing or damaged.
pub(super) fn check(database: &Path) -> Result<(), OpenError> {
    let folder = database.join("keyspaces");
    for number in 0..=KEYSPACES {
        let keyspace = folder.join(number.to_string());
        check_keyspace(&keyspace).map_err(|(path, problem)| OpenError::Damaged {
            dir: database.to_owned(),
            source: Malformed::new("the database", format!("{} {problem}", path.display())).into(),
        })?;
    }
    Ok(())
}

type Problem = (PathBuf, String);

fn check_keyspace(keyspace: &Path) -> Result<(), Problem> {
    let current = keyspace.join("current");
    let bytes = read(&current)?;
    let parsed = parse(&bytes).ok_or_else(|| (current, "is damaged".to_owned()))?;
    let list = keyspace.join(format!("v{}", parsed.0));
    if xxh3_128(&read(&list)?) == parsed.1 {
        Ok(())
    } else {
        Err((list, "is damaged, or else the file \"current\" beside it".to_owned()))
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Problem> {
    fs::read(path).map_err(|error| {
        let problem = match error.kind() {
            io::ErrorKind::NotFound => "is missing".to_owned(),
            _ => format!("cannot be read: {error}"),
        };
        (path.to_owned(), problem)
    })
}

/// The number of the list and its hash: u64 and u128, little-endian, then the kind of hash.
fn parse(current: &[u8]) -> Option<(u64, u128)> {
    let (number, rest) = current.split_first_chunk()?;
    let (hash, kind) = rest.split_first_chunk()?;
    (kind == [0]).then(|| (u64::from_le_bytes(*number), u128::from_le_bytes(*hash)))
}
