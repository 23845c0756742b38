//! The 61 bytes before the records of a batch.

use bytes::Buf as _;

use super::BatchError;

/// Offset and length, which are not counted in the length.
pub(super) const PREFIX: usize = 12;
/// Up to and with the count of records.
pub(super) const HEADER: usize = 61;
/// Where what the checksum covers begins.
pub(super) const CHECKED: usize = 21;
const MAGIC_AT: usize = 16;
pub(super) const MAGIC: i8 = 2;

pub(super) const CODEC: i16 = 0b111;
pub(super) const LOG_APPEND_TIME: i16 = 1 << 3;
pub(super) const TRANSACTIONAL: i16 = 1 << 4;
pub(super) const CONTROL: i16 = 1 << 5;

/// What a batch says of itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header {
    pub(super) base_offset: i64,
    /// Of the whole batch, in bytes.
    pub(super) size: usize,
    pub(super) checksum: u32,
    pub(super) attributes: i16,
    pub(super) last_offset: i64,
    pub(super) base_timestamp: i64,
    pub(super) max_timestamp: i64,
    pub(super) producer: i64,
    pub(super) count: i32,
}

impl Header {
    /// The header of the first batch; `None` if the batch is not all there, as the last one of an
    /// answer need not be.
    pub(super) fn read(bytes: &[u8]) -> Result<Option<Self>, BatchError> {
        if bytes.len() <= MAGIC_AT {
            return Ok(None);
        }
        let mut from = bytes;
        let base_offset = from.get_i64();
        let length = from.get_i32();
        let magic = bytes[MAGIC_AT].cast_signed();
        let malformed = |what| BatchError::Malformed { offset: base_offset, what };
        if magic != MAGIC {
            return Err(BatchError::Format { offset: base_offset, magic });
        }
        let size = usize::try_from(length).ok().and_then(|length| length.checked_add(PREFIX));
        let size = size.filter(|size| *size >= HEADER).ok_or_else(|| malformed("its length"))?;
        if bytes.len() < size {
            return Ok(None);
        }
        from.advance(5);
        let checksum = from.get_u32();
        let attributes = from.get_i16();
        let last_delta = from.get_i32();
        let base_timestamp = from.get_i64();
        let max_timestamp = from.get_i64();
        let producer = from.get_i64();
        from.advance(6);
        let count = from.get_i32();
        // One more than the last offset is where reading goes on, so that must exist as well.
        let last_offset = base_offset
            .checked_add(last_delta.into())
            .filter(|last| {
                (0..i64::MAX).contains(&base_offset) && (base_offset..i64::MAX).contains(last)
            })
            .ok_or_else(|| malformed("its offsets"))?;
        Ok(Some(Self {
            base_offset,
            size,
            checksum,
            attributes,
            last_offset,
            base_timestamp,
            max_timestamp,
            producer,
            count,
        }))
    }

    pub(super) fn is(&self, attribute: i16) -> bool {
        self.attributes & attribute != 0
    }

    pub(super) fn malformed(&self, what: &'static str) -> BatchError {
        BatchError::Malformed { offset: self.base_offset, what }
    }
}
