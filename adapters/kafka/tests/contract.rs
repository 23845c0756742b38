//! The contract of the log on a real broker: with groups in both protocols, of which one also packs
//! what it appends. Topics and groups have names of their own in each check. The codec is held to its
//! contract where it is made, in `comptoir-wire`.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "support/expel.rs"]
mod expel;
#[expect(dead_code, reason = "shared by all tests, and none needs all of it")]
#[path = "support/server.rs"]
mod server;

use std::time::Duration;

use comptoir_domain::topic::{GroupId, Offset, Topic, TopicPartition};
use comptoir_kafka::{Compression, GroupProtocol, Kafka, Settings};
use comptoir_testkit::contract::{Feature, Features, Harness};
use kafka_groups::Cluster;
use kafka_groups::admin::Admin;

/// All checks share one broker, which has much to do with them.
const PATIENCE: Duration = Duration::from_secs(40);
const FEATURES: Features =
    Features { has: &[Feature::Durable, Feature::Expels, Feature::Forgets], patience: PATIENCE };

/// A corner of the broker.
struct Corner {
    protocol: GroupProtocol,
    broker: String,
    suffix: String,
}

impl Corner {
    fn new(protocol: GroupProtocol) -> Self {
        Self { protocol, broker: server::broker(), suffix: server::suffix() }
    }

    fn open(&self) -> Kafka {
        let mut settings = Settings::new([&self.broker]);
        settings.group_protocol = self.protocol;
        settings.compression = match self.protocol {
            GroupProtocol::Classic => Compression::Snappy,
            GroupProtocol::Auto | GroupProtocol::Consumer => Compression::None,
        };
        settings.session_timeout = Duration::from_secs(6);
        Kafka::new(settings)
    }

    fn cluster(&self) -> Cluster {
        Cluster::new(kafka_groups::Settings::new([&self.broker]))
    }

    async fn forget_before(&self, at: &TopicPartition, offset: Offset) {
        let partition = i32::try_from(at.partition.0).unwrap();
        let at = kafka_groups::TopicPartition::new(at.topic.as_str(), partition);
        let before = [(at, i64::try_from(offset.0).unwrap())];
        Admin::new(&self.cluster(), PATIENCE).delete_records(&before).await.unwrap();
    }

    fn name(&self, name: &str) -> String {
        format!("{name}-{}", self.suffix)
    }
}

/// Makes a harness of a corner whose groups speak one protocol.
macro_rules! harness {
    ($protocol:ident) => {
        pub(super) struct KafkaHarness(Corner);

        impl Default for KafkaHarness {
            fn default() -> Self {
                Self(Corner::new(GroupProtocol::$protocol))
            }
        }

        impl Harness for KafkaHarness {
            type Subject = Kafka;

            const FEATURES: Features = FEATURES;

            async fn open(&self) -> Kafka {
                self.0.open()
            }

            async fn reopen(&self, open: Kafka) -> Kafka {
                open.close().await;
                self.0.open()
            }

            async fn expel(&self, _: &Kafka, group: &GroupId) {
                expel::everybody(&self.0.cluster(), group.as_str()).await;
            }

            async fn forget_before(&self, _: &Kafka, at: &TopicPartition, offset: Offset) {
                self.0.forget_before(at, offset).await;
            }

            fn topic(&self, name: &str) -> Topic {
                Topic::try_from(self.0.name(name).as_str()).unwrap()
            }

            fn group(&self, name: &str) -> GroupId {
                GroupId::try_from(self.0.name(name).as_str()).unwrap()
            }
        }
    };
}

mod consumer {
    use super::*;

    harness!(Consumer);
    comptoir_testkit::bus_contract!(KafkaHarness);
}

mod classic {
    use super::*;

    harness!(Classic);
    comptoir_testkit::bus_contract!(KafkaHarness);
}
