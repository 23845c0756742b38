use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn keys_come_back_and_keep_their_order(
        topics in (any::<u32>(), any::<u32>()),
        partition: u32,
        offsets in (any::<u64>(), any::<u64>()),
    ) {
        let id = |topic| PartitionId { topic, partition };
        let first = (id(topics.0), offsets.0);
        let second = (id(topics.1), offsets.1);
        let keys = [first, second].map(|(id, offset)| record_key(id, offset));
        prop_assert_eq!(parse_record_key(&keys[0]), Ok(first));
        prop_assert_eq!(keys[0].cmp(&keys[1]), first.cmp(&second));
        let key = committed_key(first.0, "readers");
        prop_assert_eq!(parse_committed_key(&key), Ok((first.0, "readers")));
    }

    #[test]
    fn times_come_back_and_keep_their_order(first: i64, second: i64) {
        let times = [first, second].map(Timestamp::from_millis);
        prop_assert_eq!(parse_time(time_bytes(times[0])), times[0]);
        prop_assert_eq!(time_bytes(times[0]).cmp(&time_bytes(times[1])), first.cmp(&second));
    }

    #[test]
    fn a_start_comes_back(offset: u64, bytes_before: u64, last_write: i64) {
        let start = LogStart { offset, bytes_before, last_write };
        prop_assert_eq!(LogStart::decode(&start.encode()), Ok(start));
    }

    #[test]
    fn any_bytes_give_a_value_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        prop_assert_eq!(parse_record_key(&bytes).is_ok(), bytes.len() == 16);
        prop_assert_eq!(parse_u64(&bytes, "it").is_ok(), bytes.len() == 8);
        prop_assert_eq!(parse_u32(&bytes, "it").is_ok(), bytes.len() == 4);
        prop_assert_eq!(LogStart::decode(&bytes).is_ok(), bytes.len() == 24);
        let text = bytes.get(8..).and_then(|group| std::str::from_utf8(group).ok());
        prop_assert_eq!(parse_committed_key(&bytes).is_ok(), text.is_some());
    }
}
