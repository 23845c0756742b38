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
use comptoir_testkit::files::contents;
use comptoir_testkit::world::FakeClock;
use tempfile::{TempDir, tempdir};

use folder::{create, numbers, publish, try_open, values};

const RECORDS: usize = 8;

/// Background work would make journals of two openings differ.
const QUIET: Options = Options {
    retention_age: None,
    retention_bytes: None,
    retention_unread_bytes: 0,
    retention_every: folder::PATIENCE,
    deadline: folder::PATIENCE,
    cache_bytes: 1 << 20,
};

async fn open(dir: &Path) -> Result<Embedded, OpenError> {
    try_open(dir, QUIET, &FakeClock::default()).await
}

/// A folder with some records, each a batch of its own, and the only journal that it has.
struct Prepared {
    dir: TempDir,
    journal: PathBuf,
    /// The journal up to its last batch: space is set aside for more.
    whole: Vec<u8>,
    /// The watermark after so many records.
    marks: Vec<Vec<u8>>,
}

impl Prepared {
    async fn new() -> Self {
        let dir = tempdir().unwrap();
        let embedded = open(dir.path()).await.unwrap();
        create(&embedded, 1).await;
        let mark = || fs::read(dir.path().join("watermark")).unwrap();
        let mut marks = vec![mark()];
        for n in 0..RECORDS {
            publish(&embedded, n.to_string()).await.unwrap();
            marks.push(mark());
        }
        embedded.close().await;
        let files = fs::read_dir(dir.path().join("database")).unwrap();
        let journals = files.map(|entry| entry.unwrap().path());
        let journals: Vec<_> =
            journals.filter(|path| path.extension().is_some_and(|e| e == "jnl")).collect();
        let [journal] = journals.as_slice() else {
            panic!("{journals:?}");
        };
        let (journal, whole) = (journal.clone(), read(journal));
        Self { dir, journal, whole, marks }
    }

    /// Puts that journal there, as if so many records had been acknowledged.
    fn lay(&self, journal: &[u8], acknowledged: usize) {
        fs::write(&self.journal, journal).unwrap();
        fs::write(self.dir.path().join("watermark"), &self.marks[acknowledged]).unwrap();
    }

    async fn recovered(&self) -> Result<Vec<String>, OpenError> {
        recovered(self.dir.path()).await
    }

    /// Changes a bit of every third byte: the folder is refused, or all records are there.
    async fn flip(&self, journal: &[u8], lay: impl Fn(&[u8])) {
        let (mut refused, mut harmless) = (0, 0);
        for byte in (0..journal.len()).step_by(3) {
            let mut changed = journal.to_vec();
            changed[byte] ^= 1 << (byte % 8);
            lay(&changed);
            match self.recovered().await {
                Ok(found) => {
                    assert_eq!(found, numbers(0..RECORDS), "byte {byte}");
                    harmless += 1;
                }
                Err(OpenError::Damaged { .. }) => refused += 1,
                Err(other) => panic!("byte {byte}: {other}"),
            }
        }
        eprintln!("{} flips: {refused} refused, {harmless} harmless", refused + harmless);
        assert!(refused > 0);
    }

    async fn is_refused(&self) -> String {
        let before = contents(self.dir.path());
        let refused = self.recovered().await;
        assert!(matches!(refused, Err(OpenError::Damaged { .. })), "{refused:?}");
        assert!(contents(self.dir.path()) == before, "it is left as it was");
        let refused = refused.unwrap_err();
        std::error::Error::source(&refused).unwrap().to_string()
    }

    /// How many records stand wholly before that byte; none before the topic is there.
    fn records_before(&self, byte: usize) -> Option<usize> {
        /// Of the folder, of its first opening, and of the topic.
        const OTHERS: usize = 3;
        ends(&self.whole).iter().filter(|end| **end <= byte).count().checked_sub(OTHERS)
    }
}

/// A journal up to its last batch.
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

