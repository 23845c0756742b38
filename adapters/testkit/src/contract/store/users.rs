//! Users.

use comptoir_domain::id::UserId;
use comptoir_domain::outbox::OutboxOwner;
use comptoir_domain::port::store::{Outbox, StoreError, UserRepository};
use comptoir_domain::time::Timestamp;
use comptoir_domain::user::Username;
use tokio::task::JoinSet;

use super::kept::entries;
use crate::builders::{a_user, an_envelope};
use crate::contract::{StoreHarness, Stores};
use crate::wait::within;
use crate::world::SequentialIds;

fn name(text: &str) -> Username {
    Username::try_from(text.to_owned()).unwrap()
}

/// Nobody is nobody, and no error.
pub async fn a_missing_user_is_none(h: &impl StoreHarness) {
    let users = h.open().await.users();
    let id = UserId::new(SequentialIds::nth(1));
    assert_eq!(users.find(id).await.unwrap(), None);
    assert_eq!(users.find_by_name(&name("nobody")).await.unwrap(), None);
}

/// A user comes back whole, by id and by name.
pub async fn a_user_is_kept_whole(h: &impl StoreHarness) {
    let users = h.open().await.users();
    let user = a_user()
        .named("Żółw.Two+x@y_z-1")
        .registered_at(Timestamp::from_millis(1_234_567_890_123))
        .build();
    users.register(&user, vec![]).await.unwrap();
    users.register(&a_user().build(), vec![]).await.unwrap();
    assert_eq!(users.find(user.id).await.unwrap(), Some(user.clone()));
    assert_eq!(users.find_by_name(&user.username).await.unwrap(), Some(user));
}

/// A name is found however it is typed, and shown as it was first.
pub async fn a_name_is_found_in_any_case(h: &impl StoreHarness) {
    let users = h.open().await.users();
    for (chosen, typed) in [("Alice", "aLICE"), ("żółw", "ŻÓŁW")] {
        let user = a_user().named(chosen).build();
        users.register(&user, vec![]).await.unwrap();
        assert_eq!(users.find_by_name(&name(typed)).await.unwrap(), Some(user));
    }
}

/// A taken name is refused by the name of the field, whatever its case; nothing is written.
pub async fn a_taken_name_is_refused(h: &impl StoreHarness) {
    let users = h.open().await.users();
    let first = a_user().named("Alice").build();
    users.register(&first, vec![]).await.unwrap();
    for taken in ["Alice", "alice", "ALICE"] {
        let late = a_user().named(taken).build();
        let refused = users.register(&late, entries(&["late"])).await;
        let named = matches!(refused, Err(StoreError::Duplicate { field: "username" }));
        assert!(named, "got {refused:?}");
        assert_eq!(users.find(late.id).await.unwrap(), None);
    }
    let same = users.register(&first, entries(&["same"])).await;
    assert!(matches!(same, Err(StoreError::Duplicate { .. })), "got {same:?}");
    assert_eq!(users.find_by_name(&first.username).await.unwrap(), Some(first));
    let far = Timestamp::from_millis(i64::MAX);
    assert_eq!(users.leftovers(far, 10).await.unwrap(), []);
}

/// Of twenty who want the same name at once, one gets it.
pub async fn of_racing_registrations_one_wins(h: &impl StoreHarness) {
    let users = h.open().await.users();
    let mut racing = JoinSet::new();
    for n in 0..20 {
        let users = users.clone();
        let user = a_user().named(if n % 2 == 0 { "carol" } else { "Carol" }).build();
        racing.spawn(async move { (user.clone(), users.register(&user, entries(&["e"])).await) });
    }
    let mut winners = Vec::new();
    for (user, answer) in racing.join_all().await {
        match answer {
            Ok(()) => winners.push(user),
            Err(StoreError::Duplicate { field: "username" }) => {}
            Err(other) => panic!("got {other:?}"),
        }
    }
    let winner = winners.pop().expect("one of them wins");
    assert_eq!(winners, [], "one of them alone");
    assert_eq!(users.find_by_name(&name("carol")).await.unwrap(), Some(winner));
    let far = Timestamp::from_millis(i64::MAX);
    assert_eq!(users.leftovers(far, 100).await.unwrap().len(), 1);
}

/// What is announced changes no user; each announcement has an owner of its own, its events in order.
pub async fn announcements_have_an_owner_of_their_own<H: StoreHarness>(h: &H) {
    let users = h.open().await.users();
    let user = a_user().build();
    users.register(&user, entries(&["registered"])).await.unwrap();
    users.announce(entries(&["b", "a"])).await.unwrap();
    users.announce(vec![an_envelope().identified("c").waiting_for(&["t"])]).await.unwrap();
    let mut owners: Vec<OutboxOwner> = Vec::new();
    let all = async {
        while owners.len() < 3 {
            owners.extend(users.nudged().await);
        }
    };
    within(H::FEATURES.patience, "three owners", all).await;
    let pending = users.pending(&owners).await.unwrap();
    let ids = |at: usize| -> Vec<String> {
        let entries = &pending[at].entries;
        entries.iter().map(|(_, entry)| entry.envelope.id.to_string()).collect()
    };
    let mut found: Vec<_> = (0..pending.len()).map(ids).collect();
    found.sort();
    assert_eq!(found, [vec!["b", "a"], vec!["c"], vec!["registered"]]);
    assert_eq!(users.find(user.id).await.unwrap(), Some(user));
}
