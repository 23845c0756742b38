//! The operator's view of the log.

use comptoir_domain::port::bus::{BusError, GroupInfo, LogAdmin, TopicInfo};
use comptoir_domain::topic::Topic;
use uuid::Uuid;

use crate::log::MemoryLog;

impl LogAdmin for MemoryLog {
    async fn create_topics(&self, topics: &[Topic], partitions: u32) -> Result<(), BusError> {
        self.script().take_turns().await;
        self.script().bus_answers()?;
        let mut state = self.state();
        for topic in topics {
            state.records.create(topic, partitions);
        }
        Ok(())
    }

    async fn topics(&self) -> Result<Vec<TopicInfo>, BusError> {
        self.script().take_turns().await;
        self.script().bus_answers()?;
        Ok(self.state().records.infos())
    }

    async fn groups(&self) -> Result<Vec<GroupInfo>, BusError> {
        self.script().take_turns().await;
        self.script().bus_answers()?;
        let state = self.state();
        let infos = state.groups.iter().map(|(id, group)| group.info(id));
        Ok(infos.collect())
    }

    async fn log_id(&self, topic: &Topic) -> Result<Uuid, BusError> {
        self.script().take_turns().await;
        self.script().bus_answers()?;
        self.state().records.partition_count(topic)?;
        Ok(self.id())
    }
}
