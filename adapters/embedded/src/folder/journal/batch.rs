//! One batch of fjall's journal (format 3): a start, its items, an end with the hash of the items.
//!
//! Written after `fjall::journal::entry` and `writer`; numbers are little-endian.
//!
//! | entry | bytes                                                                                   |
//! |-------|-----------------------------------------------------------------------------------------|
//! | start | 1, number of items u32, sequence number u64                                             |
//! | item  | 2, value type u8, compression u8, keyspace u64, key u16, value u32, stored u32, key, value |
//! | end   | 3, XXH3 of the items u64, [`MAGIC`]                                                     |
//! | clear | 4, keyspace u64 (an item of its own)                                                    |

use std::io::{self, ErrorKind, Read};

use xxhash_rust::xxh3::Xxh3;

use crate::keyspaces::COMMITS;

/// How an end ends.
pub(super) const MAGIC: &[u8] = b"FJL\x03";
/// Bytes of an end.
pub(super) const TRAILER_BYTES: usize = 13;

const START: u8 = 1;
const ITEM: u8 = 2;
const END: u8 = 3;
const CLEAR: u8 = 4;
const START_BYTES: usize = 12;
const ITEM_BYTES: usize = 20;
/// Read at once, so that a damaged length costs no memory.
const PIECE: usize = 8 << 10;

/// How the reading of a batch ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// It is whole and its hash is right.
    Whole {
        /// How long it is.
        bytes: u64,
        /// Its sequence number.
        number: u64,
        /// The number of the group of writes that it is, if it says so.
        commit: Option<u64>,
    },
    /// Its items are there, and some of its end, but the hash or the end is wrong.
    Wrong {
        /// How long it is.
        bytes: u64,
    },
    /// There is none, or not all of it, or something else.
    Broken,
}

pub(super) fn is_trailer(bytes: &[u8]) -> bool {
    bytes.first() == Some(&END) && bytes.ends_with(MAGIC)
}

/// Reads one batch.
pub(super) fn read_batch(reader: &mut impl Read) -> io::Result<End> {
    let mut batch = Batch { reader, hash: Xxh3::new(), bytes: 0, commit: None };
    match batch.read() {
        Ok(end) => Ok(end),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(End::Broken),
        Err(error) => Err(error),
    }
}

struct Batch<'a, R> {
    reader: &'a mut R,
    hash: Xxh3,
    bytes: u64,
    commit: Option<u64>,
}

impl<R: Read> Batch<'_, R> {
    fn read(&mut self) -> io::Result<End> {
        if self.array()? != [START] {
            return Ok(End::Broken);
        }
        let start: [u8; START_BYTES] = self.array()?;
        let items = number(&start[..4]);
        for _ in 0..items {
            if !self.item()? {
                return Ok(End::Broken);
            }
        }
        let hash = std::mem::replace(&mut self.hash, Xxh3::new()).digest();
        let trailer: [u8; TRAILER_BYTES] = self.array()?;
        let bytes = self.bytes;
        if is_trailer(&trailer) && trailer[1..9] == hash.to_le_bytes() {
            let number = number(&start[4..]);
            return Ok(End::Whole { bytes, number, commit: self.commit });
        }
        // The end is written at once: a crash before that leaves zeros.
        let is_missing = trailer == [0; TRAILER_BYTES];
        Ok(if is_missing { End::Broken } else { End::Wrong { bytes } })
    }

    /// Reads one item; says whether it can be one.
    fn item(&mut self) -> io::Result<bool> {
        match self.array()? {
            [ITEM] => {}
            [CLEAR] => {
                self.hash.update(&[CLEAR]);
                let keyspace: [u8; 8] = self.array()?;
                self.hash.update(&keyspace);
                return Ok(true);
            }
            _ => return Ok(false),
        }
        let head: [u8; ITEM_BYTES] = self.array()?;
        self.hash.update(&[ITEM]);
        self.hash.update(&head);
        let (key, value, stored) =
            (number(&head[10..12]), number(&head[12..16]), number(&head[16..]));
        let is_plain = head[1] == 0;
        if !matches!(head[0], 0..=2) || head[1] > 1 || (is_plain && value != stored) {
            return Ok(false);
        }
        let (commits, bytes) = (COMMITS.len() as u64, size_of::<u64>() as u64);
        if (key, stored) == (commits, bytes) {
            self.commit()?;
        } else {
            self.hash_through(key + stored)?;
        }
        Ok(true)
    }

    /// Reads an item that is as long as the number of a group, and keeps that if it is one.
    fn commit(&mut self) -> io::Result<()> {
        let key: [u8; COMMITS.len()] = self.array()?;
        let value: [u8; size_of::<u64>()] = self.array()?;
        self.hash.update(&key);
        self.hash.update(&value);
        if key == *COMMITS {
            self.commit = Some(u64::from_be_bytes(value));
        }
        Ok(())
    }

    fn hash_through(&mut self, mut left: u64) -> io::Result<()> {
        let mut piece = [0; PIECE];
        while left > 0 {
            let most = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
            self.reader.read_exact(&mut piece[..most])?;
            self.hash.update(&piece[..most]);
            self.bytes += most as u64;
            left -= most as u64;
        }
        Ok(())
    }

    fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.reader.read_exact(&mut bytes)?;
        self.bytes += N as u64;
        Ok(bytes)
    }
}

