//! How many files and connections the operating system lets this program have open.
//!
//! Connections must not use up what the store and the log need for their files: a client that opens
//! thousands would otherwise stop the shop.

use comptoir_http::Capacity;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Connections of one program, however many files it may open.
const MOST_CONNECTIONS: u64 = 20_480;
/// Files that are left to everything else; a quarter of all where there are few.
const RESERVED: u64 = 1_024;
const RESERVED_SHARE: u64 = 4;

/// Raises the soft limit as far as this program has use for it. Shells give 1,024, for the sake of
/// programs that cannot count further.
pub(crate) fn raise_limit() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = MOST_CONNECTIONS + RESERVED;
    let wanted = maximum.map_or(wanted, |maximum| maximum.min(wanted));
    if current.is_some_and(|current| current < wanted) {
        // A system that refuses leaves the limit as it is, and then there is room for fewer.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum });
    }
}

/// Room for as many connections as may be open beside the program's own files.
pub(crate) fn capacity() -> Capacity {
    let room = room(getrlimit(Resource::Nofile).current);
    Capacity::new(usize::try_from(room).unwrap_or(usize::MAX))
}

fn room(files: Option<u64>) -> u64 {
    let Some(files) = files else { return MOST_CONNECTIONS };
    let reserved = RESERVED.min(files / RESERVED_SHARE);
    (files - reserved).min(MOST_CONNECTIONS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_files_to_the_program() {
        for (files, connections) in [
            (Some(256), 192),
            (Some(1_024), 768),
            (Some(20_000), 18_976),
            (Some(1_048_576), 20_480),
            (None, 20_480),
        ] {
            assert_eq!(room(files), connections, "{files:?}");
        }
    }
}
