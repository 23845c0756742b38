//! Record batches as a producer writes them.

use bytes::{Bytes, BytesMut};
use kafka_protocol::indexmap::IndexMap;
use kafka_protocol::records::{
    Compression, Record, RecordBatchEncoder, RecordEncodeOptions, TimestampType,
};

/// What a test writes: a key and a value.
#[derive(Clone)]
pub(crate) struct Written {
    key: Bytes,
    value: Bytes,
}

impl Written {
    pub(crate) fn new(key: impl Into<Bytes>, value: impl Into<Bytes>) -> Self {
        Self { key: key.into(), value: value.into() }
    }
}

/// One batch of ordinary records, at offset zero until a partition takes it.
pub(crate) fn batch(records: &[Written]) -> Bytes {
    let records = records.iter().zip(0..).map(|(written, offset)| {
        let mut record = empty(offset);
        record.key = Some(written.key.clone());
        record.value = Some(written.value.clone());
        record
    });
    encode(&records.collect::<Vec<_>>())
}

/// A control batch: the marker with which a transaction was committed. No reader is shown it.
pub(crate) fn marker() -> Bytes {
    let mut record = empty(0);
    record.control = true;
    record.transactional = true;
    record.producer_id = 7;
    record.producer_epoch = 0;
    record.key = Some(Bytes::from_static(&[0, 0, 0, 1]));
    record.value = Some(Bytes::from_static(&[0, 0, 0, 0, 0, 0]));
    encode(&[record])
}

fn empty(offset: i64) -> Record {
    Record {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: 0,
        producer_id: -1,
        producer_epoch: -1,
        timestamp_type: TimestampType::Creation,
        offset,
        sequence: i32::try_from(offset).unwrap(),
        timestamp: 1_700_000_000_000 + offset,
        key: None,
        value: None,
        headers: IndexMap::new(),
    }
}

fn encode(records: &[Record]) -> Bytes {
    let options = RecordEncodeOptions { version: 2, compression: Compression::None };
    let mut bytes = BytesMut::new();
    RecordBatchEncoder::encode(&mut bytes, records, &options).unwrap();
    bytes.freeze()
}