/// Wherever a crash cuts the journal: what stands wholly before is there, and nothing else.
#[tokio::test]
async fn a_cut_costs_what_it_cuts_and_nothing_before() {
    let prepared = Prepared::new().await;
    let mut cuts = 0;
    for byte in 0..=prepared.whole.len() {
        let Some(records) = prepared.records_before(byte) else {
            continue;
        };
        prepared.lay(&prepared.whole[..byte], records);
        let found = prepared.recovered().await;
        assert_eq!(found.unwrap(), numbers(0..records), "cut at {byte}");
        cuts += 1;
    }
    eprintln!("{cuts} cuts, each left exactly the batches before it");
    let records = RECORDS - 1;
    prepared.lay(&prepared.whole[..prepared.whole.len() - 1], records);
    let embedded = open(prepared.dir.path()).await.unwrap();
    let offset = publish(&embedded, "again").await.unwrap().offset;
    assert_eq!(offset, Offset(records as u64), "its offset is free again");
    embedded.close().await;
}

/// The same where space had been set aside: a disk writes whole sectors.
#[tokio::test]
async fn a_cut_into_zeros_costs_what_it_cuts_and_nothing_before() {
    let prepared = Prepared::new().await;
    for byte in (0..=prepared.whole.len()).step_by(512) {
        let Some(records) = prepared.records_before(byte) else {
            continue;
        };
        let mut cut = prepared.whole[..byte].to_vec();
        cut.resize(prepared.whole.len() + 100_000, 0);
        prepared.lay(&cut, records);
        assert_eq!(prepared.recovered().await.unwrap(), numbers(0..records), "cut at {byte}");
    }
}

/// No crash takes what was acknowledged, so a journal that ends before it is damaged, even if it ends
/// between two batches, and if it is empty.
#[tokio::test]
async fn a_cut_into_what_was_acknowledged_is_refused() {
    let prepared = Prepared::new().await;
    let ends = ends(&prepared.whole);
    let (first, inner) = (ends[0], ends[..ends.len() - 1].iter().copied());
    for byte in (first..prepared.whole.len()).step_by(5).chain(inner) {
        prepared.lay(&prepared.whole[..byte], RECORDS);
        let problem = prepared.is_refused().await;
        assert!(problem.contains("writes"), "cut at {byte}: {problem}");
    }
    // With no batch at all left, this is found out once fjall has opened the rest.
    for byte in [0, first / 2, first - 1] {
        prepared.lay(&prepared.whole[..byte], RECORDS);
        let refused = prepared.recovered().await;
        assert!(matches!(refused, Err(OpenError::Damaged { .. })), "cut at {byte}: {refused:?}");
    }
}

/// Whole batches may not go missing from the middle either.
#[tokio::test]
async fn a_batch_that_was_taken_out_is_missed() {
    let prepared = Prepared::new().await;
    for pair in ends(&prepared.whole).windows(2) {
        let without = [&prepared.whole[..pair[0]], &prepared.whole[pair[1]..]].concat();
        prepared.lay(&without, 0);
        if pair[1] < prepared.whole.len() {
            prepared.is_refused().await;
        }
    }
}

#[tokio::test]
async fn a_journal_that_is_gone_is_missed() {
    let prepared = Prepared::new().await;
    fs::remove_file(&prepared.journal).unwrap();
    assert_eq!(prepared.is_refused().await, "the journal: it is missing");
}

/// One changed bit in a journal that is not the last one, a cut, or the lack of it, is refused.
#[tokio::test]
async fn a_sealed_journal_is_whole_or_refused() {
    let prepared = Prepared::new().await;
    let closed = fs::read(prepared.dir.path().join("watermark")).unwrap();
    let ends = ends(&prepared.whole);
    let (sealed, active) = prepared.whole.split_at(ends[6]);
    let next = prepared.journal.with_file_name("1.jnl");
    let lay = |sealed: &[u8]| {
        prepared.lay(sealed, RECORDS);
        fs::write(&next, active).unwrap();
    };
    lay(sealed);
    assert_eq!(prepared.recovered().await.unwrap(), numbers(0..RECORDS), "it is as it should be");
    prepared.flip(sealed, lay).await;
    for end in &ends[1..6] {
        lay(&sealed[..*end]);
        prepared.is_refused().await;
        lay(&sealed[..*end - 7]);
        prepared.is_refused().await;
    }
    lay(sealed);
    fs::write(prepared.dir.path().join("watermark"), closed).unwrap();
    fs::remove_file(&prepared.journal).unwrap();
    assert_eq!(prepared.is_refused().await, "the journal: 0.jnl is missing");
}

