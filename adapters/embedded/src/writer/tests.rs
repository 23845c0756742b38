use std::sync::Arc;

use comptoir_domain::port::store::StoreError;
use comptoir_domain::topic::Topic;
use comptoir_testkit::world::FakeClock;
use fjall::Slice;
use tempfile::{TempDir, tempdir};
use tokio::sync::oneshot::Receiver;

use super::{Job, Transaction};
use crate::error::Failure;
use crate::folder::Folder;
use crate::keyspaces::{PartitionId, Space};
use crate::log::{PartitionLog, TopicLog};
use crate::options::Options;
use crate::shared::Shared;

/// A database whose writer runs only when the test says so, so that what was queued is one group.
struct Stopped {
    shared: Arc<Shared>,
    _folder: Folder,
    _dir: TempDir,
}

fn stopped() -> Stopped {
    let dir = tempdir().unwrap();
    let folder = Folder::claim(dir.path(), &Options::default()).unwrap();
    let clock = Arc::new(FakeClock::default());
    let shared = Shared::open(folder.database(), Options::default(), clock).unwrap();
    Stopped { shared: Arc::new(shared), _folder: folder, _dir: dir }
}

impl Stopped {
    fn queue<T: Send + 'static>(
        &self,
        body: impl FnOnce(&mut Transaction<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Receiver<Result<T, Failure>> {
        let (job, answer) = Job::new(body);
        self.shared.queue.try_push(Box::new(job), 0).unwrap();
        answer
    }

    /// Carries out what was queued.
    fn run(&self) {
        self.shared.queue.close();
        super::run(&self.shared);
    }

    fn get(&self, key: &str) -> Option<Slice> {
        self.shared.db().unwrap().get(Space::State, key.as_bytes()).unwrap()
    }
}

fn put(tx: &mut Transaction<'_>, key: &str, value: &str) {
    tx.put(Space::State, key.into(), value);
}

#[test]
fn a_group_is_one_commit_and_later_writes_win() {
    let stopped = stopped();
    let first = stopped.queue(|tx| {
        put(tx, "row", "first");
        Ok(())
    });
    let second = stopped.queue(|tx| {
        let before = tx.get(Space::State, &"row".into())?;
        put(tx, "row", "second");
        Ok(before)
    });
    let third = stopped.queue(|tx| {
        tx.remove(Space::State, "row".into());
        put(tx, "other", "third");
        Ok(tx.get(Space::State, &"row".into())?.is_none())
    });
    stopped.run();
    first.blocking_recv().unwrap().unwrap();
    let before = second.blocking_recv().unwrap().unwrap();
    assert_eq!(before.as_deref(), Some(&b"first"[..]));
    assert!(third.blocking_recv().unwrap().unwrap());
    assert_eq!(stopped.get("row"), None);
    assert_eq!(stopped.get("other").as_deref(), Some(&b"third"[..]));
    assert_eq!(stopped.shared.commits(), 1);
}

#[test]
fn a_refused_command_takes_back_all_it_wrote() {
    let stopped = stopped();
    drop(stopped.queue(|tx| {
        put(tx, "kept", "before");
        Ok(())
    }));
    let (told, effects) = std::sync::mpsc::channel();
    let refused = stopped.queue::<()>(move |tx| {
        put(tx, "kept", "after");
        put(tx, "new", "row");
        put(tx, "new", "row again");
        tx.remove(Space::State, "kept".into());
        tx.after(move |_| told.send(()).unwrap());
        Err(Failure::Full)
    });
    drop(stopped.queue(|tx| {
        assert_eq!(tx.get(Space::State, &"new".into())?, None);
        put(tx, "last", "row");
        Ok(())
    }));
    stopped.run();
    assert!(matches!(refused.blocking_recv(), Ok(Err(Failure::Full))));
    assert_eq!(stopped.get("kept").as_deref(), Some(&b"before"[..]));
    assert_eq!(stopped.get("new"), None);
    assert!(stopped.get("last").is_some());
    assert!(effects.recv().is_err(), "nobody was told of what did not happen");
}

/// A defect costs the group it is in; the writer goes on, and no offset is lost.
#[test]
fn a_panic_does_not_end_the_writer() {
    let stopped = stopped();
    let name = Topic::try_from("t").unwrap();
    let topic = TopicLog::new(&name, 0, 1);
    let log: Arc<PartitionLog> = Arc::clone(&topic.partitions[0]);
    let id = PartitionId { topic: 0, partition: 0 };
    assert_eq!(log.id, id);
    let shared = Arc::clone(&stopped.shared);
    let writer = std::thread::spawn(move || super::run(&shared));
    let appends = Arc::clone(&log);
    let lost = stopped.queue::<()>(move |tx| {
        tx.append(&appends, b"lost");
        panic!("a planned defect");
    });
    assert!(matches!(lost.blocking_recv(), Ok(Err(Failure::Defect))));
    let appends = Arc::clone(&log);
    let next = stopped.queue(move |tx| Ok(tx.append(&appends, b"kept")));
    assert_eq!(next.blocking_recv().unwrap().unwrap(), 0);
    assert_eq!(log.extent().next, 1);
    stopped.shared.queue.close();
    writer.join().unwrap();
}

/// Who wrote beside a defect may try again; the defect itself would only come again.
#[test]
fn a_panic_is_the_fault_of_one_write() {
    let stopped = stopped();
    let beside = |key: &'static str| {
        stopped.queue(move |tx| {
            put(tx, key, "beside");
            Ok(())
        })
    };
    let before = beside("before");
    let culprit = stopped.queue::<()>(|_| panic!("a planned defect"));
    let after = beside("after");
    stopped.run();
    for innocent in [before, after] {
        let failure = innocent.blocking_recv().unwrap().unwrap_err();
        assert!(matches!(StoreError::from(failure), StoreError::Unavailable(_)));
    }
    let failure = culprit.blocking_recv().unwrap().unwrap_err();
    assert!(matches!(StoreError::from(failure), StoreError::Corrupt(_)));
    assert_eq!(stopped.get("before"), None);
    assert_eq!(stopped.get("after"), None);
}

#[test]
fn a_queue_that_is_full_or_closed_takes_nothing() {
    let stopped = stopped();
    for _ in 0..4_096 {
        drop(stopped.queue(|_| Ok(())));
    }
    let (job, _answer) = Job::new(|_: &mut Transaction<'_>| Ok::<(), Failure>(()));
    let refused = stopped.shared.queue.try_push(Box::new(job), 0);
    assert!(matches!(refused, Err(Failure::Full)));
    stopped.run();
    let (job, _answer) = Job::new(|_: &mut Transaction<'_>| Ok::<(), Failure>(()));
    assert!(stopped.shared.queue.try_push(Box::new(job), 0).is_err());
}
