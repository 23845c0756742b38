//! The contract of every port of log and store, on a folder of its own for each check.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Arc;

use comptoir_domain::port::platform::Log;
use comptoir_domain::topic::{Offset, TopicPartition};
use comptoir_embedded::{Embedded, Options};
use comptoir_testkit::contract::{Feature, Features, Harness};
use comptoir_testkit::world::FakeClock;
use tempfile::TempDir;

struct EmbeddedHarness {
    folder: TempDir,
    clock: FakeClock,
}

impl Default for EmbeddedHarness {
    fn default() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), clock: FakeClock::default() }
    }
}

impl Harness for EmbeddedHarness {
    type Subject = Embedded;

    const FEATURES: Features =
        Features::of(&[Feature::Durable, Feature::Forgets, Feature::Separate]);

    async fn open(&self) -> Embedded {
        let (folder, clock) = (self.folder.path().to_owned(), self.clock.clone());
        let open = move || Embedded::open(&folder, Options::default(), Arc::new(clock));
        tokio::task::spawn_blocking(open).await.unwrap().unwrap()
    }

    async fn reopen(&self, open: Embedded) -> Embedded {
        open.close().await;
        self.open().await
    }

    async fn forget_before(&self, open: &Embedded, at: &TopicPartition, offset: Offset) {
        open.remove_before(at, offset).await.unwrap();
    }
}

comptoir_testkit::bus_contract!(EmbeddedHarness);
comptoir_testkit::store_contract!(EmbeddedHarness);
comptoir_testkit::codec_contract!(<Embedded as Log>::Codec);
