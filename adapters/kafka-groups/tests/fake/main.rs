//! Members against a broker in this process that answers, hangs and fails as told.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

/// Runs each scenario in both protocols.
macro_rules! in_both_protocols {
    ($($scenario:ident($nodes:literal, $partitions:literal)),* $(,)?) => {
        mod consumer {
            $(#[tokio::test]
            async fn $scenario() {
                super::$scenario(crate::stage::Stage::consumer($nodes, $partitions).await).await;
            })*
        }
        mod classic {
            $(#[tokio::test]
            async fn $scenario() {
                super::$scenario(crate::stage::Stage::classic($nodes, $partitions).await).await;
            })*
        }
    };
}

mod broker;
mod classic;
mod commits;
mod consumer;
mod failures;
mod operating;
mod paced;
mod probe;
mod protocols;
mod reading;
mod reads;
mod stage;
mod statics;
mod wire;
mod work;
