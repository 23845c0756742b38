//! Requests to a service's routes, without sockets.

use bytes::Bytes;
use comptoir_http::Routes;
use http::Request;
use http_body_util::{BodyExt as _, Collected, Full};
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use serde_json::Value;

/// An answer as it came.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    pub(crate) body: Bytes,
    /// The same as JSON; null if it is none.
    pub(crate) json: Value,
}

/// What a client knows of its request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Answer {
    Came(Reply),
    /// It was sent, but nobody answered, or the client did not wait: it may have been done.
    Lost,
    /// Nobody listens.
    Refused,
}

impl Answer {
    /// The body, if it has that status.
    pub(crate) fn ok(&self, expected: u16) -> Option<&Value> {
        match self {
            Self::Came(reply) if reply.status == expected => Some(&reply.json),
            Self::Came(_) | Self::Lost | Self::Refused => None,
        }
    }

    /// The answer, if it says that the request was carried out.
    pub(crate) fn done(&self) -> Option<&Reply> {
        match self {
            Self::Came(reply) if (200..300).contains(&reply.status) => Some(reply),
            Self::Came(_) | Self::Lost | Self::Refused => None,
        }
    }

    /// Whether the request may, or may not, have been done.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self, Self::Lost | Self::Came(Reply { status: 503, .. }))
    }

    /// In one word.
    pub(crate) fn word(&self) -> String {
        match self {
            Self::Came(reply) => reply.status.to_string(),
            Self::Lost => "no answer".to_owned(),
            Self::Refused => "nobody there".to_owned(),
        }
    }
}

/// A form for a route.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    method: &'static str,
    path: String,
    form: String,
    headers: Vec<(&'static str, String)>,
}

impl Call {
    pub(crate) fn get(path: String) -> Self {
        Self { method: "GET", path, form: String::new(), headers: Vec::new() }
    }

    pub(crate) fn post(path: impl Into<String>, fields: &[(&str, &str)]) -> Self {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields);
        let form = form.finish();
        Self { method: "POST", path: path.into(), form, headers: Vec::new() }
    }

    #[must_use]
    pub(crate) fn header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    fn request(self) -> Request<Full<Bytes>> {
        let mut request = Request::builder()
            .method(self.method)
            .uri(self.path)
            .header("content-type", "application/x-www-form-urlencoded");
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        request.body(Full::new(self.form.into())).expect("its parts are well-formed")
    }

    /// Has it answered.
    pub(crate) async fn send(self, routes: Routes) -> Answer {
        let service = TowerToHyperService::new(warp::service(routes));
        let Ok(response) = service.call(self.request()).await;
        let status = response.status().as_u16();
        let location = response.headers().get("location");
        let location = location.and_then(|text| text.to_str().ok()).map(str::to_owned);
        let body = response.into_body().collect().await.map(Collected::to_bytes);
        let body = body.unwrap_or_default();
        let json = serde_json::from_slice(&body).unwrap_or_default();
        Answer::Came(Reply { status, location, body, json })
    }
}
