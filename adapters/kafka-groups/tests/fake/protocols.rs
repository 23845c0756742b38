//! Which protocol a member speaks.

use kafka_groups::admin::{Admin, GroupKind};
use kafka_groups::{GroupProtocol, KafkaError};
use kafka_protocol::ResponseError;
use kafka_protocol::messages::{
    ConsumerGroupDescribeRequest, ConsumerGroupHeartbeatRequest, JoinGroupRequest,
};

use crate::broker::{Fault, PATIENCE};
use crate::stage::{GROUP, Stage, terms};

#[tokio::test]
async fn it_is_chosen_where_the_broker_knows_it() {
    let stage = Stage::consumer(1, 1).await;
    let _player = stage.join().await;
    assert!(stage.broker.seen::<JoinGroupRequest>().is_empty());
    let joined = stage.broker.seen::<ConsumerGroupHeartbeatRequest>().remove(0);
    assert_eq!((joined.version, joined.request.member_epoch), (1, 0));
    assert_eq!(joined.request.topic_partitions, Some(vec![]));
}

#[tokio::test]
async fn it_cannot_be_forced_on_a_broker_that_lacks_it() {
    let stage = Stage::classic(1, 1).await;
    let mut terms = terms();
    terms.protocol = GroupProtocol::Consumer;
    let refused = stage.join_as(terms).await.err();
    assert!(matches!(refused, Some(KafkaError::Unsupported { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_broker_that_may_not_serve_it_is_spoken_to_in_the_classic_protocol() {
    let stage = Stage::consumer(1, 1).await;
    stage.write(0, 1);
    let off = Fault::Refuse(ResponseError::UnsupportedVersion);
    stage.broker.fault::<ConsumerGroupHeartbeatRequest>(off.clone()).always().set();
    stage.broker.fault::<ConsumerGroupDescribeRequest>(off).always().set();
    let mut player = stage.join().await;
    assert_eq!(player.work(1).await, ["0:0"]);
    assert!(!stage.broker.seen::<JoinGroupRequest>().is_empty());
    player.settle().await;
    let admin = Admin::new(&stage.cluster, PATIENCE);
    let described = admin.describe_groups(&[GROUP]).await.unwrap();
    assert_eq!(described[0].kind, GroupKind::Classic);
}
