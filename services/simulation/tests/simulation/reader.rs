//! Reads `logs` as a client of the live stream does: every partition, and a repeat is no new line.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use comptoir_domain::envelope::Payload;
use comptoir_domain::event::Event;
use comptoir_domain::port::bus::{LogReader as _, ReadLimit};
use comptoir_domain::port::codec::EventCodec as _;
use comptoir_domain::port::platform::Log as _;
use comptoir_domain::record::StoredRecord;
use comptoir_domain::topic::{Offset, Partition, Topic, TopicPartition};
use comptoir_memory::Memory;
use tokio::time::sleep;

use crate::words::Codec;
use crate::world::lock;

const LIMIT: ReadLimit =
    ReadLimit { records: 100, bytes: usize::MAX, wait: Duration::from_secs(5) };
const TRY_AGAIN: Duration = Duration::from_millis(500);

/// What was read.
#[derive(Debug, Default)]
pub(crate) struct Read {
    /// Ids of lines.
    pub(crate) lines: BTreeSet<String>,
    /// Records, repeats included.
    pub(crate) records: u64,
}

/// Reads one partition for ever.
pub(crate) async fn read(memory: Memory, topic: Topic, partition: Partition, to: Arc<Mutex<Read>>) {
    let (reader, at) = (memory.reader(), TopicPartition { topic, partition });
    let mut next = Offset::ZERO;
    loop {
        match reader.read(&at, next, LIMIT).await {
            Ok(batch) => {
                for stored in batch {
                    next = stored.offset.next();
                    let mut read = lock(&to);
                    read.records += 1;
                    read.lines.extend(line(&stored));
                }
            }
            Err(_) => sleep(TRY_AGAIN).await,
        }
    }
}

/// The id of the line that a record is.
fn line(stored: &StoredRecord) -> Option<String> {
    match Codec::decode(&stored.record).ok()?.payload {
        Payload::Known(Event::LogWritten(entry)) => Some(entry.id.to_string()),
        Payload::Known(_) | Payload::Foreign { .. } => None,
    }
}