/// A little-endian number of at most eight bytes.
fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A batch as fjall writes it.
    fn batch(number: u64, items: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
        let mut body = Vec::new();
        for (key, value) in items {
            let length = u32::try_from(value.len()).unwrap();
            body.extend([ITEM, 0, 0]);
            body.extend(1_u64.to_le_bytes());
            body.extend(u16::try_from(key.len()).unwrap().to_le_bytes());
            body.extend(length.to_le_bytes());
            body.extend(length.to_le_bytes());
            body.extend(key);
            body.extend(value);
        }
        let mut hash = Xxh3::new();
        hash.update(&body);
        let count = u32::try_from(items.len()).unwrap();
        let start = [&[START][..], &count.to_le_bytes(), &number.to_le_bytes()].concat();
        let end = [&[END][..], &hash.digest().to_le_bytes(), MAGIC].concat();
        [start, body, end].concat()
    }

    fn some_items() -> impl Strategy<Value = Vec<(Vec<u8>, Vec<u8>)>> {
        let bytes = || prop::collection::vec(any::<u8>(), 0..20);
        prop::collection::vec((bytes(), bytes()), 0..5)
    }

    proptest! {
        #[test]
        fn a_batch_is_read_and_says_which_it_is(number: u64, commit: u64, mut items in some_items()) {
            let whole = batch(number, &items);
            let bytes = whole.len() as u64;
            let read = read_batch(&mut &whole[..]).unwrap();
            prop_assert_eq!(read, End::Whole { bytes, number, commit: None });
            items.push((COMMITS.to_vec(), commit.to_be_bytes().to_vec()));
            let whole = batch(number, &items);
            let bytes = whole.len() as u64;
            let read = read_batch(&mut &whole[..]).unwrap();
            prop_assert_eq!(read, End::Whole { bytes, number, commit: Some(commit) });
        }

        #[test]
        fn a_cut_batch_is_none(items in some_items(), at: prop::sample::Index) {
            let whole = batch(7, &items);
            let cut = &whole[..at.index(whole.len())];
            prop_assert_eq!(read_batch(&mut &cut[..]).unwrap(), End::Broken);
        }

        /// The sequence number alone is not covered by the hash.
        #[test]
        fn a_changed_batch_is_none(items in some_items(), at: prop::sample::Index, flip in 1..=u8::MAX) {
            let mut changed = batch(7, &items);
            let at = at.index(changed.len());
            changed[at] ^= flip;
            let is_whole = matches!(read_batch(&mut &changed[..]).unwrap(), End::Whole { .. });
            prop_assert_eq!(is_whole, (5..13).contains(&at));
        }

        #[test]
        fn any_bytes_come_to_an_end(mut bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = read_batch(&mut &bytes[..]).unwrap();
            if let Some(first) = bytes.first_mut() {
                *first = START;
            }
            let _ = read_batch(&mut &bytes[..]).unwrap();
        }
    }
}
