//! Answers about the cluster, as nobody should have given them.

use kafka_protocol::messages::FindCoordinatorRequest;
use proptest::prelude::*;

use super::super::coordinator;
use super::super::known::Known;
use super::super::metadata::Description;
use super::*;
use crate::connection::damage::{self, damaged};

proptest! {
    #[test]
    fn any_description_is_learned_and_forgotten(
        answer in damaged::<MetadataRequest>(&damage::samples::metadata()),
    ) {
        let Some((_, answer)) = answer else { return Ok(()) };
        let description = Description::from(answer);
        let mut known = Known::default();
        known.learn(&description);
        known.learn(&description);
        for topic in &description.topics {
            let partitions = topic.partitions.iter().map(|at| at.partition);
            prop_assert!(partitions.is_sorted(), "{:?}", topic);
            known.gone(&topic.name);
        }
        for address in known.addresses() {
            known.lost(&address);
        }
        prop_assert_eq!(known.brokers(), Vec::<i32>::new());
        prop_assert_eq!(known.worth_asking(&[]), Vec::<std::sync::Arc<str>>::new());
    }

    #[test]
    fn any_answer_names_coordinators_with_addresses(
        answer in prop_oneof![
            damaged::<FindCoordinatorRequest>(&damage::samples::coordinator()),
            damaged::<FindCoordinatorRequest>(&damage::samples::coordinators()),
        ],
    ) {
        let Some((_, answer)) = answer else { return Ok(()) };
        for (_, _, address) in coordinator::read(answer, &["group"]).into_iter().flatten() {
            prop_assert!(address.contains(':'));
        }
    }
}
