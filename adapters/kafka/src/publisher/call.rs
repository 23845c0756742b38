//! The records of one call, sorted by partition.

use comptoir_domain::record::{Position, Record};
use comptoir_domain::topic::{Offset, Partition, Topic, TopicPartition, partition_for};

/// The records of one call, sorted by partition, and the order in which they were given.
#[derive(Debug)]
pub(super) struct Call {
    topics: Vec<TopicOfCall>,
    shares: Vec<Share>,
    /// For each record, its share.
    places: Vec<usize>,
}

/// A topic as a call sees it.
#[derive(Debug)]
pub(super) struct TopicOfCall {
    topic: Topic,
    /// For each partition, its share once it has one.
    shares: Vec<Option<usize>>,
    /// Where records without a key go: all of a call to the same, so that they make one batch.
    keyless: Partition,
}

impl TopicOfCall {
    /// `turn` chooses the partition of records without a key.
    pub(super) fn new(topic: Topic, partitions: u32, turn: u32) -> Self {
        let shares = vec![None; partitions as usize];
        Self { topic, shares, keyless: Partition(turn % partitions) }
    }

    fn partition_of(&self, record: &Record) -> Partition {
        let partitions = u32::try_from(self.shares.len()).unwrap_or(u32::MAX);
        record.key.as_ref().map_or(self.keyless, |key| partition_for(key, partitions))
    }
}

/// What one partition gets of a call.
#[derive(Debug)]
pub(super) struct Share {
    pub(super) at: TopicPartition,
    pub(super) records: Vec<Record>,
    /// Where they came to stand, in their order.
    pub(super) offsets: Vec<Offset>,
}

impl Call {
    pub(super) fn new(records: usize) -> Self {
        Self { topics: Vec::new(), shares: Vec::new(), places: Vec::with_capacity(records) }
    }

    pub(super) fn find(&self, topic: &Topic) -> Option<usize> {
        self.topics.iter().position(|known| known.topic == *topic)
    }

    pub(super) fn add_topic(&mut self, topic: TopicOfCall) -> usize {
        self.topics.push(topic);
        self.topics.len() - 1
    }

    pub(super) fn add(&mut self, topic: usize, record: Record) {
        let topic = &mut self.topics[topic];
        let partition = topic.partition_of(&record);
        let shares = &mut self.shares;
        let share = *topic.shares[partition.0 as usize].get_or_insert_with(|| {
            let at = TopicPartition { topic: topic.topic.clone(), partition };
            shares.push(Share { at, records: Vec::new(), offsets: Vec::new() });
            shares.len() - 1
        });
        shares[share].records.push(record);
        self.places.push(share);
    }

    pub(super) fn shares(&mut self) -> impl Iterator<Item = &mut Share> {
        self.shares.iter_mut()
    }

    /// Where the records came to stand, in the order of the call.
    pub(super) fn positions(self) -> Vec<Position> {
        let mut shares: Vec<_> =
            self.shares.into_iter().map(|share| (share.at, share.offsets.into_iter())).collect();
        let position = |place: usize| {
            let (at, offsets) = &mut shares[place];
            let offset = offsets.next().expect("an answer has an offset for each record");
            Position { at: at.clone(), offset }
        };
        self.places.into_iter().map(position).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(key: Option<&str>, value: u8) -> Record {
        let key = key.map(|key| key.as_bytes().to_vec());
        Record { key, value: Some(vec![value]), ..Record::default() }
    }

    /// Each record's place comes back to where the record stood in the call.
    #[test]
    fn positions_are_in_the_order_of_the_call() {
        let mut call = Call::new(20);
        for (name, partitions) in [("a", 3), ("b", 2)] {
            call.add_topic(TopicOfCall::new(Topic::try_from(name).unwrap(), partitions, 5));
        }
        for n in 0..20_u8 {
            call.add(usize::from(n % 2), record(Some(&format!("k{n}")), n));
        }
        for share in call.shares() {
            share.offsets = share
                .records
                .iter()
                .map(|record| Offset(record.value.as_ref().unwrap()[0].into()))
                .collect();
        }
        let positions = call.positions();
        assert!(positions.iter().map(|position| position.offset).eq((0..20).map(Offset)));
        for (n, position) in positions.iter().enumerate() {
            let (name, partitions) = [("a", 3), ("b", 2)][n % 2];
            assert_eq!(position.at.topic.as_str(), name);
            let key = format!("k{n}");
            assert_eq!(position.at.partition, partition_for(key.as_bytes(), partitions));
        }
    }

    #[test]
    fn records_without_a_key_stay_together() {
        let mut call = Call::new(4);
        call.add_topic(TopicOfCall::new(Topic::try_from("t").unwrap(), 3, 4));
        (0..4).for_each(|n| call.add(0, record(None, n)));
        let shares: Vec<_> = call.shares().map(|s| (s.at.partition, s.records.len())).collect();
        assert_eq!(shares, [(Partition(1), 4)]);
    }
}
