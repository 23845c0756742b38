//! Whatever bytes an answer has: a value or an error, for memory in proportion.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::super::damage::samples;
use super::super::damage::{Damage, Sample};
use super::*;

/// What an element takes that an answer's count promises: the largest of the messages, and some.
const ELEMENT: u64 = 512;
/// Counts up to here are believed without looking at what is left.
const HARMLESS: u64 = 1 << 16;

/// Decodes, and bounds what that took: arrays lie in one another, at most three deep.
fn decode(sample: &Sample, bytes: &[u8]) -> Result<bool, TestCaseError> {
    let bytes = Bytes::copy_from_slice(bytes);
    let length = bytes.len() as u64;
    let mut is_read = false;
    let taken = allocation_counter::measure(|| is_read = (sample.decode)(bytes, sample.version));
    let most = 3 * ELEMENT * HARMLESS.max(length);
    prop_assert!(taken.bytes_max <= most, "{} bytes for {length}", taken.bytes_max);
    Ok(is_read)
}

#[test]
fn every_sample_is_read_in_every_version() {
    for sample in samples::all() {
        assert!((sample.decode)(sample.bytes.clone(), sample.version), "{sample:?}");
    }
}

proptest! {
    #[test]
    fn a_damaged_answer_is_an_answer_or_an_error(
        sample in select(samples::all()),
        damage in vec(Damage::any(), 1..5),
    ) {
        let mut bytes = sample.bytes.to_vec();
        for damage in damage {
            damage.apply(&mut bytes);
        }
        decode(&sample, &bytes)?;
    }

    #[test]
    fn any_bytes_are_an_answer_or_an_error(
        sample in select(samples::all()),
        bytes in vec(any::<u8>(), 0..400),
    ) {
        decode(&sample, &bytes)?;
    }

    #[test]
    fn an_answer_that_breaks_off_is_an_error(
        sample in select(samples::all()),
        part: prop::sample::Index,
    ) {
        let length = part.index(sample.bytes.len());
        prop_assert!(!decode(&sample, &sample.bytes[..length])?, "{length} bytes of {sample:?}");
    }
}
