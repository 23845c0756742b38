//! Unpacking batches, within a bound; packing with gzip.

use std::io::{self, Read, Write as _};

use bytes::{Buf as _, Bytes};
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use lz4_flex::frame::FrameDecoder;
use ruzstd::decoding::StreamingDecoder;

/// How batches are packed when produced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// Gzip.
    Gzip,
}

impl Compression {
    pub(super) fn codec(self) -> i16 {
        match self {
            Self::None => 0,
            Self::Gzip => Codec::Gzip as i16,
        }
    }

    pub(super) fn pack(self, bytes: Vec<u8>) -> Vec<u8> {
        match self {
            Self::None => bytes,
            Self::Gzip => {
                let mut packed = GzEncoder::new(Vec::new(), flate2::Compression::fast());
                let done = packed.write_all(&bytes).and_then(|()| packed.finish());
                done.expect("writing to memory does not fail")
            }
        }
    }
}

/// How a batch is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Codec {
    Gzip = 1,
    Snappy = 2,
    Lz4 = 3,
    Zstd = 4,
}

/// Why a batch was not unpacked.
#[derive(Debug)]
pub(super) enum UnpackError {
    TooLarge,
    Io(io::Error),
}

impl From<io::Error> for UnpackError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Codec {
    /// Unpacks to at most `limit` bytes.
    pub(super) fn unpack(self, packed: &[u8], limit: usize) -> Result<Bytes, UnpackError> {
        let mut unpacked = Vec::new();
        match self {
            Self::Gzip => read_all(MultiGzDecoder::new(packed), limit, &mut unpacked)?,
            Self::Snappy => snappy(packed, limit, &mut unpacked)?,
            Self::Lz4 => read_all(FrameDecoder::new(packed), limit, &mut unpacked)?,
            Self::Zstd => zstd(packed, limit, &mut unpacked)?,
        }
        Ok(unpacked.into())
    }
}

fn read_all(from: impl Read, limit: usize, into: &mut Vec<u8>) -> Result<(), UnpackError> {
    let rest = limit.saturating_sub(into.len()) as u64;
    from.take(rest.saturating_add(1)).read_to_end(into)?;
    if into.len() > limit { Err(UnpackError::TooLarge) } else { Ok(()) }
}

/// Frames until nothing is left. A frame's window is held in memory, so it is bounded as well.
fn zstd(mut packed: &[u8], limit: usize, into: &mut Vec<u8>) -> Result<(), UnpackError> {
    while !packed.is_empty() {
        // Writers may use windows of 8 MiB even for little.
        let window = limit.max(8 << 20) as u64;
        let frame = StreamingDecoder::new_with_max_window_size(&mut packed, window);
        read_all(frame.map_err(io::Error::other)?, limit, into)?;
    }
    Ok(())
}

/// What snappy-java writes before its chunks.
const XERIAL: &[u8] = b"\x82SNAPPY\0";
const XERIAL_VERSIONS: usize = 8;

/// One block, or Java's framing of blocks: a magic word, two versions, then lengths with blocks.
fn snappy(packed: &[u8], limit: usize, into: &mut Vec<u8>) -> Result<(), UnpackError> {
    let Some(mut chunks) = packed.strip_prefix(XERIAL) else {
        return snappy_block(packed, limit, into);
    };
    let truncated = || io::Error::from(io::ErrorKind::UnexpectedEof);
    chunks = chunks.get(XERIAL_VERSIONS..).ok_or_else(truncated)?;
    while !chunks.is_empty() {
        let length = chunks.try_get_u32().map_err(io::Error::other)? as usize;
        let (chunk, rest) = chunks.split_at_checked(length).ok_or_else(truncated)?;
        snappy_block(chunk, limit, into)?;
        chunks = rest;
    }
    Ok(())
}

fn snappy_block(block: &[u8], limit: usize, into: &mut Vec<u8>) -> Result<(), UnpackError> {
    let start = into.len();
    let size = snap::raw::decompress_len(block).map_err(io::Error::other)?;
    if size > limit.saturating_sub(start) {
        return Err(UnpackError::TooLarge);
    }
    into.resize(start + size, 0);
    let written = snap::raw::Decoder::new().decompress(block, &mut into[start..]);
    into.truncate(start + written.map_err(io::Error::other)?);
    Ok(())
}
