//! The sweep for answers that are old enough to be forgotten.

use std::sync::Arc;
use std::time::Duration;

use comptoir_domain::app::forget_answers::{ForgetAnswers, KEPT_FOR, SWEEP_LIMIT};
use comptoir_domain::idempotency::{FirstAnswer, IdempotencyKey};
use comptoir_domain::port::platform::Stores as _;
use comptoir_domain::port::store::{PaymentRepository as _, Save, Version};
use comptoir_runtime::idempotency;
use comptoir_testkit::a_payment;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::world::World;

/// From one sweep to the next.
const MINUTE: Duration = Duration::from_mins(1);

/// After this an answer is old enough.
const TOO_LONG: Duration = KEPT_FOR.saturating_add(Duration::from_millis(1));

fn key(n: u64) -> IdempotencyKey {
    let mut digest = [0; 32];
    digest[..8].copy_from_slice(&n.to_be_bytes());
    IdempotencyKey(digest)
}

impl World {
    /// A payment that is answered now, under the `n`th key.
    async fn pay_under(&self, n: u64) {
        let at = self.context.clock.now();
        let answer = FirstAnswer { key: key(n), request: [0; 32], answer: Vec::new(), at };
        let (state, outbox) = (a_payment().build(), Vec::new());
        let write = Save { state, expected: Version::NEW, outbox, answer: Some(answer) };
        self.memory.payments().save(vec![write]).await.unwrap().remove(0).unwrap();
    }

    async fn is_answered(&self, n: u64) -> bool {
        self.memory.payments().answered(key(n)).await.is_ok_and(|found| found.is_some())
    }
}

#[tokio::test(start_paused = true)]
async fn old_answers_are_forgotten_round_after_round_until_the_stop() {
    let world = World::new(1).await;
    let many = 3 * SWEEP_LIMIT as u64 - 1;
    for n in 0..many {
        world.pay_under(n).await;
    }
    world.clock.advance(TOO_LONG);
    world.pay_under(many).await;
    world.memory.faults().set_store_away(true);
    let forget = ForgetAnswers::new(world.memory.payments(), Arc::clone(&world.context.clock));
    let mut sweeping = JoinSet::new();
    sweeping.spawn(idempotency::sweep(forget, world.context.stop.clone()));
    sleep(Duration::from_secs(1)).await;
    world.memory.faults().set_store_away(false);
    assert!(world.is_answered(0).await, "the store was away when the first sweep came");

    sleep(MINUTE).await;
    for n in 0..many {
        assert!(!world.is_answered(n).await, "{n}: all old ones go in the next sweep");
    }
    assert!(world.is_answered(many).await);

    world.clock.advance(TOO_LONG);
    sleep(MINUTE).await;
    assert!(!world.is_answered(many).await);
    world.context.stop.cancel();
    sweeping.join_next().await.unwrap().unwrap().unwrap();
}
