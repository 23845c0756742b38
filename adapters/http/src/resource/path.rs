//! Patterns of paths, and the segments of a request's path.

use std::fmt;

use crate::percent::{self, Plus};

/// A path that cannot be decoded; answered with 400.
#[derive(Debug)]
pub(crate) struct BadPath;

impl warp::reject::Reject for BadPath {}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Literal(String),
    Name(String),
    /// `{*}`: one segment or more, to the end of the path.
    Rest,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern(Vec<Segment>);

/// The decoded segments that matched the names of a pattern.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }
}

impl Pattern {
    pub(super) fn new(text: &str) -> Self {
        let rest = text.strip_prefix('/').unwrap_or_else(|| panic!("`{text}` lacks its first /"));
        let mut pattern = Self(Vec::new());
        for part in rest.split('/') {
            let name = part.strip_prefix('{').and_then(|part| part.strip_suffix('}'));
            assert!(!pattern.0.contains(&Segment::Rest), "`{text}` goes on behind {{*}}");
            let segment = match name {
                Some("*") => Segment::Rest,
                Some(name) => Segment::Name(name.to_owned()),
                None => Segment::Literal(part.to_owned()),
            };
            let twice = name.is_some() && pattern.0.contains(&segment);
            assert!(!twice, "`{text}` has a name twice");
            pattern.0.push(segment);
        }
        pattern
    }

    /// Whether both match the same paths, whatever their names are called.
    pub(super) fn same_as(&self, other: &Self) -> bool {
        self.0.len() == other.0.len()
            && self.0.iter().zip(&other.0).all(|pair| match pair {
                (Segment::Literal(a), Segment::Literal(b)) => a == b,
                (Segment::Name(_), Segment::Name(_)) | (Segment::Rest, Segment::Rest) => true,
                _ => false,
            })
    }

    /// The params if the path matches; a name never matches an empty segment.
    pub(super) fn matches(&self, segments: &[String]) -> Option<Params> {
        let (given, open) = (self.0.len(), self.0.last() == Some(&Segment::Rest));
        if given > segments.len() || (given < segments.len() && !open) {
            return None;
        }
        let mut params = Params::default();
        for (own, sent) in self.0.iter().zip(segments) {
            match own {
                Segment::Literal(literal) if literal == sent => {}
                Segment::Rest => {}
                Segment::Name(name) if !sent.is_empty() => {
                    params.0.push((name.clone(), sent.clone()));
                }
                _ => return None,
            }
        }
        Some(params)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for segment in &self.0 {
            match segment {
                Segment::Literal(literal) => write!(f, "/{literal}")?,
                Segment::Name(name) => write!(f, "/{{{name}}}")?,
                Segment::Rest => write!(f, "/{{*}}")?,
            }
        }
        Ok(())
    }
}

/// The decoded segments of a path; `None` if an escape is broken or is not UTF-8. `%2F` is part of
/// its segment.
pub(super) fn segments(path: &str) -> Option<Vec<String>> {
    let rest = path.strip_prefix('/').unwrap_or(path);
    rest.split('/').map(|segment| percent::decode(segment.as_bytes(), Plus::Itself)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn params(pattern: &str, path: &str) -> Option<Vec<(String, String)>> {
        Pattern::new(pattern).matches(&segments(path)?).map(|params| params.0)
    }

    #[test]
    fn a_pattern_matches_whole_segments() {
        let id = |value: &str| Some(vec![("id".to_owned(), value.to_owned())]);
        let cases = [
            ("/", "/", Some(vec![])),
            ("/", "", Some(vec![])),
            ("/pay", "/pay", Some(vec![])),
            ("/pay", "/p%61y", Some(vec![])),
            ("/pay", "/pay/", None),
            ("/pay", "//pay", None),
            ("/pay", "/payments", None),
            ("/pay/{id}", "/pay/7", id("7")),
            ("/pay/{id}", "/pay/a%2Fb+c", id("a/b+c")),
            ("/pay/{id}", "/pay/", None),
            ("/pay/{id}", "/pay/7/refund", None),
            ("/pay/{id}/refund", "/pay/7/refund", id("7")),
            ("/pay/{id}", "/pay/%zz", None),
            ("/ui/{*}", "/ui/a", Some(vec![])),
            ("/ui/{*}", "/ui/a/b/c", Some(vec![])),
            ("/ui/{*}", "/ui", None),
        ];
        for (pattern, path, expected) in cases {
            assert_eq!(params(pattern, path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn patterns_differ_by_their_literals_only() {
        let same = |a, b| Pattern::new(a).same_as(&Pattern::new(b));
        assert!(same("/pay/{id}", "/pay/{payment}"));
        assert!(!same("/pay/{id}", "/pay/new"));
        assert_eq!(Pattern::new("/pay/{id}/refund").to_string(), "/pay/{id}/refund");
    }

    proptest! {
        #[test]
        fn any_path_matches_or_does_not(path in any_path()) {
            let Some(sent) = segments(&path) else { return Ok(()) };
            for pattern in ["/", "/pay", "/pay/{id}", "/pay/{id}/refund", "/ui/{*}"] {
                if let Some(params) = Pattern::new(pattern).matches(&sent) {
                    prop_assert!(params.0.iter().all(|(_, value)| !value.is_empty()));
                }
            }
        }

        #[test]
        fn a_name_takes_any_segment_and_gives_it_back(id in "\\PC{1,20}") {
            let escaped: Vec<_> = id.bytes().map(|byte| format!("%{byte:02X}")).collect();
            let expected = vec![("id".to_owned(), id)];
            prop_assert_eq!(params("/pay/{id}", &format!("/pay/{}", escaped.concat())), Some(expected));
        }
    }

    fn any_path() -> impl Strategy<Value = String> {
        let part = prop_oneof![
            Just("/".to_owned()),
            Just("pay".to_owned()),
            Just("ui".to_owned()),
            Just("refund".to_owned()),
            "%[0-9a-fg]{0,2}",
            "\\PC{0,4}",
        ];
        proptest::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
    }
}
