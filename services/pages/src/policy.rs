//! The content security policy of a page.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use sha2::{Digest, Sha256};

/// What the page may load: its own files, the inline scripts it was built with, and answers from
/// `connect_src`. A source that is none is left out: it would change the directives behind it.
pub(crate) fn header(script_hashes: &str, connect_src: &[String]) -> HeaderValue {
    let mut policy = format!(
        "default-src 'none'; script-src 'self'{script_hashes}; style-src 'self'; \
         img-src 'self' data:; connect-src 'self'"
    );
    for source in connect_src.iter().filter(|source| is_source(source)) {
        policy.push(' ');
        policy.push_str(source);
    }
    policy.push_str("; frame-ancestors 'none'; base-uri 'none'; form-action 'none'");
    HeaderValue::from_str(&policy).expect("sources are visible ASCII")
}

fn is_source(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic() && b != b';' && b != b',')
}

/// ` 'sha256-…'` of every script that stands in the document itself.
pub(crate) fn script_hashes(html: &str) -> String {
    let mut hashes = String::new();
    for script in inline_scripts(html) {
        hashes.push_str(" 'sha256-");
        hashes.push_str(&STANDARD.encode(Sha256::digest(script)));
        hashes.push('\'');
    }
    hashes
}

fn inline_scripts(html: &str) -> impl Iterator<Item = &str> {
    html.split("<script").skip(1).filter_map(|rest| {
        let (attributes, rest) = rest.split_once('>')?;
        let (body, _) = rest.split_once("</script>")?;
        (!attributes.contains("src=")).then_some(body)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_scripts_without_a_source_only() {
        let html = "<script>a</script><script type=\"module\" src=\"x.js\"></script>\
                    <script type=\"importmap\">{}</script>";
        assert_eq!(inline_scripts(html).collect::<Vec<_>>(), ["a", "{}"]);
    }

    #[test]
    fn a_source_cannot_add_a_directive() {
        let policy = header("", &["http://localhost:3001".into(), "x; script-src *".into()]);
        let policy = policy.to_str().unwrap();
        assert!(policy.contains("connect-src 'self' http://localhost:3001;"), "{policy}");
        assert!(!policy.contains('*'), "{policy}");
    }
}
