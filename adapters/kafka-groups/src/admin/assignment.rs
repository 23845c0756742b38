//! What members of classic groups wrote about themselves: topics they want, partitions they own.
//!
//! Any client can have written these bytes, so no count in them is trusted.

use std::sync::Arc;

use bytes::Buf;

use crate::topic::TopicPartition;

/// Topics of a `ConsumerProtocolSubscription`; `None` if it cannot be read.
pub(super) fn subscribed(mut bytes: &[u8]) -> Option<Vec<String>> {
    bytes.try_get_i16().ok()?;
    let count = bytes.try_get_i32().ok()?;
    (0..count).map(|_| string(&mut bytes).map(str::to_owned)).collect()
}

/// Partitions of a `ConsumerProtocolAssignment`; `None` if it cannot be read. It is empty while
/// the group rebalances.
pub(super) fn assigned(mut bytes: &[u8]) -> Option<Vec<TopicPartition>> {
    let mut partitions = Vec::new();
    if bytes.is_empty() {
        return Some(partitions);
    }
    bytes.try_get_i16().ok()?;
    for _ in 0..bytes.try_get_i32().ok()? {
        let topic: Arc<str> = string(&mut bytes)?.into();
        for _ in 0..bytes.try_get_i32().ok()? {
            let partition = bytes.try_get_i32().ok()?;
            partitions.push(TopicPartition { topic: Arc::clone(&topic), partition });
        }
    }
    Some(partitions)
}

fn string<'a>(bytes: &mut &'a [u8]) -> Option<&'a str> {
    let length = usize::try_from(bytes.try_get_i16().ok()?).ok()?;
    let (text, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    std::str::from_utf8(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUBSCRIPTION: &[u8] = b"\0\x03\0\0\0\x02\0\x01a\0\x02bc\xff\xff\xff\xff";
    const ASSIGNMENT: &[u8] = b"\0\0\0\0\0\x01\0\x03orders\0".as_slice();

    #[test]
    fn topics_of_a_subscription_are_read() {
        assert_eq!(subscribed(SUBSCRIPTION), Some(vec!["a".to_owned(), "bc".to_owned()]));
    }

    #[test]
    fn partitions_of_an_assignment_are_read() {
        let bytes = b"\0\x01\0\0\0\x01\0\x06orders\0\0\0\x02\0\0\0\x01\0\0\0\x05\xff\xff\xff\xff";
        let orders = |partition| TopicPartition::new("orders", partition);
        assert_eq!(assigned(bytes), Some(vec![orders(1), orders(5)]));
        assert_eq!(assigned(b""), Some(vec![]));
    }

    #[test]
    fn what_breaks_off_is_not_read() {
        assert_eq!(assigned(ASSIGNMENT), None);
        assert_eq!(subscribed(b"\0\0\x7f\xff\xff\xff"), None);
        assert_eq!(assigned(b"\0\0\x7f\xff\xff\xff"), None);
        assert_eq!(subscribed(b"\0"), None);
    }
}
