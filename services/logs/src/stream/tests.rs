use comptoir_domain::topic::Offset;
use comptoir_testkit::damage::{any_json, damaged};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::window::PartitionWindow;

fn messages() -> Vec<Vec<u8>> {
    let log = "\"log_id\":\"0192d3a4-0000-7000-8000-000000000001\"";
    [
        format!("{{\"t\":\"sub\",\"from\":\"tail:100\",{log}}}"),
        "{\"t\":\"sub\",\"from\":\"cur:0:5,1:7\",\"log_id\":null}".to_owned(),
        "{\"t\":\"ack\",\"id\":18446744073709551615}".to_owned(),
    ]
    .map(String::into_bytes)
    .to_vec()
}

proptest! {
    #[test]
    fn any_message_is_understood_or_not(said in damaged(messages())) {
        let _ = serde_json::from_slice::<Said>(&said);
    }

    #[test]
    fn any_json_is_no_message_of_ours(json in any_json()) {
        prop_assert!(serde_json::from_str::<Said>(&json).is_err());
    }

    /// A subscription never begins behind the end.
    #[test]
    fn any_beginning_is_within_the_log_or_none(
        from in prop_oneof![
            "(tail|cur|earliest|now|x)?:?[0-9:,-]{0,30}",
            vec((0..5_usize, any::<u64>()), 0..6).prop_map(|places| {
                let places = places.iter().map(|(at, offset)| format!("{at}:{offset}"));
                format!("cur:{}", places.collect::<Vec<_>>().join(","))
            }),
        ],
        ends in vec(0..1_000_u64, 1..4),
    ) {
        let window = Window::default();
        let ends: Vec<_> = ends.into_iter().map(Offset).collect();
        window.open(Uuid::from_u128(1), ends.iter().copied().map(PartitionWindow::at).collect());
        let earliest = vec![Offset::ZERO; ends.len()];
        if let Some(places) = begin(&from, &window, earliest, &ends) {
            prop_assert_eq!(places.len(), ends.len());
            prop_assert!(places.iter().zip(&ends).all(|(place, end)| place <= end), "{}", from);
        }
    }
}
