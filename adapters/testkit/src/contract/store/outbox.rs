//! Outboxes: what is saved with a state waits there until it is published.

use std::time::Duration;

use comptoir_domain::outbox::{OutboxOwner, Published, Sequence};
use comptoir_domain::time::Timestamp;

use super::kept::{Kept, entries, shelf};
use crate::builders::{THEN, an_envelope};
use crate::contract::{StoreHarness, does_not_apply};
use crate::wait::start_and_drop;

const LATER: Timestamp = Timestamp::from_millis(THEN.as_millis() + 1_000_000);

fn last(of: &[(Sequence, comptoir_domain::outbox::OutboxEntry)]) -> Sequence {
    of.last().unwrap().0
}

/// Entries come back whole: the envelope, and the topics in their order.
pub async fn entries_are_kept_whole(h: &impl StoreHarness, of: Kept) {
    let shelf = shelf(h, of).await;
    let full = an_envelope().waiting_for(&["notifications", "inventories"]);
    let sparse = an_envelope()
        .identified("not a uuid ü")
        .about(None)
        .caused_by(Some(full.envelope.id.clone()))
        .in_story(None)
        .received(None)
        .waiting_for(&["stock"]);
    let sent = vec![full, sparse];
    let (_, owner) = shelf.save_new(sent.clone()).await;
    let read: Vec<_> = shelf.entries(&owner).await.into_iter().map(|(_, entry)| entry).collect();
    assert_eq!(read, sent);
}

/// Entries stand in the order in which they were saved, and their sequence grows.
pub async fn entries_stand_in_order(h: &impl StoreHarness, of: Kept) {
    let shelf = shelf(h, of).await;
    let (mut subject, again) = shelf.subject();
    shelf.save(&mut subject, entries(&["b", "a", "c"])).await;
    let owner = shelf.nudged(1).await.remove(0);
    let mut expected = vec!["b", "a", "c"];
    if again {
        for id in ["0", "z", "1"] {
            shelf.save(&mut subject, entries(&[id])).await;
            expected.push(id);
        }
    }
    assert_eq!(shelf.ids(&owner).await, expected);
    let found = shelf.entries(&owner).await;
    assert!(found.is_sorted_by(|(one, _), (other, _)| one < other), "{found:?}");
}

/// Each owner whose outbox got something is told once, however often it was saved.
pub async fn each_owner_is_nudged_once(h: &impl StoreHarness, of: Kept) {
    let shelf = shelf(h, of).await;
    let (mut one, again) = shelf.subject();
    let (mut other, _) = shelf.subject();
    shelf.save(&mut one, entries(&["1"])).await;
    if again {
        shelf.save(&mut one, entries(&["2"])).await;
    }
    shelf.save(&mut other, entries(&["3"])).await;
    let owners = shelf.nudged(2).await;
    assert!(matches!(&owners[..], [a, b] if a != b), "{owners:?}");
    assert_eq!(shelf.pending(&owners).await.len(), 2);
    shelf.no_nudge().await;
    if again {
        shelf.save(&mut one, entries(&["4"])).await;
        assert!(owners.contains(&shelf.nudged(1).await[0]), "told again after another save");
    }
}

/// A save without events nudges nobody and waits nowhere.
pub async fn a_save_without_events_nudges_nobody(h: &impl StoreHarness, of: Kept) {
    let shelf = shelf(h, of).await;
    let (mut subject, _) = shelf.subject();
    shelf.save(&mut subject, vec![]).await;
    shelf.no_nudge().await;
    assert_eq!(shelf.leftovers(LATER, 10).await, []);
}

/// A save that is refused announces nothing.
pub async fn a_refused_save_announces_nothing(h: &impl StoreHarness, of: Kept) {
    let shelf = shelf(h, of).await;
    shelf.save_in_vain(entries(&["refused"])).await;
    shelf.no_nudge().await;
    assert_eq!(shelf.leftovers(LATER, 10).await, []);
}

/// A dropped wait for nudges loses none.
pub async fn a_dropped_wait_loses_no_nudge(h: &impl StoreHarness, of: Kept) {
    let shelf = shelf(h, of).await;
    for round in 0..20 {
        assert_eq!(start_and_drop(shelf.next_nudge()).await, None, "round {round}");
        let (mut subject, _) = shelf.subject();
        shelf.save(&mut subject, entries(&["e"])).await;
        let early = start_and_drop(shelf.next_nudge()).await;
        if early.is_none() {
            shelf.nudged(1).await;
        }
    }
}

/// Owners are asked for in any number; those without anything are left out.
pub async fn only_owners_with_something_are_pending(h: &impl StoreHarness, of: Kept) {
    let shelf = shelf(h, of).await;
    let (_, one) = shelf.save_new(entries(&["1"])).await;
    let (_, cleared) = shelf.save_new(entries(&["2"])).await;
    let (_, other) = shelf.save_new(entries(&["3"])).await;
    let through = last(&shelf.entries(&cleared).await);
    shelf.clear(&cleared, through).await;
    let nobody = OutboxOwner("nobody".to_owned());
    let asked = [one.clone(), cleared, nobody, other.clone()];
    let mut found: Vec<_> = shelf.pending(&asked).await.into_iter().map(|p| p.owner).collect();
    found.sort();
    let mut expected = vec![one, other];
    expected.sort();
    assert_eq!(found, expected);
    assert_eq!(shelf.pending(&[]).await, []);
}

