//! Reading and writing bytes piece by piece.

use crate::error::Malformed;

/// Stands for the length of what is not there.
pub(crate) const NONE: u32 = u32::MAX;

/// A length as four bytes. Nothing that is stored comes near the bound: records have two megabytes at
/// most.
pub(crate) fn length(bytes: usize) -> [u8; 4] {
    u32::try_from(bytes).unwrap_or(NONE - 1).to_le_bytes()
}

pub(crate) fn put_optional(into: &mut Vec<u8>, bytes: Option<&[u8]>) {
    match bytes {
        Some(bytes) => {
            into.extend(length(bytes.len()));
            into.extend_from_slice(bytes);
        }
        None => into.extend(NONE.to_le_bytes()),
    }
}

/// Bytes that were not read yet.
#[derive(Clone, Copy)]
pub(crate) struct Rest<'a> {
    bytes: &'a [u8],
    what: &'static str,
}

impl<'a> Rest<'a> {
    /// `what` is what the bytes should be, for errors.
    pub(crate) fn new(bytes: &'a [u8], what: &'static str) -> Self {
        Self { bytes, what }
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn take(&mut self, bytes: usize) -> Result<&'a [u8], Malformed> {
        let cut = || Malformed::new(self.what, "it is cut off");
        let (taken, rest) = self.bytes.split_at_checked(bytes).ok_or_else(cut)?;
        self.bytes = rest;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    pub(crate) fn length(&mut self) -> Result<usize, Malformed> {
        Ok(u32::from_le_bytes(self.array()?) as usize)
    }

    pub(crate) fn text(&mut self, bytes: usize) -> Result<&'a str, Malformed> {
        let what = self.what;
        let wrong = |_| Malformed::new(what, "a text in it is not UTF-8");
        std::str::from_utf8(self.take(bytes)?).map_err(wrong)
    }

    pub(crate) fn optional(&mut self) -> Result<Option<Vec<u8>>, Malformed> {
        match u32::from_le_bytes(self.array()?) {
            NONE => Ok(None),
            bytes => Ok(Some(self.take(bytes as usize)?.to_vec())),
        }
    }

    /// Takes the version of a format, which must be the one known.
    pub(crate) fn version(&mut self, known: u8) -> Result<(), Malformed> {
        let [found] = self.array()?;
        if found == known {
            Ok(())
        } else {
            Err(Malformed::new(self.what, format!("version {found} is unknown")))
        }
    }

    /// Nothing may be left.
    pub(crate) fn end(self) -> Result<(), Malformed> {
        if self.bytes.is_empty() {
            Ok(())
        } else {
            Err(Malformed::new(self.what, "something stands behind it"))
        }
    }
}
