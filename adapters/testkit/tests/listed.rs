//! A check that no suite names would never run.
#![expect(clippy::unwrap_used, reason = "a test's panic is its report")]

use std::fs;
use std::path::{Path, PathBuf};

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else {
            found.push(path);
        }
    }
    found
}

#[test]
fn every_check_is_in_a_suite() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let suites: String = ["suites.rs", "suites/bus.rs", "suites/store.rs"]
        .map(|file| fs::read_to_string(source.join(file)).unwrap())
        .concat();
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let listed: Vec<_> = suites.split(|c| !is_name(c)).collect();
    for path in sources(&source.join("contract")) {
        for line in fs::read_to_string(&path).unwrap().lines() {
            let check = line.strip_prefix("pub async fn ").or(line.strip_prefix("pub fn "));
            if let Some(check) = check {
                let name = check.split(['(', '<']).next().unwrap();
                assert!(listed.contains(&name), "{name} of {} is in no suite", path.display());
            }
        }
    }
}
