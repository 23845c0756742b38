//! Several processes on one log and one set of stores.

use comptoir_domain::port::platform::Stores as _;
use comptoir_domain::port::store::{Outbox, PaymentRepository, Save, Version};
use comptoir_domain::time::Timestamp;
use comptoir_memory::Memory;
use comptoir_testkit::{PATIENCE, a_payment, an_envelope, quiet, within};

#[tokio::test]
async fn processes_share_what_is_stored_but_not_their_nudges() {
    let one = Memory::new();
    let other = one.another_process();
    let state = a_payment().build();
    let id = state.id;
    let outbox = vec![an_envelope().waiting_for(&["t"])];
    let write = Save { state, expected: Version::NEW, outbox, answer: None };
    other.payments().save(vec![write]).await.unwrap().remove(0).unwrap();
    assert!(one.payments().load(&[id]).await.unwrap()[0].is_some());
    quiet("the save was the other process's", one.payments().nudged()).await;
    let owners = within(PATIENCE, "a nudge", other.payments().nudged()).await;
    let far = Timestamp::from_millis(i64::MAX);
    assert_eq!(one.payments().leftovers(far, 10).await.unwrap(), owners);
}
