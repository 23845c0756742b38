//! A batch that fails is split until the culprit is alone; the others stay together.

use std::time::Duration;

use tokio::time::{interval, timeout};

use crate::recorder::{Fate, Recorder};
use crate::world::{Running, World, id_of};

/// A seed by which the first batch is as large as it can be.
const LARGEST_BATCH: u64 = 12;

struct Batch {
    world: World,
    ids: Vec<String>,
    recorder: Recorder,
    _consumer: Running,
}

impl Batch {
    /// The records are being handled, in one batch.
    async fn of(ids: impl Iterator<Item = String>, recorder: Recorder) -> Self {
        let world = World::seeded(1, LARGEST_BATCH).await;
        let ids: Vec<_> = ids.collect();
        let names: Vec<_> = ids.iter().map(String::as_str).collect();
        world.publish_to(0, &names).await;
        let consumer = world.consume(recorder.clone());
        recorder.until_seen(&ids[0], 1).await;
        assert_eq!(recorder.calls()[0], ids, "one batch");
        Self { world, ids, recorder, _consumer: consumer }
    }

    async fn until_committed(&self, at_most: Duration) {
        let mut looks = interval(Duration::from_secs(1));
        let looking = async {
            while self.world.committed(0).await != Some(self.ids.len() as u64) {
                looks.tick().await;
            }
        };
        timeout(at_most, looking).await.unwrap();
    }

    async fn dead(&self) -> Vec<String> {
        self.world.dead().await.iter().map(id_of).collect()
    }
}

/// Records whose names say that they cannot be handled crash the handler.
fn strict() -> Recorder {
    Recorder::deciding(|id, _| if id.starts_with("poison") { Fate::Panics } else { Fate::Done })
}

#[tokio::test(start_paused = true)]
async fn once_the_culprit_is_put_away_the_others_are_handled_together_again() {
    let ids = (0..500).map(|n| if n == 250 { "poison".into() } else { format!("e{n}") });
    let batch = Batch::of(ids, strict()).await;
    batch.until_committed(Duration::from_mins(1)).await;
    let calls = batch.recorder.calls();
    assert!(calls.len() < 40, "{} calls: {calls:?}", calls.len());
    assert_eq!(batch.dead().await, ["poison"]);
    let done = batch.recorder.done();
    assert!(done.iter().eq(batch.ids.iter().filter(|id| *id != "poison")), "each once, in order");
}

#[tokio::test(start_paused = true)]
async fn nobody_is_put_away_for_the_fault_of_others() {
    let ids = (0..100).map(|n| format!("{}{n}", if n % 9 == 0 { "poison" } else { "e" }));
    let batch = Batch::of(ids, strict()).await;
    batch.until_committed(Duration::from_mins(2)).await;
    let ids = batch.ids.iter().cloned();
    let (bad, good): (Vec<_>, Vec<_>) = ids.partition(|id| id.starts_with("poison"));
    assert_eq!(batch.dead().await, bad);
    assert_eq!(batch.recorder.done(), good, "each once, in order");
}

#[tokio::test(start_paused = true)]
async fn a_fault_of_all_does_not_hold_the_partition_for_each_anew() {
    let failing = Recorder::deciding(|_, _| Fate::Failed);
    let batch = Batch::of((0..500).map(|n| format!("e{n}")), failing).await;
    batch.until_committed(Duration::from_mins(3)).await;
    assert_eq!(batch.dead().await, batch.ids);
}
