//! The secret that access tokens are signed with: given, or made once and kept in the data folder.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use comptoir_auth::{InvalidSecret, Secret};
use comptoir_runtime::program::StartFailure;

const FILE: &str = "jwt-secret";
/// Only the owner may read it.
const MODE: u32 = 0o600;

/// Reads a secret from a flag or a variable.
pub(crate) fn parse(text: &str) -> Result<Secret, InvalidSecret> {
    Secret::try_from(text.as_bytes().to_vec())
}

/// The secret of a data folder; made if there is none.
pub(crate) fn of_folder(folder: &Path) -> Result<Secret, StartFailure> {
    let path = folder.join(FILE);
    let failure = |problem: &dyn std::fmt::Display| {
        StartFailure(vec![format!("{}: {problem}", path.display())])
    };
    match fs::read_to_string(&path) {
        Ok(text) => parse(text.trim()).map_err(|problem| failure(&problem)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            make(folder, &path).map_err(|problem| failure(&problem))
        }
        Err(error) => Err(failure(&error)),
    }
}

/// Written aside and renamed, so that a crash leaves the whole secret or none.
fn make(folder: &Path, path: &Path) -> io::Result<Secret> {
    let random = Secret::random().map_err(io::Error::other)?;
    let text = BASE64_URL_SAFE_NO_PAD.encode(random.reveal());
    let aside = folder.join(format!("{FILE}.new"));
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(MODE).open(&aside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&aside, path)?;
    File::open(folder)?.sync_all()?;
    parse(&text).map_err(io::Error::other)
}
