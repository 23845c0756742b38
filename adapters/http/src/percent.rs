//! Percent-decoding that refuses what it does not understand instead of guessing.

/// How `+` reads: as a blank in forms and queries, as itself in a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plus {
    Blank,
    Itself,
}

/// The text behind an encoding; `None` for a `%` without two hex digits, or if it is not UTF-8.
pub(crate) fn decode(raw: &[u8], plus: Plus) -> Option<String> {
    let mut decoded = Vec::with_capacity(raw.len());
    let mut bytes = raw.iter().copied();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => hex(bytes.next()?)? << 4 | hex(bytes.next()?)?,
            b'+' if plus == Plus::Blank => b' ',
            other => other,
        });
    }
    String::from_utf8(decoded).ok()
}

/// The decoded `name=value` pairs of a form or a query, in order; `None` if any is malformed.
pub(crate) fn pairs(raw: &[u8]) -> Option<Vec<(String, String)>> {
    raw.split(|byte| *byte == b'&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let cut = pair.iter().position(|byte| *byte == b'=');
            let (name, value) = cut.map_or((pair, &[][..]), |at| (&pair[..at], &pair[at + 1..]));
            Some((decode(name, Plus::Blank)?, decode(value, Plus::Blank)?))
        })
        .collect()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_text_and_refuses_the_rest() {
        assert_eq!(decode(b"a+b%20c%C3%BC", Plus::Blank).as_deref(), Some("a b cü"));
        assert_eq!(decode(b"a+b", Plus::Itself).as_deref(), Some("a+b"));
        for bad in [&b"%"[..], b"%4", b"%zz", b"%+1", b"%ff", b"\xff"] {
            assert_eq!(decode(bad, Plus::Blank), None, "{bad:?}");
        }
    }

    #[test]
    fn splits_pairs_at_the_first_equals_sign() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let expected = vec![pair("a", "1=2"), pair("b", ""), pair("", "c")];
        assert_eq!(pairs(b"a=1=2&&b&=c"), Some(expected));
        assert_eq!(pairs(b""), Some(Vec::new()));
        assert_eq!(pairs(b"a=%f"), None);
    }
}
