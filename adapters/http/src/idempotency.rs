//! The `Idempotency-Key` header, by which a client may send a request again without fear.

use http::header::HeaderName;
use http::{HeaderMap, StatusCode};

use crate::{Problem, Request};

const KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The longest key, in bytes.
const MAX_BYTES: usize = 255;

impl Request {
    /// The `Idempotency-Key`; `None` without one. The value is the client's own, quotes included.
    ///
    /// # Errors
    /// 400 if there are several, or it is empty, too long or anything but visible ASCII.
    pub fn idempotency_key(&self) -> Result<Option<&str>, Problem> {
        read(self.headers())
    }
}

fn read(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let mut values = headers.get_all(KEY).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(invalid("it was sent more than once"));
    }
    match value.as_bytes() {
        [] => Err(invalid("it is empty")),
        bytes if bytes.len() > MAX_BYTES => Err(invalid("it is too long")),
        bytes if !bytes.iter().all(u8::is_ascii_graphic) => {
            Err(invalid("it has characters that are not visible ASCII"))
        }
        bytes => Ok(std::str::from_utf8(bytes).ok()),
    }
}

fn invalid(detail: &'static str) -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "invalid-idempotency-key",
        "The Idempotency-Key cannot be used",
        format!("Send one key of 1 to {MAX_BYTES} visible ASCII characters, such as a fresh UUID."),
    )
    .with_detail(detail)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn with(values: &[&[u8]]) -> HeaderMap {
        let values = values.iter().map(|value| HeaderValue::from_bytes(value).unwrap());
        values.map(|value| (KEY, value)).collect()
    }

    #[test]
    fn a_key_is_one_visible_text() {
        assert_eq!(read(&HeaderMap::new()).unwrap(), None);
        let (every, longest) = ((b'!'..=b'~').collect::<Vec<u8>>(), vec![b'k'; 255]);
        for key in [&b"k"[..], b"\"8e03978e-40d5\"", &every, &longest] {
            assert_eq!(read(&with(&[key])).unwrap().map(str::as_bytes), Some(key));
        }
    }

    #[test]
    fn anything_else_is_refused_with_what_is_wrong() {
        let long = [b'k'; 256];
        for (values, detail) in [
            (&[&b""[..]][..], "it is empty"),
            (&[&long], "it is too long"),
            (&[b"a b"], "it has characters that are not visible ASCII"),
            (&["schlüssel".as_bytes()], "it has characters that are not visible ASCII"),
            (&[b"\xff"], "it has characters that are not visible ASCII"),
            (&[b"a", b"a"], "it was sent more than once"),
        ] {
            let problem = read(&with(values)).unwrap_err();
            assert_eq!(
                (problem.status().as_u16(), problem.slug()),
                (400, "invalid-idempotency-key")
            );
            let json = String::from_utf8(problem.to_json()).unwrap();
            assert!(json.contains(detail), "{json}");
        }
    }
}
