//! Answers about groups and disks, as nobody should have given them.

use kafka_protocol::messages::{
    ConsumerGroupDescribeRequest, DescribeGroupsRequest, DescribeLogDirsRequest,
};
use proptest::prelude::*;

use super::{groups, storage};
use crate::connection::damage::{self, damaged};

proptest! {
    #[test]
    fn any_description_of_groups_is_told(
        consumers in damaged::<ConsumerGroupDescribeRequest>(&damage::samples::described_consumers()),
        classics in damaged::<DescribeGroupsRequest>(&damage::samples::described()),
    ) {
        let consumers = consumers.into_iter().flat_map(|(_, answer)| answer.groups);
        let classics = classics.into_iter().flat_map(|(_, answer)| answer.groups);
        for group in consumers.map(groups::consumer).chain(classics.map(groups::classic)) {
            let is_consumer = group.kind == groups::GroupKind::Consumer;
            prop_assert_eq!(group.epoch.is_some(), is_consumer);
        }
    }

    #[test]
    fn any_sizes_of_disks_are_told(
        answer in damaged::<DescribeLogDirsRequest>(&damage::samples::sizes()),
    ) {
        if let Some((_, answer)) = answer {
            let _ = storage::read_sizes(&answer);
        }
    }
}
