//! What was acknowledged is there when the folder is opened again.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[expect(dead_code, reason = "shared by all tests, and none needs all of it")]
#[path = "support/folder.rs"]
mod folder;

use comptoir_domain::outbox::{OutboxEntry, OutboxOwner, Published};
use comptoir_domain::port::bus::{Committer, ConsumerGroups, LogAdmin, LogReader};
use comptoir_domain::port::platform::{Log, Stores as _};
use comptoir_domain::port::store::{Outbox, PaymentRepository, Save, Version};
use comptoir_domain::topic::Offset;
use comptoir_embedded::{Embedded, Recovered};
use comptoir_testkit::builders::{a_payment, an_envelope};
use tempfile::tempdir;

use folder::{at, fill, group, numbers, open, open_with_topic, publish, topic, values};

#[tokio::test]
async fn records_commits_and_the_id_are_kept() {
    let dir = tempdir().unwrap();
    let embedded = open_with_topic(dir.path(), 1).await;
    assert_eq!(embedded.recovered(), Recovered { records: 0, topics: 0 });
    fill(&embedded, 20).await;
    let (_member, commits) = embedded.groups().join(&group(), &[topic()]).await.unwrap();
    commits.commit(&[(at(0), Offset(7))]).await.unwrap();
    let id = embedded.admin().log_id(&topic()).await.unwrap();
    embedded.close().await;

    let embedded = open(dir.path()).await;
    assert_eq!(embedded.recovered(), Recovered { records: 20, topics: 1 });
    assert_eq!(values(&embedded, 0).await, numbers(0..20));
    assert_eq!(embedded.admin().log_id(&topic()).await.unwrap(), id);
    let groups = embedded.admin().groups().await.unwrap();
    assert_eq!(groups[0].committed, [(at(0), Offset(7))]);
    let next = publish(&embedded, "20").await.unwrap();
    assert_eq!(next.offset, Offset(20), "offsets go on without a hole");
    embedded.close().await;
}

#[tokio::test]
async fn a_topic_in_many_partitions_keeps_each_of_them() {
    let dir = tempdir().unwrap();
    let embedded = open_with_topic(dir.path(), 5).await;
    fill(&embedded, 10).await;
    let before = embedded.reader().bounds(&topic()).await.unwrap();
    embedded.close().await;
    let embedded = open(dir.path()).await;
    assert_eq!(embedded.reader().bounds(&topic()).await.unwrap(), before);
    embedded.close().await;
}

async fn save(embedded: &Embedded, outbox: Vec<OutboxEntry>) -> OutboxOwner {
    let state = a_payment().build();
    let owner = OutboxOwner(state.id.to_string());
    let write = Save { state, expected: Version::NEW, outbox, answer: None };
    embedded.payments().save(vec![write]).await.unwrap().remove(0).unwrap();
    owner
}

/// A relay that was slow may clear once more what is long gone; the number must not have come back.
#[tokio::test]
async fn sequences_are_not_used_again() {
    let dir = tempdir().unwrap();
    let entry = || vec![an_envelope().waiting_for(&["events"])];
    let embedded = open(dir.path()).await;
    let owner = save(&embedded, entry()).await;
    let pending = embedded.payments().pending(std::slice::from_ref(&owner)).await.unwrap();
    let through = pending[0].entries[0].0;
    embedded.payments().clear(&[Published { owner, through }]).await.unwrap();
    embedded.close().await;

    let embedded = open(dir.path()).await;
    let owner = save(&embedded, entry()).await;
    let late = Published { owner: owner.clone(), through };
    embedded.payments().clear(&[late]).await.unwrap();
    let pending = embedded.payments().pending(&[owner]).await.unwrap();
    assert_eq!(pending[0].entries.len(), 1);
    embedded.close().await;
}

/// Closing waits for what was accepted, and handles that are left say that it is closed.
#[tokio::test]
async fn a_closed_platform_is_unavailable() {
    let dir = tempdir().unwrap();
    let embedded = open_with_topic(dir.path(), 1).await;
    let (left, reader) = (embedded.clone(), embedded.reader());
    let (mut member, _commits) = embedded.groups().join(&group(), &[topic()]).await.unwrap();
    let waiting = async { comptoir_domain::port::bus::GroupMember::next(&mut member).await };
    let (event, ()) = tokio::join!(waiting, embedded.close());
    assert!(event.is_err(), "who waits is told: {event:?}");
    let error = publish(&left, "late").await.unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(cause, "the database was closed");
    // What is in memory may still be told.
    assert!(reader.bounds(&topic()).await.is_ok());
    let again = open(dir.path()).await;
    again.close().await;
}

/// Without closing, the last handle that goes closes.
#[tokio::test]
async fn dropping_every_handle_closes() {
    let dir = tempdir().unwrap();
    let embedded = open_with_topic(dir.path(), 1).await;
    fill(&embedded, 3).await;
    drop(embedded);
    let embedded = open(dir.path()).await;
    assert_eq!(values(&embedded, 0).await, numbers(0..3));
    embedded.close().await;
}
