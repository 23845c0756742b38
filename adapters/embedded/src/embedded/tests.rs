//! Damage to what is not in the journal any more: tables, their lists, and the files beside them.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use comptoir_domain::id::PaymentId;
use comptoir_domain::outbox::OutboxOwner;
use comptoir_domain::port::bus::{
    Committer as _, ConsumerGroups as _, GroupEvent, GroupMember as _, LogAdmin as _,
    LogReader as _, Publisher as _, ReadLimit,
};
use comptoir_domain::port::store::{
    Outbox as _, PaymentRepository as _, Save, StoreError, Version,
};
use comptoir_domain::record::{Outgoing, Record};
use comptoir_domain::topic::{GroupId, Partition, Topic};
use comptoir_testkit::builders::{a_payment, an_envelope};
use comptoir_testkit::files::contents;
use comptoir_testkit::world::FakeClock;
use tempfile::{TempDir, tempdir};
use tokio::time::timeout;

use super::*;
use crate::groups::{GroupCommitter, Member};
use crate::keyspaces::{self, Space};

const RECORDS: usize = 20;

fn topic() -> Topic {
    Topic::try_from("events").unwrap()
}

fn open(dir: &Path) -> Result<Embedded, OpenError> {
    let options = Options { retention_age: None, retention_bytes: None, ..Options::default() };
    Embedded::open(dir, options, Arc::new(FakeClock::default()))
}

/// A closed folder that has all it holds in tables, and every file of it.
struct Prepared {
    dir: TempDir,
    payment: PaymentId,
    files: BTreeMap<PathBuf, Vec<u8>>,
}

impl Prepared {
    async fn new() -> Self {
        let dir = tempdir().unwrap();
        let embedded = open(dir.path()).unwrap();
        embedded.admin().create_topics(&[topic()], 1).await.unwrap();
        for n in 0..RECORDS {
            let record = Record { value: Some(n.to_string().into_bytes()), ..Record::default() };
            let outgoing = Outgoing { topic: topic(), record };
            embedded.publisher().publish(vec![outgoing]).await.unwrap();
        }
        let state = a_payment().build();
        let (payment, outbox) = (state.id, vec![an_envelope().waiting_for(&["events"])]);
        let save = Save { state, expected: Version::NEW, outbox, answer: None };
        embedded.payments().save(vec![save]).await.unwrap().remove(0).unwrap();
        let db = embedded.core.shared.db().unwrap();
        for space in [Space::Meta, Space::Log, Space::Groups, Space::State, Space::Outbox] {
            db.space(space).rotate_memtable_and_wait().unwrap();
        }
        drop(db);
        embedded.close().await;
        // The space that is set aside is given back when the journal is read.
        open(dir.path()).unwrap().close().await;
        let files = contents(dir.path());
        Self { dir, payment, files }
    }

