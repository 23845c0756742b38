//! The fake itself: what it would get wrong, the tests on it would get wrong too.

use bytes::{Bytes, BytesMut};
use kafka_protocol::ResponseError;
use kafka_protocol::messages::consumer_group_heartbeat_request::TopicPartitions;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use kafka_protocol::messages::{
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, FetchRequest, GroupId,
    HeartbeatRequest, JoinGroupRequest, JoinGroupResponse, RequestHeader, ResponseHeader,
    SyncGroupRequest, TopicName,
};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Request, StrBytes};
use kafka_protocol::records::RecordBatchDecoder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use uuid::Uuid;

use crate::broker::{Broker, marker};

/// A client that knows nothing but the codecs.
struct Client(TcpStream);

impl Client {
    async fn connect(broker: &Broker) -> Self {
        Self(TcpStream::connect(&broker.addresses()[0]).await.unwrap())
    }

    async fn ask<R: Request>(&mut self, request: R, version: i16) -> R::Response {
        let header = RequestHeader::default()
            .with_request_api_key(R::KEY)
            .with_request_api_version(version)
            .with_client_id(Some(StrBytes::from_static_str("probe")));
        let mut out = BytesMut::new();
        header.encode(&mut out, R::header_version(version)).unwrap();
        request.encode(&mut out, version).unwrap();
        self.0.write_i32(i32::try_from(out.len()).unwrap()).await.unwrap();
        self.0.write_all(&out).await.unwrap();
        let mut frame = vec![0; usize::try_from(self.0.read_i32().await.unwrap()).unwrap()];
        self.0.read_exact(&mut frame).await.unwrap();
        let mut frame = Bytes::from(frame);
        ResponseHeader::decode(&mut frame, R::Response::header_version(version)).unwrap();
        R::Response::decode(&mut frame, version).unwrap()
    }

    async fn beat(
        &mut self,
        member: &'static str,
        epoch: i32,
        owned: Option<Vec<(Uuid, Vec<i32>)>>,
    ) -> ConsumerGroupHeartbeatResponse {
        let mut request = ConsumerGroupHeartbeatRequest::default()
            .with_group_id(GroupId(StrBytes::from_static_str("g")))
            .with_member_id(StrBytes::from_static_str(member))
            .with_member_epoch(epoch)
            .with_topic_partitions(owned.map(|all| all.into_iter().map(topic).collect()));
        if epoch == 0 {
            let topic = TopicName(StrBytes::from_static_str("t"));
            request = request
                .with_rebalance_timeout_ms(1_000)
                .with_subscribed_topic_names(Some(vec![topic]));
        }
        self.ask(request, 1).await
    }

    async fn join(&mut self, member: &StrBytes) -> JoinGroupResponse {
        let protocol = JoinGroupRequestProtocol::default()
            .with_name(StrBytes::from_static_str("range"))
            .with_metadata(Bytes::from_static(b"wants"));
        let request = JoinGroupRequest::default()
            .with_group_id(GroupId(StrBytes::from_static_str("g")))
            .with_session_timeout_ms(1_000)
            .with_rebalance_timeout_ms(1_000)
            .with_member_id(member.clone())
            .with_protocol_type(StrBytes::from_static_str("consumer"))
            .with_protocols(vec![protocol]);
        self.ask(request, 9).await
    }
}

fn topic((id, partitions): (Uuid, Vec<i32>)) -> TopicPartitions {
    TopicPartitions::default().with_topic_id(id).with_partitions(partitions)
}

fn count(answer: &ConsumerGroupHeartbeatResponse) -> Option<usize> {
    let topics = &answer.assignment.as_ref()?.topic_partitions;
    Some(topics.iter().map(|topic| topic.partitions.len()).sum())
}

#[tokio::test]
async fn a_partition_is_handed_on_only_after_its_owner_let_go() {
    let broker = Broker::start().await;
    let id = broker.create_topic("t", 2);
    let mut one = Client::connect(&broker).await;
    let mut two = Client::connect(&broker).await;

    let joined = one.beat("one", 0, Some(vec![])).await;
    assert_eq!((joined.member_epoch, count(&joined)), (1, Some(2)));
    let joined = two.beat("two", 0, Some(vec![])).await;
    assert_eq!((joined.member_epoch, count(&joined)), (2, Some(0)));

    let revoked = one.beat("one", 1, Some(vec![(id, vec![0, 1])])).await;
    assert_eq!((revoked.member_epoch, count(&revoked)), (1, Some(1)));
    assert_eq!(count(&two.beat("two", 2, None).await), None);
    let released = one.beat("one", 1, Some(vec![(id, vec![0])])).await;
    assert_eq!((released.member_epoch, count(&released)), (2, None));
    assert_eq!(count(&two.beat("two", 2, None).await), Some(1));
}

