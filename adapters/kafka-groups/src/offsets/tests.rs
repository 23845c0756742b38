use bytes::BytesMut;
use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions,
    OffsetFetchResponseTopic, OffsetFetchResponseTopics,
};
use kafka_protocol::messages::{
    GroupId, ListOffsetsRequest, OffsetFetchRequest, OffsetFetchResponse,
};
use kafka_protocol::protocol::{Decodable, Encodable, Message};
use proptest::prelude::*;

use super::group::Question;
use super::*;
use crate::cluster::Cluster;
use crate::connection::damage;
use crate::error::Result;
use crate::settings::Settings;
use crate::topic::{TopicPartition, text, topic_name};

fn told(version: i16, code: i16, group_code: i16, offset: i64) -> Result<Option<i64>> {
    let at = TopicPartition::new("orders", 2);
    let answer = if version < 8 {
        let partition = OffsetFetchResponsePartition::default()
            .with_partition_index(2)
            .with_error_code(code)
            .with_committed_offset(offset);
        let topic = OffsetFetchResponseTopic::default()
            .with_name(topic_name("orders"))
            .with_partitions(vec![partition]);
        OffsetFetchResponse::default().with_topics(vec![topic]).with_error_code(group_code)
    } else {
        let partition = OffsetFetchResponsePartitions::default()
            .with_partition_index(2)
            .with_error_code(code)
            .with_committed_offset(offset);
        let topic = OffsetFetchResponseTopics::default()
            .with_name(topic_name("orders"))
            .with_partitions(vec![partition]);
        let group = OffsetFetchResponseGroup::default()
            .with_group_id(GroupId(text("group")))
            .with_topics(vec![topic])
            .with_error_code(group_code);
        OffsetFetchResponse::default().with_groups(vec![group])
    };
    super::group::read(answer, "group", version).map(|groups| groups["group"][&at])
}

#[test]
fn an_error_is_never_taken_for_no_offset() {
    for version in [1, 7, 8, 9] {
        assert_eq!(told(version, 0, 0, 5).unwrap(), Some(5));
        assert_eq!(told(version, 0, 0, -1).unwrap(), None);
        for error in [
            ResponseError::UnstableOffsetCommit,
            ResponseError::StaleMemberEpoch,
            ResponseError::UnknownMemberId,
            ResponseError::UnknownTopicOrPartition,
        ] {
            let of_partition = told(version, error.code(), 0, -1).unwrap_err();
            assert_eq!(of_partition.refusal(), Some(error), "version {version}");
            let of_group = told(version, 0, error.code(), -1).unwrap_err();
            assert_eq!(of_group.refusal(), Some(error), "version {version}");
        }
    }
}

/// What a broker reads of a request in every version that we may send.
fn in_every_version<R>(request: impl Fn(i16) -> R) -> impl Iterator<Item = (i16, R)>
where
    R: Encodable + Decodable + Message,
{
    (R::VERSIONS.min..=R::VERSIONS.max).map(move |version| {
        let mut bytes = BytesMut::new();
        let encoded = request(version).encode(&mut bytes, version);
        encoded.unwrap_or_else(|error| panic!("version {version}: {error}"));
        (version, R::decode(&mut bytes.freeze(), version).unwrap())
    })
}

fn partitions() -> Vec<TopicPartition> {
    vec![
        TopicPartition::new("orders", 0),
        TopicPartition::new("users", 1),
        TopicPartition::new("orders", 2),
    ]
}

fn member() -> Identity<'static> {
    Identity { group: "group", member: "member", epoch: 4, instance: Some("instance") }
}

#[test]
fn bounds_can_be_asked_of_every_broker() {
    let asked = in_every_version(|_| super::list::request(&partitions(), Spot::Earliest));
    for (version, asked) in asked {
        assert_eq!(asked.replica_id.0, -1, "version {version}");
        let orders = &asked.topics[0];
        assert_eq!((&**orders.name, asked.topics.len()), ("orders", 2));
        let spots: Vec<(i32, i64)> =
            orders.partitions.iter().map(|one| (one.partition_index, one.timestamp)).collect();
        assert_eq!(spots, [(0, -2), (2, -2)], "version {version}");
    }
}

#[test]
fn a_groups_offsets_can_be_asked_of_every_broker() {
    let partitions = partitions();
    for stable in [true, false] {
        let asked = in_every_version(|version| {
            Question { who: member(), partitions: Some(&partitions) }.request(version, stable)
        });
        for (version, asked) in asked {
            assert_eq!(asked.require_stable, stable && version >= 7, "version {version}");
            if version < 8 {
                assert_eq!(&**asked.group_id, "group");
                assert_eq!(asked.topics.unwrap()[0].partition_indexes, [0, 2]);
                continue;
            }
            let group = &asked.groups[0];
            assert_eq!(&**group.group_id, "group");
            let (member, epoch) = (group.member_id.as_deref(), group.member_epoch);
            let known = if version < 9 { (None, -1) } else { (Some("member"), 4) };
            assert_eq!((member, epoch), known, "version {version}");
            assert_eq!(group.topics.as_ref().unwrap()[0].partition_indexes, [0, 2]);
        }
    }
}

#[test]
fn who_is_no_member_does_not_claim_to_be_one() {
    let nobody = Identity { member: "", epoch: -1, instance: None, ..member() };
    let asked = Question { who: nobody, partitions: None }.request(9, true);
    let group = &asked.groups[0];
    assert_eq!((group.member_id.as_deref(), group.member_epoch), (None, -1));
    assert!(group.topics.is_none(), "all of the group's offsets");
}

#[test]
fn offsets_can_be_committed_to_every_broker() {
    let offsets: Vec<(TopicPartition, i64)> = partitions().into_iter().zip(7..).collect();
    let sent =
        in_every_version(|version| super::commits::commit_request(member(), &offsets, version));
    for (version, sent) in sent {
        assert_eq!((&**sent.group_id, &*sent.member_id), ("group", "member"));
        assert_eq!(sent.generation_id_or_member_epoch, 4);
        let instance = (version >= 7).then_some("instance");
        assert_eq!(sent.group_instance_id.as_deref(), instance, "version {version}");
        let orders = &sent.topics[0].partitions;
        let offsets: Vec<(i32, i64)> =
            orders.iter().map(|one| (one.partition_index, one.committed_offset)).collect();
        assert_eq!(offsets, [(0, 7), (2, 9)], "version {version}");
    }
}

proptest! {
    #[test]
    fn any_answer_about_a_group_tells_offsets_that_can_be_read_from(
        answer in prop_oneof![
            damage::damaged::<OffsetFetchRequest>(&damage::samples::offsets()),
            damage::damaged::<OffsetFetchRequest>(&damage::samples::offsets_of_groups()),
        ],
    ) {
        if let Some(Ok(groups)) = answer.map(|(version, answer)| super::group::read(answer, "g", version)) {
            let mut offsets = groups.values().flat_map(|offsets| offsets.values().flatten());
            prop_assert!(offsets.all(|offset| *offset >= 0));
        }
    }

    #[test]
    fn any_answer_about_ends_tells_of_what_was_asked_or_is_an_error(
        answer in damage::damaged::<ListOffsetsRequest>(&damage::samples::listed()),
    ) {
        let cluster = Cluster::new(Settings::new(["unused"]));
        let at = TopicPartition::new("t", 0);
        if let Some((_, answer)) = answer
            && let Ok(told) = super::list::read(&cluster, &answer, std::slice::from_ref(&at))
        {
            prop_assert!(told.contains_key(&at));
        }
    }
}
