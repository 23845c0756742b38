//! Writes that arrive together share a sync, and each has its own answer.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[expect(dead_code, reason = "shared by all tests, and none needs all of it")]
#[path = "support/folder.rs"]
mod folder;

use comptoir_domain::port::bus::{BusError, Publisher};
use comptoir_domain::port::platform::{Log, Stores as _};
use comptoir_domain::port::store::{PaymentRepository, Save, StoreError, UserRepository, Version};
use comptoir_domain::record::Record;
use comptoir_testkit::builders::{a_payment, a_user, an_envelope};
use tempfile::tempdir;
use tokio::task::JoinSet;

use folder::{fill, open, open_with_topic, publish, values};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_appends_at_once_share_syncs() {
    let dir = tempdir().unwrap();
    let embedded = open_with_topic(dir.path(), 1).await;
    let before = embedded.commits();
    let mut publishers = JoinSet::new();
    for publisher in 0..64 {
        let embedded = embedded.clone();
        publishers.spawn(async move {
            for n in 0..10 {
                publish(&embedded, format!("{publisher}-{n}")).await.unwrap();
            }
        });
    }
    publishers.join_all().await;
    let commits = embedded.commits() - before;
    assert!(commits <= 320, "640 records took {commits} syncs");
    let mut found = values(&embedded, 0).await;
    for publisher in 0..64 {
        let own: Vec<_> =
            found.extract_if(.., |v| v.starts_with(&format!("{publisher}-"))).collect();
        let expected: Vec<_> = (0..10).map(|n| format!("{publisher}-{n}")).collect();
        assert_eq!(own, expected, "each publisher's own are in its order");
    }
    assert!(found.is_empty(), "{found:?}");
    embedded.close().await;
}

#[tokio::test]
async fn one_after_the_other_each_has_its_own() {
    let dir = tempdir().unwrap();
    let embedded = open_with_topic(dir.path(), 1).await;
    let before = embedded.commits();
    fill(&embedded, 10).await;
    assert_eq!(embedded.commits() - before, 10);
    embedded.close().await;
}

#[tokio::test]
async fn one_call_has_one() {
    let dir = tempdir().unwrap();
    let embedded = open_with_topic(dir.path(), 4).await;
    let before = embedded.commits();
    let records = (0..1_000).map(|n| folder::outgoing(n.to_string())).collect();
    embedded.publisher().publish(records).await.unwrap();
    assert_eq!(embedded.commits() - before, 1);
    embedded.close().await;
}

/// Of many that race for one name, one wins; the refused ones leave nothing behind, and others in
/// the same group are not harmed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_write_leaves_the_others_of_its_group_alone() {
    let dir = tempdir().unwrap();
    let embedded = open(dir.path()).await;
    let mut racing = JoinSet::new();
    for n in 0..40 {
        let users = embedded.users();
        racing.spawn(async move {
            let name = if n % 2 == 0 { "same".to_owned() } else { format!("other-{n}") };
            let user = a_user().named(&name).build();
            let outbox = vec![an_envelope().waiting_for(&["events"])];
            let answer = users.register(&user, outbox).await;
            (user, answer)
        });
    }
    let mut winners = 0;
    for (user, answer) in racing.join_all().await {
        let found = embedded.users().find(user.id).await.unwrap();
        match answer {
            Ok(()) => {
                winners += usize::from(user.username.as_str() == "same");
                assert_eq!(found, Some(user));
            }
            Err(StoreError::Duplicate { field: "username" }) => assert_eq!(found, None),
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!(winners, 1);
    embedded.close().await;
}

/// The next save of the same payment may be in the same group: it sees the one before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn later_writes_of_a_group_see_the_earlier_ones() {
    let dir = tempdir().unwrap();
    let embedded = open(dir.path()).await;
    let payment = a_payment().build();
    let mut racing = JoinSet::new();
    for _ in 0..50 {
        let (payments, state) = (embedded.payments(), payment.clone());
        racing.spawn(async move {
            let mut version = Version::NEW;
            loop {
                let write = Save {
                    state: state.clone(),
                    expected: version,
                    outbox: Vec::new(),
                    answer: None,
                };
                match payments.save(vec![write]).await.unwrap().remove(0) {
                    Ok(()) => return version,
                    Err(_) => version = version.next(),
                }
            }
        });
    }
    let mut versions = racing.join_all().await;
    versions.sort();
    assert!(versions.iter().map(|version| version.0).eq(0..50), "{versions:?}");
    embedded.close().await;
}

/// A call that is refused beforehand appends none of its records.
#[tokio::test]
async fn a_refused_call_appends_nothing() {
    let dir = tempdir().unwrap();
    let embedded = open_with_topic(dir.path(), 1).await;
    let mut records = vec![folder::outgoing("small"), folder::outgoing("large")];
    records[1].record = Record { value: Some(vec![0; 1_000_001]), ..Record::default() };
    let refused = embedded.publisher().publish(records).await;
    assert!(matches!(refused, Err(BusError::TooLarge { bytes: 1_000_001, .. })));
    assert!(values(&embedded, 0).await.is_empty());
    embedded.close().await;
}