/// What was published is forgotten, up to where it was published and no further.
pub async fn clearing_goes_as_far_as_told(h: &impl StoreHarness, of: Kept) {
    let shelf = shelf(h, of).await;
    let (_, owner) = shelf.save_new(entries(&["1", "2", "3"])).await;
    let (_, other) = shelf.save_new(entries(&["4"])).await;
    let second = shelf.entries(&owner).await[1].0;
    shelf.clear(&owner, second).await;
    assert_eq!(shelf.ids(&owner).await, ["3"]);
    assert_eq!(shelf.ids(&other).await, ["4"]);
    let both = [
        Published { owner: owner.clone(), through: last(&shelf.entries(&owner).await) },
        Published { owner: other.clone(), through: last(&shelf.entries(&other).await) },
    ];
    shelf.clear_all(&both).await;
    assert_eq!(shelf.pending(&[owner, other]).await, []);
    assert_eq!(shelf.leftovers(LATER, 10).await, []);
}

/// Events that were saved while others were being published stay.
pub async fn clearing_keeps_what_came_meanwhile(h: &impl StoreHarness, of: Kept) {
    let shelf = shelf(h, of).await;
    let (mut subject, again) = shelf.subject();
    if !again {
        does_not_apply("users are saved once only");
        return;
    }
    shelf.save(&mut subject, entries(&["1"])).await;
    let owner = shelf.nudged(1).await.remove(0);
    let read = shelf.entries(&owner).await;
    shelf.save(&mut subject, entries(&["2"])).await;
    shelf.clear(&owner, last(&read)).await;
    assert_eq!(shelf.ids(&owner).await, ["2"]);
}

/// Forgetting twice is no error, and a late repeat takes nothing new with it.
pub async fn clearing_twice_is_no_error(h: &impl StoreHarness, of: Kept) {
    let shelf = shelf(h, of).await;
    let (mut subject, again) = shelf.subject();
    shelf.save(&mut subject, entries(&["1", "2"])).await;
    let owner = shelf.nudged(1).await.remove(0);
    let through = last(&shelf.entries(&owner).await);
    for _ in 0..2 {
        shelf.clear(&owner, through).await;
    }
    assert_eq!(shelf.entries(&owner).await, []);
    if again {
        shelf.save(&mut subject, entries(&["3"])).await;
        shelf.clear(&owner, through).await;
        assert_eq!(shelf.ids(&owner).await, ["3"]);
    }
    shelf.clear(&OutboxOwner("nobody".to_owned()), through).await;
    shelf.clear_all(&[]).await;
}

/// Clearing is no change of the aggregate: the version that was read before still saves.
pub async fn clearing_changes_no_version(h: &impl StoreHarness, of: Kept) {
    let shelf = shelf(h, of).await;
    let (mut subject, again) = shelf.subject();
    if !again {
        does_not_apply("users are saved once only");
        return;
    }
    for id in ["1", "2", "3"] {
        shelf.save(&mut subject, entries(&[id])).await;
        let owner = shelf.nudged(1).await.remove(0);
        let through = last(&shelf.entries(&owner).await);
        shelf.clear(&owner, through).await;
    }
}

/// The sweep finds those whose oldest event is older than it asks for, oldest first, so many.
pub async fn leftovers_come_oldest_first(h: &impl StoreHarness, of: Kept) {
    let shelf = shelf(h, of).await;
    let mut owners = Vec::new();
    for age in [30, 10, 50, 20, 40] {
        let old = an_envelope().at(THEN.minus(Duration::from_secs(age))).waiting_for(&["t"]);
        let new = an_envelope().at(THEN).waiting_for(&["t"]);
        owners.push(shelf.save_new(vec![old, new]).await.1);
    }
    let [thirty, ten, fifty, twenty, forty] = owners.as_slice() else {
        unreachable!("five were saved")
    };
    let before = |age| THEN.minus(Duration::from_secs(age));
    let found = shelf.leftovers(before(20), 10).await;
    assert_eq!(found.iter().collect::<Vec<_>>(), [fifty, forty, thirty], "20 s is not older");
    let found = shelf.leftovers(before(0), 4).await;
    assert_eq!(found.iter().collect::<Vec<_>>(), [fifty, forty, thirty, twenty]);
    let all = shelf.leftovers(LATER, 10).await;
    assert_eq!(all.iter().collect::<Vec<_>>(), [fifty, forty, thirty, twenty, ten]);
    assert_eq!(shelf.leftovers(LATER, 0).await, []);
}

/// Clearing the oldest event of an owner makes the owner younger.
pub async fn a_half_cleared_owner_is_as_old_as_the_rest(h: &impl StoreHarness, of: Kept) {
    let shelf = shelf(h, of).await;
    let old = an_envelope().at(THEN.minus(Duration::from_mins(1))).waiting_for(&["t"]);
    let new = an_envelope().at(THEN).waiting_for(&["t"]);
    let (_, owner) = shelf.save_new(vec![old, new]).await;
    assert_eq!(shelf.leftovers(THEN, 10).await, std::slice::from_ref(&owner));
    let first = shelf.entries(&owner).await[0].0;
    shelf.clear(&owner, first).await;
    assert_eq!(shelf.leftovers(THEN, 10).await, []);
    assert_eq!(shelf.leftovers(LATER, 10).await, [owner]);
}
