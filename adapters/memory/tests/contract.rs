//! The contract of every port of log and store, on memory.

use comptoir_domain::port::platform::Log;
use comptoir_domain::topic::{GroupId, Offset, TopicPartition};
use comptoir_memory::Memory;
use comptoir_testkit::contract::{Feature, Features, Harness};

/// Memory as it is when nothing is broken on purpose.
#[derive(Debug, Default)]
struct MemoryHarness;

impl Harness for MemoryHarness {
    type Subject = Memory;

    const FEATURES: Features =
        Features::of(&[Feature::Expels, Feature::Forgets, Feature::Separate]);

    async fn open(&self) -> Memory {
        Memory::new()
    }

    async fn expel(&self, memory: &Memory, group: &GroupId) {
        assert!(memory.faults().expel_member(group), "nobody to expel");
    }

    async fn forget_before(&self, memory: &Memory, at: &TopicPartition, offset: Offset) {
        memory.forget_before(at, offset);
    }
}

comptoir_testkit::bus_contract!(MemoryHarness);
comptoir_testkit::store_contract!(MemoryHarness);
comptoir_testkit::codec_contract!(<Memory as Log>::Codec);
