//! Which folders are opened, and which are refused and left as they are.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use comptoir_embedded::{Embedded, OpenError, Options};
use comptoir_testkit::files::contents;
use comptoir_testkit::world::FakeClock;
use tempfile::tempdir;

fn open(dir: &Path) -> Result<Embedded, OpenError> {
    Embedded::open(dir, Options::default(), Arc::new(FakeClock::default()))
}

#[test]
fn a_folder_is_made_with_all_above_it() {
    let dir = tempdir().unwrap();
    let deep = dir.path().join("a/b/c");
    drop(open(&deep).unwrap());
    assert_eq!(fs::read_to_string(deep.join("format")).unwrap(), "comptoir-embedded 1\n");
    drop(open(&deep).unwrap());
}

#[test]
fn a_folder_is_used_by_one_at_a_time() {
    let dir = tempdir().unwrap();
    let first = open(dir.path()).unwrap();
    let second = open(dir.path());
    assert!(matches!(second, Err(OpenError::InUse { .. })), "{second:?}");
    let line = second.unwrap_err().to_string();
    assert_eq!(
        line,
        format!("the data folder {} is in use by another process", dir.path().display())
    );
    drop(first);
    drop(open(dir.path()).unwrap());
}

#[test]
fn a_file_is_no_folder() {
    let dir = tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "something").unwrap();
    assert!(matches!(open(&file), Err(OpenError::NotAFolder { .. })));
    assert!(matches!(open(&file.join("below")), Err(OpenError::Unusable { .. })));
    assert_eq!(fs::read_to_string(&file).unwrap(), "something");
}

#[test]
fn a_folder_of_others_is_left_alone() {
    let dir = tempdir().unwrap();
    fs::create_dir(dir.path().join("database")).unwrap();
    fs::write(dir.path().join("database/precious"), "data").unwrap();
    let before = contents(dir.path());
    assert!(matches!(open(dir.path()), Err(OpenError::Foreign { .. })));
    assert_eq!(contents(dir.path()), before);
}

#[test]
fn a_new_volume_is_no_folder_of_others() {
    let dir = tempdir().unwrap();
    fs::create_dir(dir.path().join("lost+found")).unwrap();
    drop(open(dir.path()).unwrap());
}

#[test]
fn other_formats_are_refused_by_name() {
    let dir = tempdir().unwrap();
    drop(open(dir.path()).unwrap());
    let before = contents(dir.path());
    for (marker, line) in [
        ("comptoir-embedded 2\n", "format 2; this program knows up to 1"),
        ("comptoir-embedded 7 and more\n", "format 7; this program knows up to 1"),
        ("comptoir-embedded\n", "unknown: \"comptoir-embedded\""),
        ("comptoir-embedded 0\n", "unknown: \"comptoir-embedded 0\""),
        ("", "unknown: \"\""),
        ("another program 1\n", "unknown: \"another program 1\""),
    ] {
        fs::write(dir.path().join("format"), marker).unwrap();
        let refused = open(dir.path()).unwrap_err().to_string();
        assert!(refused.ends_with(line), "{refused}");
        assert!(!refused.contains('\n'));
    }
    fs::write(dir.path().join("format"), &before[&dir.path().join("format")]).unwrap();
    assert_eq!(contents(dir.path()), before);
    drop(open(dir.path()).unwrap());
}

/// A crash while the folder was made leaves a marker that says so; there can be no data yet.
#[test]
fn a_start_that_was_cut_short_is_begun_again() {
    let dir = tempdir().unwrap();
    fs::write(dir.path().join("format"), "comptoir-embedded 1 new\n").unwrap();
    fs::create_dir(dir.path().join("database")).unwrap();
    fs::write(dir.path().join("database/0.jnl"), "half").unwrap();
    drop(open(dir.path()).unwrap());
    drop(open(dir.path()).unwrap());
}

/// It is not made anew in silence.
#[test]
fn a_database_that_is_gone_is_damage() {
    let dir = tempdir().unwrap();
    drop(open(dir.path()).unwrap());
    fs::remove_file(dir.path().join("database/version")).unwrap();
    let left = contents(dir.path());
    assert!(matches!(open(dir.path()), Err(OpenError::Damaged { .. })));
    assert_eq!(contents(dir.path()), left);
    fs::remove_dir_all(dir.path().join("database")).unwrap();
    assert!(matches!(open(dir.path()), Err(OpenError::Damaged { .. })));
}