#[tokio::test]
async fn a_wrong_epoch_is_fenced_and_a_stranger_unknown() {
    let broker = Broker::start().await;
    broker.create_topic("t", 1);
    let mut client = Client::connect(&broker).await;
    client.beat("one", 0, Some(vec![])).await;
    let ahead = client.beat("one", 5, None).await;
    assert_eq!(ahead.error_code, ResponseError::FencedMemberEpoch.code());
    let stranger = client.beat("two", 1, None).await;
    assert_eq!(stranger.error_code, ResponseError::UnknownMemberId.code());
    assert_eq!(client.beat("one", 0, Some(vec![])).await.error_code, 0);
    client.beat("two", 0, Some(vec![])).await;
    client.beat("one", 1, Some(vec![])).await;
    broker.refuse_rejoin();
    let refused = client.beat("one", 0, Some(vec![])).await;
    assert_eq!(refused.error_code, ResponseError::FencedMemberEpoch.code());
}

#[tokio::test]
async fn a_classic_member_waits_for_the_others_and_for_the_leader() {
    let broker = Broker::start().await;
    let mut one = Client::connect(&broker).await;
    let mut two = Client::connect(&broker).await;
    let invited = one.join(&StrBytes::new()).await;
    assert_eq!(invited.error_code, ResponseError::MemberIdRequired.code());
    let first = one.join(&invited.member_id).await;
    assert_eq!((first.generation_id, first.members.len()), (1, 1));

    let other = two.join(&StrBytes::new()).await.member_id;
    let mut beats = Client::connect(&broker).await;
    let (second, third) = tokio::join!(two.join(&other), async {
        broker.until_members("g", 2).await;
        let beat = HeartbeatRequest::default()
            .with_group_id(GroupId(StrBytes::from_static_str("g")))
            .with_generation_id(1)
            .with_member_id(invited.member_id.clone());
        let told = beats.ask(beat, 4).await;
        assert_eq!(told.error_code, ResponseError::RebalanceInProgress.code());
        one.join(&invited.member_id).await
    });
    assert_eq!((second.generation_id, third.generation_id), (2, 2));
    assert_eq!((second.members.len(), third.members.len()), (0, 2));

    let sync = SyncGroupRequest::default()
        .with_group_id(GroupId(StrBytes::from_static_str("g")))
        .with_generation_id(2);
    let given = SyncGroupRequestAssignment::default()
        .with_member_id(other.clone())
        .with_assignment(Bytes::from_static(b"all"));
    let follows = sync.clone().with_member_id(other);
    let leads = sync.with_member_id(invited.member_id).with_assignments(vec![given]);
    let (followed, led) = tokio::join!(two.ask(follows, 5), one.ask(leads, 5));
    assert_eq!((&followed.assignment[..], &led.assignment[..]), (&b"all"[..], &b""[..]));
}

#[tokio::test]
async fn a_fetch_waits_for_records_and_gets_them_as_they_were_written() {
    let broker = Broker::start().await;
    let id = broker.create_topic("t", 1);
    broker.write("t", 0, &["a", "b"]);
    broker.append("t", 0, &marker());
    let mut client = Client::connect(&broker).await;
    let ask = |offset| {
        let partition =
            FetchPartition::default().with_fetch_offset(offset).with_partition_max_bytes(1_000_000);
        let topic = FetchTopic::default().with_topic_id(id).with_partitions(vec![partition]);
        FetchRequest::default().with_max_wait_ms(5_000).with_min_bytes(1).with_topics(vec![topic])
    };
    let answer = client.ask(ask(1), 13).await;
    let mut records = answer.responses[0].partitions[0].records.clone().unwrap();
    let sets = RecordBatchDecoder::decode_all(&mut records).unwrap();
    let offsets = sets.iter().flat_map(|set| &set.records).map(|record| record.offset);
    assert_eq!(offsets.collect::<Vec<_>>(), [0, 1, 2]);

    let (answer, ()) = tokio::join!(client.ask(ask(3), 13), async {
        broker.wait(|seen: &crate::broker::Seen<FetchRequest>| seen.answered.is_none()).await;
        broker.write("t", 0, &["c"]);
    });
    assert!(answer.responses[0].partitions[0].records.as_ref().is_some_and(|all| !all.is_empty()));
}