    fn restore(&self) {
        fs::remove_dir_all(self.dir.path().join("database")).unwrap();
        for (path, bytes) in &self.files {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
    }

    /// The files whose names begin like that.
    fn named(&self, beginning: &str) -> Vec<&PathBuf> {
        let is_named = |path: &&PathBuf| {
            let path = path.strip_prefix(self.dir.path()).unwrap();
            path.to_str().unwrap().starts_with(beginning)
        };
        self.files.keys().filter(is_named).collect()
    }

    /// Opens and reads everything. It is refused, or a read says that it is corrupt, or all is there.
    async fn find(&self) -> Found {
        let embedded = match open(self.dir.path()) {
            Ok(embedded) => embedded,
            Err(
                OpenError::Damaged { .. }
                | OpenError::UnknownFormat { .. }
                | OpenError::NewerFormat { .. }
                | OpenError::Foreign { .. },
            ) => return Found::Refused,
            Err(other) => panic!("{other:?}"),
        };
        let found = self.read(&embedded).await;
        embedded.close().await;
        found
    }

    async fn read(&self, embedded: &Embedded) -> Found {
        let limit = ReadLimit { records: 100, bytes: usize::MAX, wait: Duration::ZERO };
        let at = TopicPartition { topic: topic(), partition: Partition(0) };
        let mut is_corrupt = false;
        match embedded.reader().read(&at, Offset::ZERO, limit).await {
            Ok(records) => {
                let values = records.into_iter().map(|stored| stored.record.value.unwrap());
                let expected = (0..RECORDS).map(|n| n.to_string().into_bytes());
                assert!(values.eq(expected), "records are other ones, or some are missing");
            }
            Err(BusError::Corrupt(_)) => is_corrupt = true,
            Err(other) => panic!("{other:?}"),
        }
        match embedded.payments().load(&[self.payment]).await {
            Ok(loaded) => assert!(loaded[0].is_some(), "a payment is gone"),
            Err(StoreError::Corrupt(_)) => is_corrupt = true,
            Err(other) => panic!("{other:?}"),
        }
        match embedded.payments().pending(&[OutboxOwner(self.payment.to_string())]).await {
            Ok(pending) => assert_eq!(pending.len(), 1, "an outbox is gone"),
            Err(StoreError::Corrupt(_)) => is_corrupt = true,
            Err(other) => panic!("{other:?}"),
        }
        if is_corrupt { Found::Corrupt } else { Found::All }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Found {
    All,
    Corrupt,
    Refused,
}

/// Changes one bit of every so many bytes of each of these files; counts what comes of it.
async fn flip(prepared: &Prepared, beginning: &str, every: usize) -> BTreeMap<Found, usize> {
    let mut outcomes = BTreeMap::new();
    for path in prepared.named(beginning) {
        let whole = &prepared.files[path];
        // Every kind of byte of the small ones.
        let every = if whole.len() < 1_000 { every.min(11) } else { every };
        for byte in (0..whole.len()).step_by(every) {
            let mut changed = whole.clone();
            changed[byte] ^= 1 << (byte % 8);
            fs::write(path, changed).unwrap();
            *outcomes.entry(prepared.find().await).or_default() += 1;
            prepared.restore();
        }
    }
    eprintln!("{beginning}: {outcomes:?}");
    outcomes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_bit_of_a_table_is_told_or_harmless() {
    let prepared = Prepared::new().await;
    assert_eq!(prepared.find().await, Found::All);
    prepared.restore();
    let outcomes = flip(&prepared, "database/keyspaces", 79).await;
    assert!(outcomes[&Found::Corrupt] > 0 && outcomes[&Found::Refused] > 0, "{outcomes:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_bit_of_a_marker_is_refused_or_harmless() {
    let prepared = Prepared::new().await;
    for file in ["format", "database/version", "watermark"] {
        let outcomes = flip(&prepared, file, 1).await;
        assert!(!outcomes.contains_key(&Found::Corrupt), "{outcomes:?}");
    }
}

/// Whatever file somebody removes: it is refused, or nothing is lost by it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_gone_is_missed_or_not_needed() {
    let prepared = Prepared::new().await;
    let mut refused = 0;
    for path in prepared.files.keys() {
        fs::remove_file(path).unwrap();
        let found = prepared.find().await;
        let name = path.file_name().unwrap().to_str().unwrap();
        let is_needed = ["format", "version", "current"].contains(&name) || name.ends_with("jnl");
        assert!(found != Found::Corrupt, "{}", path.display());
        assert!(found == Found::Refused || !is_needed, "{} is not missed", path.display());
        refused += usize::from(found == Found::Refused);
        prepared.restore();
    }
    eprintln!("{refused} of {} files are missed", prepared.files.len());
}

async fn append(embedded: &Embedded, numbers: Range<u8>) {
    for n in numbers {
        let record = Record { value: Some(vec![n]), ..Record::default() };
        embedded.publisher().publish(vec![Outgoing { topic: topic(), record }]).await.unwrap();
    }
}

/// Handles what comes until nothing does any more: the offsets by partition, and what went wrong.
async fn handle(
    member: &mut Member,
    commits: &GroupCommitter,
) -> (BTreeMap<u32, Range<u64>>, Vec<BusError>) {
    let (mut handled, mut wrong) = (BTreeMap::new(), Vec::new());
    let patience = Duration::from_millis(300);
    while let Ok(event) = timeout(patience, member.next()).await {
        match event {
            Ok(GroupEvent::Records { at, batch }) => {
                let (first, next) = (batch[0].offset.0, batch.last().unwrap().offset.next());
                handled.entry(at.partition.0).or_insert(first..first).end = next.0;
                commits.commit(&[(at, next)]).await.unwrap();
            }
            Err(error @ BusError::Corrupt(_)) => wrong.push(error),
            other => panic!("{other:?}"),
        }
    }
    (handled, wrong)
}

/// A group is told once, gets what stands before the damage and what the other partitions have, and
/// nothing that stands behind it until the damage is removed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_partition_is_held_and_the_others_go_on() {
    let dir = tempdir().unwrap();
    let embedded = open(dir.path()).unwrap();
    embedded.admin().create_topics(&[topic()], 2).await.unwrap();
    // Without a key, calls take turns: even numbers go to one partition, odd ones to the other.
    append(&embedded, 0..10).await;
    let shared = &embedded.core.shared;
    let log = shared.log.topic(&topic()).unwrap().partitions[0].clone();
    let key = keyspaces::record_key(log.id, 3).into();
    shared.db().unwrap().put(&[(Space::Log, key, b"damaged".into())]).unwrap();

    let group = GroupId::try_from("readers").unwrap();
    let (mut member, commits) = embedded.groups().join(&group, &[topic()]).await.unwrap();
    let (handled, wrong) = handle(&mut member, &commits).await;
    assert_eq!(handled, [(0, 0..3), (1, 0..5)].into());
    let [told] = &wrong[..] else { panic!("{wrong:?}") };
    let cause = std::error::Error::source(told).unwrap().to_string();
    assert_eq!(cause, "events/0 is held from offset 3 on");

    assert_eq!(embedded.remove_before(&log.at, Offset(4)).await.unwrap(), 4);
    append(&embedded, 10..12).await;
    let (handled, wrong) = handle(&mut member, &commits).await;
    assert_eq!(handled, [(0, 4..6), (1, 5..6)].into());
    assert!(wrong.is_empty(), "{wrong:?}");
    embedded.close().await;
}
