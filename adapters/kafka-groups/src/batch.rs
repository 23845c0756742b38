//! Record batches of format 2 ([KIP-98]), as they are fetched and produced.
//!
//! [KIP-98]: https://cwiki.apache.org/confluence/display/KAFKA/KIP-98+-+Exactly+Once+Delivery+and+Transactional+Messaging

mod aborted;
mod compression;
mod encode;
mod header;
mod read;
mod record;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use thiserror::Error;

pub use aborted::Aborted;
pub use compression::Compression;
pub use encode::{Sequence, encode};
pub use read::{Decoded, decode};

/// A record of a partition. Its bytes are shared with the answer that it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its place in the partition.
    pub offset: i64,
    /// Milliseconds since 1970, by its producer's clock or the broker's as the topic is set.
    pub timestamp: i64,
    /// Its key.
    pub key: Option<Bytes>,
    /// Its value; none marks a deletion in a compacted topic.
    pub value: Option<Bytes>,
    /// Names and values in the order written; a name may occur again. Names are UTF-8 by
    /// convention, but brokers do not check it.
    pub headers: Vec<Header>,
}

/// A name and a value.
pub type Header = (Bytes, Option<Bytes>);

/// A record to be written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewRecord {
    /// Milliseconds since 1970.
    pub timestamp: i64,
    /// Its key.
    pub key: Option<Bytes>,
    /// Its value.
    pub value: Option<Bytes>,
    /// Names and values; a name may occur again.
    pub headers: Vec<Header>,
}

/// What is wrong with a batch.
#[derive(Debug, Error)]
pub enum BatchError {
    /// A length or a count does not fit what is there.
    #[error("the batch at offset {offset} breaks off or contradicts itself: {what}")]
    Malformed {
        /// The batch's first offset.
        offset: i64,
        /// What does not fit.
        what: &'static str,
    },
    /// Its checksum is another one than it says.
    #[error("the batch at offset {offset} is not what was written: its checksum differs")]
    Checksum {
        /// The batch's first offset.
        offset: i64,
    },
    /// A message set from before Kafka 0.11, or a format of the future.
    #[error("the batch at offset {offset} has format {magic}; only format 2 is read")]
    Format {
        /// The batch's first offset.
        offset: i64,
        /// Its format.
        magic: i8,
    },
    /// No such compression is known.
    #[error("the batch at offset {offset} has an unknown compression, {codec}")]
    Codec {
        /// The batch's first offset.
        offset: i64,
        /// Its number.
        codec: u8,
    },
    /// The decompressor gave up.
    #[error("the batch at offset {offset} cannot be unpacked")]
    Unpack {
        /// The batch's first offset.
        offset: i64,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// Unpacked it is larger than the settings allow.
    #[error("the batch at offset {offset} unpacks to more than {limit} bytes")]
    TooLarge {
        /// The first offset of the batch, or of the record that is too large by itself.
        offset: i64,
        /// What is allowed.
        limit: usize,
    },
}
