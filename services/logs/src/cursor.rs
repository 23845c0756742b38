//! Cursors as clients hold them: `partition:offset` for each partition, each the next one to read.

use comptoir_domain::topic::Offset;

/// Writes one offset per partition, by number.
pub(crate) fn write(offsets: &[Offset]) -> String {
    let parts: Vec<_> = offsets.iter().enumerate().map(|(at, o)| format!("{at}:{o}")).collect();
    parts.join(",")
}

/// Reads a cursor over what stands in `offsets`; a partition that it leaves out stays as it is, one
/// that there is none of is passed over. `None` if it is no cursor.
pub(crate) fn read(text: &str, offsets: &mut [Offset]) -> Option<()> {
    for part in text.split(',').filter(|part| !part.is_empty()) {
        let (at, offset) = part.split_once(':')?;
        let (at, offset) = (at.parse::<usize>().ok()?, offset.parse().ok()?);
        if let Some(place) = offsets.get_mut(at) {
            *place = Offset(offset);
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_cursor_reads_back() {
        let offsets = [Offset(3), Offset(0), Offset(9)];
        let mut read_back = [Offset(7); 3];
        assert_eq!(read(&write(&offsets), &mut read_back), Some(()));
        assert_eq!(read_back, offsets);
    }

    #[test]
    fn what_is_left_out_stays_and_what_is_no_cursor_is_refused() {
        let mut offsets = [Offset(1), Offset(2)];
        assert_eq!(read("1:5,7:1", &mut offsets), Some(()));
        assert_eq!(offsets, [Offset(1), Offset(5)]);
        for wrong in ["x", "0", "0:", "0:-1", "a:1", "0:1;1:2", "0:99999999999999999999"] {
            assert_eq!(read(wrong, &mut offsets), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_cursor_or_none(text in "([0-9]{0,22}|[:,;x-])*|\\PC{0,40}", known in 0..5_usize) {
            let mut offsets = vec![Offset(7); known];
            if read(&text, &mut offsets).is_some() {
                let mut again = vec![Offset(7); known];
                prop_assert_eq!(read(&write(&offsets), &mut again), Some(()));
                prop_assert_eq!(again, offsets);
            }
        }

        #[test]
        fn any_offsets_read_back(offsets in vec(any::<u64>(), 0..40)) {
            let offsets: Vec<_> = offsets.into_iter().map(Offset).collect();
            let mut again = vec![Offset::ZERO; offsets.len()];
            prop_assert_eq!(read(&write(&offsets), &mut again), Some(()));
            prop_assert_eq!(again, offsets);
        }
    }
}
