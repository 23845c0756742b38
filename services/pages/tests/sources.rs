//! Rules for the files under `ui/` that only reading them can check.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

fn ui() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("ui")
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_in(&path));
        } else {
            found.push(path);
        }
    }
    found
}

#[test]
fn vendored_files_are_the_published_ones() {
    let vendor = ui().join("vendor");
    let lock = fs::read_to_string(vendor.join("vendor.lock")).unwrap();
    let mut locked = Vec::new();
    for line in lock.lines() {
        let [name, version, file, wanted] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("not a line of the lock: {line}");
        };
        let path = vendor.join(format!("{name}@{version}")).join(file);
        let digest = Sha256::digest(fs::read(&path).unwrap());
        let mut found = String::new();
        for byte in digest {
            write!(found, "{byte:02x}").unwrap();
        }
        assert_eq!(found, wanted, "{}", path.display());
        locked.push(path);
    }
    let own = ["vendor.lock", "packages.json", "refresh.mjs"].map(|name| vendor.join(name));
    for path in files_in(&vendor) {
        assert!(locked.contains(&path) || own.contains(&path), "{} is in no lock", path.display());
    }
}

#[test]
fn own_files_keep_to_text_and_to_the_policy() {
    // Built, so that this file may name them.
    let banned =
        [["inner", "HTML"], ["outer", "HTML"], ["insertAdjacent", "HTML"], ["style", "=\""]];
    for folder in ["live", "console", "shared"] {
        for path in files_in(&ui().join(folder)) {
            let text = fs::read_to_string(&path).unwrap();
            let shown = path.display();
            for word in banned.map(|parts| parts.concat()) {
                assert!(!text.contains(&word), "{shown} uses {word}");
            }
            assert!(!text.contains("dangerouslySet"), "{shown}");
            assert!(text.lines().count() < 300, "{shown} is too long");
        }
    }
}
