//! What stands on the topics: first occurrences, in order, and how often each was repeated.

use std::collections::BTreeMap;

use comptoir_domain::envelope::{Envelope, Payload};
use comptoir_domain::event::Event;
use comptoir_domain::port::codec::EventCodec as _;
use comptoir_domain::topic::{Offset, Partition, Topic, Topics};
use comptoir_memory::Memory;

use crate::words::Codec;

/// Where an event stands for the first time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Occurrence {
    pub(crate) place: (Partition, Offset),
    pub(crate) envelope: Envelope,
    /// Records with the same id, this one included.
    pub(crate) times: u64,
}

/// A topic's events by id.
pub(crate) type OnTopic = BTreeMap<String, Occurrence>;

/// All topics.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) notifications: OnTopic,
    pub(crate) inventories: OnTopic,
    pub(crate) stock: OnTopic,
    pub(crate) logs: OnTopic,
}

impl Told {
    pub(crate) fn gather(memory: &Memory, topics: &Topics) -> Result<Self, String> {
        for live in [&topics.notifications, &topics.inventories, &topics.stock, &topics.logs] {
            let letters = topic(memory, &live.dead_letters())?;
            if let Some((id, letter)) = letters.first_key_value() {
                let kind = letter.envelope.kind();
                return Err(format!("nothing is given up: {kind} {id} is in {live}.dlq"));
            }
        }
        let told = Self {
            notifications: topic(memory, &topics.notifications)?,
            inventories: topic(memory, &topics.inventories)?,
            stock: topic(memory, &topics.stock)?,
            logs: topic(memory, &topics.logs)?,
        };
        told.is_routed(topics)?;
        Ok(told)
    }

    /// Every event is on all of its topics, and on no other.
    fn is_routed(&self, topics: &Topics) -> Result<(), String> {
        for (topic, on_topic) in
            [(&topics.inventories, &self.inventories), (&topics.stock, &self.stock)]
        {
            for (id, Occurrence { envelope, .. }) in &self.notifications {
                let Payload::Known(event) = &envelope.payload else {
                    return Err(format!("every event is known: {id} is not"));
                };
                let belongs = topics.route(event).contains(topic);
                if belongs != on_topic.contains_key(id) {
                    let (kind, word) = (event.kind(), if belongs { "missing" } else { "astray" });
                    return Err(format!(
                        "every event is on its topics: {kind} {id} on {topic} is {word}"
                    ));
                }
            }
            if let Some(id) = on_topic.keys().find(|id| !self.notifications.contains_key(*id)) {
                return Err(format!(
                    "every event is on its topics: {id} is on {topic} but not on notifications"
                ));
            }
        }
        Ok(())
    }

    /// Events about a subject, as `notifications` tells them.
    pub(crate) fn about<'a>(
        &'a self,
        subject: &'a str,
    ) -> impl Iterator<Item = (&'a Event, &'a Envelope)> {
        self.events().filter(move |(_, envelope)| envelope.subject.as_deref() == Some(subject))
    }

    pub(crate) fn events(&self) -> impl Iterator<Item = (&Event, &Envelope)> {
        self.notifications.values().filter_map(|occurrence| match &occurrence.envelope.payload {
            Payload::Known(event) => Some((event, &occurrence.envelope)),
            Payload::Foreign { .. } => None,
        })
    }
}

/// The events of one topic. Those who repeat an event must repeat it wholly.
pub(crate) fn topic(memory: &Memory, topic: &Topic) -> Result<OnTopic, String> {
    let mut found = OnTopic::new();
    for (at, records) in memory.all_records(topic) {
        for stored in records {
            let envelope = Codec::decode(&stored.record)
                .map_err(|error| format!("every record is readable: {at}: {error}"))?;
            let place = (at.partition, stored.offset);
            let first = found.entry(envelope.id.to_string()).or_insert_with(|| Occurrence {
                place,
                envelope: envelope.clone(),
                times: 0,
            });
            first.times += 1;
            if first.envelope.payload != envelope.payload || first.place.0 != place.0 {
                return Err(format!("a repeat is the same: {} on {at} is another", envelope.id));
            }
        }
    }
    Ok(found)
}
