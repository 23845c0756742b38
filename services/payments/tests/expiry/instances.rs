//! Several processes look for the same payments.

use comptoir_domain::id::PaymentId;
use comptoir_domain::payment::PaymentStatus::{Confirmed, Expired};
use comptoir_memory::Memory;
use futures::future::join_all;

use crate::world::{CONFIRMED, EXPIRED, EXPIRES_AFTER, Payments, World};

const SEEDS: u64 = 30;

/// Two processes and four payments of theirs, whose time is up.
async fn due(seed: u64) -> (World, [Payments; 2], Vec<PaymentId>) {
    let world = World::on(Memory::seeded(seed)).await;
    let processes = [world.payments(), world.payments()];
    let payments = join_all((0..4).map(|_| processes[0].pay())).await;
    for payment in &payments {
        world.until_asked(*payment).await;
    }
    world.clock.advance(EXPIRES_AFTER);
    (world, processes, payments)
}

#[tokio::test(start_paused = true)]
async fn payments_that_two_processes_find_due_expire_once_each() {
    for seed in 0..SEEDS {
        let (world, [one, two], payments) = due(seed).await;
        let mut expired = 0;
        // Whoever meets the other's write leaves that payment, which is expired by then.
        while expired < payments.len() {
            let (by_one, by_two) = tokio::join!(one.sweep(), two.sweep());
            expired += by_one + by_two;
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        assert_eq!((expired, one.sweep().await, two.sweep().await), (4, 0, 0), "seed {seed}");
        for payment in payments {
            world.until_told(payment, EXPIRED).await;
            assert_eq!(world.told(payment, EXPIRED).await, 1, "seed {seed}");
            assert_eq!(world.status(payment).await, Expired, "seed {seed}");
        }
    }
}

/// Sweeps, answers and repeats race; each payment ends one way, and the stock with it.
#[tokio::test(start_paused = true)]
async fn an_expiry_that_races_with_the_answer_ends_one_way() {
    for seed in 0..SEEDS {
        let (world, [one, two], payments) = due(seed).await;
        let (_stock, _more) = (world.inventories(), world.inventories());
        world.memory.faults().duplicate_next_batches(2);
        let mut sold = 0;
        for payment in payments {
            while world.told(payment, EXPIRED).await + world.told(payment, CONFIRMED).await == 0 {
                tokio::join!(one.sweep(), two.sweep());
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
            let told = (world.told(payment, EXPIRED).await, world.told(payment, CONFIRMED).await);
            match world.status(payment).await {
                Expired => assert_eq!(told, (1, 0), "seed {seed}"),
                Confirmed => assert_eq!(told, (0, 1), "seed {seed}"),
                other => panic!("seed {seed}: {other:?}"),
            }
            sold += 2 * told.1 as u64;
        }
        world.until_mugs([10 - sold, 0, sold]).await;
    }
}
