//! What a crash or a failing disk leaves of the journal: a half-written last batch is dropped as a
//! whole, and anything else that cannot be read is refused, never passed over.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[expect(dead_code, reason = "shared by all tests, and none needs all of it")]
#[path = "support/folder.rs"]
mod folder;

use std::fs;
use std::path::{Path, PathBuf};

use comptoir_domain::topic::Offset;
use comptoir_embedded::{Embedded, OpenError, Options};
use comptoir_testkit::world::FakeClock;
use proptest::prelude::*;
use tempfile::{TempDir, tempdir};

use folder::{create, fill, numbers, publish, try_open, values};

const RECORDS: usize = 8;

/// Background work would make journals of two openings differ.
const QUIET: Options = Options {
    retention_age: None,
    retention_bytes: None,
    retention_every: folder::PATIENCE,
    deadline: folder::PATIENCE,
    cache_bytes: 1 << 20,
};

async fn open(dir: &Path) -> Result<Embedded, OpenError> {
    try_open(dir, QUIET, &FakeClock::default()).await
}

/// A folder with some records, each a batch of its own, and the only journal that it has.
async fn prepared() -> (TempDir, PathBuf) {
    let dir = tempdir().unwrap();
    let embedded = open(dir.path()).await.unwrap();
    create(&embedded, 1).await;
    fill(&embedded, RECORDS).await;
    embedded.close().await;
    let files = fs::read_dir(dir.path().join("database")).unwrap();
    let journals = files.map(|entry| entry.unwrap().path());
    let journals: Vec<_> =
        journals.filter(|path| path.extension().is_some_and(|e| e == "jnl")).collect();
    let [journal] = journals.as_slice() else {
        panic!("{journals:?}");
    };
    (dir, journal.clone())
}

/// A journal up to its last batch: space is set aside for more.
fn read(journal: &Path) -> Vec<u8> {
    let mut bytes = fs::read(journal).unwrap();
    let end = bytes.iter().rposition(|&byte| byte != 0).unwrap() + 1;
    bytes.truncate(end);
    bytes
}

/// Where each batch ends.
fn ends(journal: &[u8]) -> Vec<usize> {
    let magic = journal.windows(4).enumerate().filter(|(_, bytes)| bytes == b"FJL\x03");
    magic.map(|(at, _)| at + 4).collect()
}

/// Opens, and tells which records are there.
async fn recovered(dir: &Path) -> Result<Vec<String>, OpenError> {
    let embedded = open(dir).await?;
    let values = values(&embedded, 0).await;
    embedded.close().await;
    Ok(values)
}

#[tokio::test]
async fn a_last_batch_that_is_cut_off_is_dropped_as_a_whole() {
    let (dir, journal) = prepared().await;
    let whole = read(&journal);
    let ends = ends(&whole);
    let last = ends[ends.len() - 2];
    assert_eq!(ends[ends.len() - 1], whole.len());
    for end in [last, last + 1, last + 13, last + 40, whole.len() - 9, whole.len() - 1] {
        fs::write(&journal, &whole[..end]).unwrap();
        assert_eq!(recovered(dir.path()).await.unwrap(), numbers(0..RECORDS - 1), "cut at {end}");
    }
    let embedded = open(dir.path()).await.unwrap();
    let offset = publish(&embedded, "again").await.unwrap().offset;
    assert_eq!(offset, Offset(RECORDS as u64 - 1), "its offset is free again");
    embedded.close().await;
}

#[tokio::test]
async fn what_stands_behind_the_last_batch_is_dropped() {
    let (dir, journal) = prepared().await;
    let whole = read(&journal);
    // A start that promises four billion items, an item of four gigabytes, a text, zeros.
    let endless = [&[1][..], &[0xff; 12]].concat();
    let huge = [&[1, 1, 0, 0, 0][..], &[9; 8], &[2, 0, 0], &[0; 8], &[0xff; 40]].concat();
    for garbage in [endless, huge, b"garbage".to_vec(), vec![0; 1_000], vec![3; 100]] {
        fs::write(&journal, [&whole[..], &garbage].concat()).unwrap();
        assert_eq!(recovered(dir.path()).await.unwrap(), numbers(0..RECORDS), "{garbage:?}");
    }
}

/// After a power failure a sector of what was not synced may be missing.
#[tokio::test]
async fn a_last_batch_with_a_hole_is_dropped_as_a_whole() {
    let (dir, journal) = prepared().await;
    let embedded = open(dir.path()).await.unwrap();
    publish(&embedded, vec![b'x'; 5_000]).await.unwrap();
    embedded.close().await;
    let mut whole = read(&journal);
    let start = ends(&whole)[ends(&whole).len() - 2];
    for sector in start.div_ceil(512)..whole.len() / 512 {
        let saved = whole.clone();
        whole[sector * 512..][..512].fill(0);
        fs::write(&journal, &whole).unwrap();
        assert_eq!(recovered(dir.path()).await.unwrap(), numbers(0..RECORDS), "sector {sector}");
        whole = saved;
    }
}

#[tokio::test]
async fn a_changed_start_in_the_middle_is_refused_and_nothing_is_cut() {
    let (dir, journal) = prepared().await;
    let whole = read(&journal);
    for start in ends(&whole).into_iter().filter(|end| *end < whole.len()) {
        let mut changed = whole.clone();
        changed[start] ^= 0x10;
        fs::write(&journal, &changed).unwrap();
        let refused = recovered(dir.path()).await;
        assert!(matches!(refused, Err(OpenError::Damaged { .. })), "{refused:?} from {start}");
        assert!(fs::read(&journal).unwrap() == changed, "it is left as it was");
    }
    fs::write(&journal, &whole).unwrap();
    assert_eq!(recovered(dir.path()).await.unwrap(), numbers(0..RECORDS));
}

/// One changed byte anywhere in what was synced: the folder is refused, or all records are there.
#[test]
fn no_changed_byte_costs_a_record_in_silence() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (dir, journal) = runtime.block_on(prepared());
    let whole = read(&journal);
    let flips = (any::<prop::sample::Index>(), 1..=u8::MAX);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(150)
    });
    let checked = runner.run(&flips, |(at, flip)| {
        let mut changed = whole.clone();
        changed[at.index(whole.len())] ^= flip;
        fs::write(&journal, &changed).unwrap();
        match runtime.block_on(recovered(dir.path())) {
            Ok(found) => prop_assert_eq!(found, numbers(0..RECORDS)),
            Err(OpenError::Damaged { .. }) => {}
            Err(other) => prop_assert!(false, "{other}"),
        }
        Ok(())
    });
    checked.unwrap();
}
