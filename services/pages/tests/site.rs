//! How the pages are served, and what they may weigh.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::collections::BTreeSet;
use std::io::Read as _;

use base64::Engine as _;
use comptoir_pages::{Site, console, live};
use flate2::read::GzDecoder;
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    IF_NONE_MATCH,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use sha2::{Digest, Sha256};

const FIRST_LOAD_REQUESTS: usize = 12;
/// What a page may still ask the API before it is usable.
const API_REQUESTS: usize = 3;
const WEIGHT: usize = 60_000;

fn pages() -> [(&'static str, &'static Site); 2] {
    [("live", live()), ("console", console())]
}

fn with(name: HeaderName, value: &str) -> HeaderMap {
    HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
}

fn document(site: &Site) -> String {
    let answer = site.index(&[], &HeaderMap::new());
    String::from_utf8(answer.into_body().to_vec()).unwrap()
}

/// Addresses of files that the document asks for while it loads.
fn first_load(site: &Site) -> BTreeSet<String> {
    let html = document(site);
    let tags = html.split('<').filter(|tag| tag.starts_with("link ") || tag.starts_with("script "));
    tags.flat_map(|tag| tag.split('"'))
        .filter(|part| part.starts_with("/assets/"))
        .map(str::to_owned)
        .collect()
}

fn body(site: &Site, path: &str) -> Vec<u8> {
    let answer = site.get(path, &HeaderMap::new());
    answer.unwrap_or_else(|| panic!("{path} is missing")).into_body().to_vec()
}

#[test]
fn every_file_a_page_refers_to_is_there_and_light() {
    for (name, site) in pages() {
        let first = first_load(site);
        let requests = 1 + first.len() + API_REQUESTS;
        assert!(requests <= FIRST_LOAD_REQUESTS, "{name}: {requests}");
        let gzip = with(ACCEPT_ENCODING, "gzip");
        let mut weight = site.index(&[], &gzip).into_body().len();
        for path in first {
            let answer = site.get(&path, &gzip).unwrap_or_else(|| panic!("{path} is missing"));
            weight += answer.into_body().len();
            let text = String::from_utf8(body(site, &path)).unwrap();
            // Own modules are all in the one file, so that nothing comes later.
            for later in ["from '.", "from \".", "=> import(", "await import("] {
                assert!(!text.contains(later), "{path} loads more by {later}");
            }
        }
        assert!(weight <= WEIGHT, "{name}: {weight} bytes");
    }
}

#[test]
fn the_policy_allows_the_inline_scripts_and_the_services_only() {
    for (name, site) in pages() {
        let services = ["http://localhost:3001".to_owned()];
        let answer = site.index(&services, &HeaderMap::new());
        let policy = answer.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
        let html = document(site);
        let inline: Vec<&str> = html
            .split("<script")
            .skip(1)
            .filter_map(|script| script.split_once('>'))
            .filter(|(attributes, _)| !attributes.contains("src="))
            .map(|(_, rest)| rest.split_once("</script>").unwrap().0)
            .collect();
        assert_eq!(inline.len(), 2, "{name}: theme and import map");
        for script in inline {
            let digest = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(script));
            assert!(policy.contains(&format!("'sha256-{digest}'")), "{name}: {policy}");
        }
        assert!(policy.contains("connect-src 'self' http://localhost:3001;"), "{policy}");
        assert!(policy.starts_with("default-src 'none';"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert!(!html.contains("{{"), "{name}: a placeholder is left");
    }
}

#[test]
fn a_file_is_kept_for_ever_and_its_document_is_asked_about() {
    for (_, site) in pages() {
        let path = first_load(site).pop_first().unwrap();
        let answer = site.get(&path, &HeaderMap::new()).unwrap();
        assert!(answer.headers()[CACHE_CONTROL].to_str().unwrap().contains("immutable"));
        let answer = site.index(&[], &HeaderMap::new());
        assert_eq!(answer.headers()[CACHE_CONTROL], "no-cache");
        assert_eq!(answer.headers()[CONTENT_TYPE], "text/html; charset=utf-8");
    }
}

#[test]
fn what_the_browser_has_is_not_sent_again() {
    let site = live();
    let etag = site.index(&[], &HeaderMap::new()).headers()[ETAG].to_str().unwrap().to_owned();
    for known in [etag.clone(), format!("W/{etag}"), format!("\"other\", {etag}"), "*".to_owned()] {
        let again = site.index(&[], &with(IF_NONE_MATCH, &known));
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{known}");
        assert!(again.body().is_empty());
        assert_eq!(again.headers()[ETAG], etag);
        assert!(again.headers().contains_key(CONTENT_SECURITY_POLICY), "replaces the stored one");
    }
    assert_eq!(site.index(&[], &with(IF_NONE_MATCH, "\"other\"")).status(), StatusCode::OK);
}

#[test]
fn gzip_is_the_same_file_under_another_tag() {
    let site = live();
    let path = first_load(site).into_iter().find(|path| path.ends_with("/page.js")).unwrap();
    let plain = site.get(&path, &HeaderMap::new()).unwrap();
    let packed = site.get(&path, &with(ACCEPT_ENCODING, "br;q=1, gzip;q=0.8")).unwrap();
    assert_eq!(packed.headers()[CONTENT_ENCODING], "gzip");
    assert_ne!(packed.headers()[ETAG], plain.headers()[ETAG]);
    let mut unpacked = Vec::new();
    GzDecoder::new(packed.body().as_ref()).read_to_end(&mut unpacked).unwrap();
    assert_eq!(unpacked, plain.body().as_ref());
    for refusal in ["br", "gzip;q=0", "gzip;q=0.0"] {
        let answer = site.get(&path, &with(ACCEPT_ENCODING, refusal)).unwrap();
        assert!(!answer.headers().contains_key(CONTENT_ENCODING), "{refusal}");
    }
}

#[test]
fn nothing_else_is_served() {
    let site = live();
    let path = first_load(site).pop_first().unwrap();
    let elsewhere = path.replacen("/assets/", "/assets/0", 1);
    for path in ["/", "/live/page.js", "/assets/", "/assets/../Cargo.toml", &elsewhere] {
        assert!(site.get(path, &HeaderMap::new()).is_none(), "{path}");
    }
}
