//! From the bytes of a fetch answer to records.

use bytes::Bytes;

use super::aborted::{Aborted, AbortedNow};
use super::compression::{Codec, UnpackError};
use super::header::{CHECKED, CODEC, CONTROL, HEADER, Header};
use super::record::Records;
use super::{BatchError, Record};

/// What the batches of an answer hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Decoded {
    /// Records, in order.
    pub records: Vec<Record>,
    /// Behind the last batch read: where to go on, whatever its records were.
    pub next: i64,
}

/// Decodes batches, from the record at offset `from` on.
///
/// Records of `aborted` transactions and control records are left out, but counted in
/// [`Decoded::next`]. A last batch that breaks off is ignored. Compressed batches unpack to at most
/// `limit` bytes together, and the records take at most as many beside their own bytes; what would go
/// beyond is left for the next time, as are batches behind one that cannot be read.
///
/// # Errors
/// The first batch cannot be read, or it or its first record is alone larger than `limit`.
pub fn decode(
    mut bytes: Bytes,
    from: i64,
    aborted: Vec<Aborted>,
    limit: usize,
) -> Result<Decoded, BatchError> {
    let mut read = Reading {
        from,
        aborted: AbortedNow::new(aborted),
        left: limit,
        room: limit,
        behind: 0,
        done: Decoded { records: Vec::new(), next: from },
    };
    let mut first = true;
    loop {
        let before = read.done.records.len();
        match read.batch(&mut bytes) {
            Ok(Step::Read) => first = false,
            Ok(Step::Over) => return Ok(read.done),
            Ok(Step::Full { offset }) if offset == from => {
                return Err(BatchError::TooLarge { offset, limit });
            }
            Ok(Step::Full { offset }) => {
                read.done.next = offset;
                return Ok(read.done);
            }
            Err(BatchError::TooLarge { offset, .. }) if first => {
                return Err(BatchError::TooLarge { offset, limit });
            }
            Err(error) if first => return Err(error),
            Err(_) => {
                read.done.records.truncate(before);
                return Ok(read.done);
            }
        }
    }
}

struct Reading {
    from: i64,
    aborted: AbortedNow,
    /// How much compressed batches may still unpack to.
    left: usize,
    /// How much records may still take beside their bytes.
    room: usize,
    /// Behind the batch before.
    behind: i64,
    done: Decoded,
}

/// What reading a batch came to.
enum Step {
    Read,
    /// There was none.
    Over,
    /// There is no room for the record at this offset.
    Full {
        offset: i64,
    },
}

impl Reading {
    /// Reads the next batch.
    fn batch(&mut self, bytes: &mut Bytes) -> Result<Step, BatchError> {
        let Some(header) = Header::read(bytes)? else {
            return Ok(Step::Over);
        };
        // The checksum does not cover a batch's first offset.
        if header.base_offset < self.behind {
            return Err(header.malformed("its offsets"));
        }
        let batch = bytes.split_to(header.size);
        if crc32c::crc32c(&batch[CHECKED..]) != header.checksum {
            return Err(BatchError::Checksum { offset: header.base_offset });
        }
        let given_up = self.aborted.covers(&header);
        if header.is(CONTROL) {
            let body = self.unpack(&header, batch.slice(HEADER..))?;
            self.aborted.ends(&header, Records::new(&header, &body).first_key());
        } else if !given_up && header.last_offset >= self.from {
            let body = self.unpack(&header, batch.slice(HEADER..))?;
            let records = Records::new(&header, &body);
            let full = records.read_into(self.from, &mut self.done.records, &mut self.room)?;
            if let Some(offset) = full {
                return Ok(Step::Full { offset });
            }
        }
        self.behind = header.last_offset + 1;
        self.done.next = self.done.next.max(self.behind);
        Ok(Step::Read)
    }

    fn unpack(&mut self, header: &Header, body: Bytes) -> Result<Bytes, BatchError> {
        let offset = header.base_offset;
        let codec = match header.attributes & CODEC {
            0 => return Ok(body),
            1 => Codec::Gzip,
            2 => Codec::Snappy,
            3 => Codec::Lz4,
            4 => Codec::Zstd,
            codec => return Err(BatchError::Codec { offset, codec: codec.to_le_bytes()[0] }),
        };
        let unpacked = codec.unpack(&body, self.left).map_err(|error| match error {
            UnpackError::TooLarge => BatchError::TooLarge { offset, limit: self.left },
            UnpackError::Io(cause) => BatchError::Unpack { offset, cause },
        })?;
        self.left -= unpacked.len();
        Ok(unpacked)
    }
}
