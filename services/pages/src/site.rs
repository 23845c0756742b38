//! Serving embedded files: version, compression, caching.

use std::collections::HashMap;
use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    IF_NONE_MATCH, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use sha2::{Digest, Sha256};

use crate::policy;

/// Where the HTML names the folder of this version's files.
const PLACEHOLDER: &str = "{{assets}}";
/// A version's address never shows anything else.
const KEEP: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// Kept too, but asked about every time.
const ASK: HeaderValue = HeaderValue::from_static("no-cache");

/// A file of `ui/` that is served unchanged, by its path in there.
pub(crate) struct File {
    pub(crate) path: &'static str,
    pub(crate) bytes: &'static [u8],
}

/// A list of [`File`]s, embedded.
macro_rules! files {
    ($($path:literal),* $(,)?) => {
        &[$($crate::site::File { path: $path, bytes: include_bytes!(concat!("../ui/", $path)) }),*]
    };
}
pub(crate) use files;

/// One page: its document and the files that belong to it.
///
/// Answers are complete, body included; for `HEAD` an HTTP server leaves the body out.
#[derive(Debug)]
pub struct Site {
    index: Content,
    script_hashes: String,
    files: HashMap<String, Content>,
}

impl Site {
    /// `built` are files made of others: path and text.
    pub(crate) fn new(index: &str, files: &'static [File], built: Vec<(&str, String)>) -> Self {
        let unchanged = files.iter().map(|file| (file.path, Bytes::from_static(file.bytes)));
        let built = built.into_iter().map(|(path, text)| (path, Bytes::from(text)));
        let all: Vec<_> = unchanged.chain(built).collect();
        let mut hash = Sha256::new();
        hash.update(index);
        for (path, bytes) in &all {
            hash.update(path);
            hash.update(bytes);
        }
        let base = format!("/assets/{}", hex(&hash.finalize()[..8]));
        let index = index.replace(PLACEHOLDER, &base);
        let files = all.into_iter().map(|(path, bytes)| {
            let content = Content::new(media_type(path), bytes);
            (format!("{base}/{path}"), content)
        });
        Self {
            files: files.collect(),
            script_hashes: policy::script_hashes(&index),
            index: Content::new("text/html; charset=utf-8", Bytes::from(index)),
        }
    }

    /// The file at `path`, which is a request's path without the query; `None` if the page has no
    /// such file, or only had it in another version.
    pub fn get(&self, path: &str, headers: &HeaderMap) -> Option<Response<Bytes>> {
        Some(self.files.get(path)?.answer(headers, KEEP))
    }

    /// The page's document, which may talk to `connect_src` (origins) besides where it came from.
    pub fn index(&self, connect_src: &[String], headers: &HeaderMap) -> Response<Bytes> {
        let mut answer = self.index.answer(headers, ASK);
        let policy = policy::header(&self.script_hashes, connect_src);
        answer.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
        answer.headers_mut().insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        answer
    }
}

/// Bytes with what HTTP says about them, ready in both encodings.
#[derive(Debug)]
struct Content {
    media_type: &'static str,
    plain: Encoded,
    /// Absent where compressing gains nothing.
    gzip: Option<Encoded>,
}

#[derive(Debug)]
struct Encoded {
    bytes: Bytes,
    etag: HeaderValue,
}

impl Content {
    fn new(media_type: &'static str, bytes: Bytes) -> Self {
        let tag = hex(&Sha256::digest(&bytes)[..12]);
        let etag = |suffix: &str| {
            HeaderValue::from_str(&format!("\"{tag}{suffix}\"")).expect("hex is visible ASCII")
        };
        let packed = gzip(&bytes);
        Self {
            media_type,
            gzip: (packed.len() < bytes.len())
                .then(|| Encoded { bytes: Bytes::from(packed), etag: etag("-gz") }),
            plain: Encoded { bytes, etag: etag("") },
        }
    }

    fn answer(&self, headers: &HeaderMap, cache: HeaderValue) -> Response<Bytes> {
        let packed = self.gzip.as_ref().filter(|_| accepts_gzip(headers));
        let chosen = packed.unwrap_or(&self.plain);
        let known = is_known(headers, &chosen.etag);
        let mut answer = Response::new(if known { Bytes::new() } else { chosen.bytes.clone() });
        let fields = answer.headers_mut();
        fields.insert(CACHE_CONTROL, cache);
        fields.insert(ETAG, chosen.etag.clone());
        fields.insert(VARY, HeaderValue::from_static("accept-encoding"));
        fields.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if known {
            *answer.status_mut() = StatusCode::NOT_MODIFIED;
            return answer;
        }
        fields.insert(CONTENT_TYPE, HeaderValue::from_static(self.media_type));
        if packed.is_some() {
            fields.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        answer
    }
}

/// Elements of a comma-separated header, over all its lines.
fn elements(headers: &HeaderMap, name: http::HeaderName) -> impl Iterator<Item = &str> {
    headers
        .get_all(name)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
}

fn accepts_gzip(headers: &HeaderMap) -> bool {
    elements(headers, ACCEPT_ENCODING).any(|element| {
        let (coding, weight) = element.split_once(';').unwrap_or((element, ""));
        let refused = weight.trim().strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0_f32));
        matches!(coding.trim().to_ascii_lowercase().as_str(), "gzip" | "x-gzip") && !refused
    })
}

fn is_known(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    elements(headers, IF_NONE_MATCH)
        .any(|known| known == "*" || etag == known.strip_prefix("W/").unwrap_or(known))
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).expect("writing to memory does not fail");
    encoder.finish().expect("writing to memory does not fail")
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to memory does not fail");
        text
    })
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        _ => "text/plain; charset=utf-8",
    }
}