/// The watermark only watches: without it, everything else is still there.
#[tokio::test]
async fn a_watermark_that_is_gone_or_damaged_costs_nothing() {
    let prepared = Prepared::new().await;
    let path = prepared.dir.path().join("watermark");
    for byte in 0..prepared.marks[RECORDS].len() {
        let mut changed = prepared.marks[RECORDS].clone();
        changed[byte] ^= 1;
        fs::write(&path, changed).unwrap();
        assert_eq!(prepared.recovered().await.unwrap(), numbers(0..RECORDS), "byte {byte}");
    }
    fs::remove_file(&path).unwrap();
    assert_eq!(prepared.recovered().await.unwrap(), numbers(0..RECORDS));
}

#[tokio::test]
async fn what_stands_behind_the_last_batch_is_dropped() {
    let prepared = Prepared::new().await;
    // A start that promises four billion items, an item of four gigabytes, a text, zeros.
    let endless = [&[1][..], &[0xff; 12]].concat();
    let huge = [&[1, 1, 0, 0, 0][..], &[9; 8], &[2, 0, 0], &[0; 8], &[0xff; 40]].concat();
    for garbage in [endless, huge, b"garbage".to_vec(), vec![0; 1_000], vec![3; 100]] {
        prepared.lay(&[&prepared.whole[..], &garbage].concat(), RECORDS);
        assert_eq!(prepared.recovered().await.unwrap(), numbers(0..RECORDS), "{garbage:?}");
    }
}

/// After a power failure a sector of what was not synced may be missing.
#[tokio::test]
async fn a_last_batch_with_a_hole_is_dropped_as_a_whole() {
    let prepared = Prepared::new().await;
    let mark = fs::read(prepared.dir.path().join("watermark")).unwrap();
    let embedded = open(prepared.dir.path()).await.unwrap();
    publish(&embedded, vec![b'x'; 5_000]).await.unwrap();
    embedded.close().await;
    let whole = read(&prepared.journal);
    let start = ends(&whole)[ends(&whole).len() - 2];
    for sector in start.div_ceil(512)..whole.len() / 512 {
        let mut with_hole = whole.clone();
        with_hole[sector * 512..][..512].fill(0);
        fs::write(&prepared.journal, &with_hole).unwrap();
        fs::write(prepared.dir.path().join("watermark"), &mark).unwrap();
        let found = prepared.recovered().await;
        assert_eq!(found.unwrap(), numbers(0..RECORDS), "sector {sector}");
    }
}

#[tokio::test]
async fn a_changed_start_in_the_middle_is_refused_and_nothing_is_cut() {
    let prepared = Prepared::new().await;
    let whole = &prepared.whole;
    for start in ends(whole).into_iter().filter(|end| *end < whole.len()) {
        let mut changed = whole.clone();
        changed[start] ^= 0x10;
        // The heuristics alone say so, without the help of the watermark.
        prepared.lay(&changed, 0);
        prepared.is_refused().await;
    }
    prepared.lay(whole, RECORDS);
    assert_eq!(prepared.recovered().await.unwrap(), numbers(0..RECORDS));
}

/// One changed bit anywhere in what was synced: the folder is refused, or all records are there.
#[tokio::test]
async fn no_changed_bit_costs_a_record_in_silence() {
    let prepared = Prepared::new().await;
    prepared.flip(&prepared.whole, |changed| prepared.lay(changed, RECORDS)).await;
}
