//! The `traceparent` header of W3C Trace Context, level 1.

use http::HeaderMap;

pub(super) fn read(headers: &HeaderMap) -> Option<String> {
    let mut values = headers.get_all("traceparent").iter();
    let only = values.next().filter(|_| values.next().is_none())?;
    normalise(only.to_str().ok()?)
}

/// A later version is read as far as version 00 goes, and given back as version 00.
fn normalise(raw: &str) -> Option<String> {
    let raw = raw.trim();
    let mut parts = raw.splitn(5, '-');
    let (version, trace) = (parts.next()?, parts.next()?);
    let (parent, flags, more) = (parts.next()?, parts.next()?, parts.next());
    let shape = hex(version, 2) && hex(trace, 32) && hex(parent, 16) && hex(flags, 2);
    let real = |id: &str| id.bytes().any(|byte| byte != b'0');
    let known = version != "ff" && (version != "00" || more.is_none());
    let valid = shape && known && real(trace) && real(parent);
    valid.then(|| format!("00-{trace}-{parent}-{flags}"))
}

fn hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const VALID: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_valid_header_is_kept_and_a_later_version_is_read_as_00() {
        assert_eq!(normalise(VALID).as_deref(), Some(VALID));
        let later = VALID.replacen("00-", "cc-", 1);
        assert_eq!(normalise(&later).as_deref(), Some(VALID));
        assert_eq!(normalise(&format!("{later}-what-ever")).as_deref(), Some(VALID));
    }

    #[test]
    fn an_invalid_header_is_ignored() {
        let cases = [
            String::new(),
            VALID.to_uppercase(),
            VALID.replacen("00-", "ff-", 1),
            format!("{VALID}-more"),
            VALID.replace("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32)),
            VALID.replace("b7ad6b7169203331", &"0".repeat(16)),
            VALID[..54].to_owned(),
            VALID.replace('-', "_"),
        ];
        for case in cases {
            assert_eq!(normalise(&case), None, "{case}");
        }
    }

    #[test]
    fn a_repeated_header_is_ignored() {
        let mut headers = HeaderMap::new();
        headers.append("traceparent", VALID.parse().unwrap());
        assert_eq!(read(&headers).as_deref(), Some(VALID));
        headers.append("traceparent", VALID.parse().unwrap());
        assert_eq!(read(&headers), None);
    }

    proptest! {
        #[test]
        fn any_header_is_ignored_or_version_00(
            mut raw in prop_oneof![
                "\\PC{0,60}",
                "[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-[a-z]{0,3})?",
            ],
            at: prop::sample::Index,
            sign in any::<char>(),
            is_changed: bool,
        ) {
            if is_changed {
                let places: Vec<usize> = raw.char_indices().map(|(at, _)| at).chain([raw.len()]).collect();
                raw.insert(*at.get(&places), sign);
            }
            if let Some(read) = normalise(&raw) {
                prop_assert!(read.starts_with("00-") && read.len() == VALID.len(), "{}", read);
                prop_assert_eq!(normalise(&read), Some(read.clone()));
            }
        }
    }
}
