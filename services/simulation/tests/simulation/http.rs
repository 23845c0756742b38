//! Requests to a service's routes, without sockets.

use bytes::Bytes;
use comptoir_http::Routes;
use http::Request;
use http_body_util::{BodyExt as _, Collected, Full};
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use serde_json::Value;

/// What a client knows of its request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Answer {
    /// Status and body.
    Came(u16, Value),
    /// It was sent, but nobody answered, or the client did not wait: it may have been done.
    Lost,
    /// Nobody listens.
    Refused,
}

impl Answer {
    /// The body, if it has that status.
    pub(crate) fn ok(&self, expected: u16) -> Option<&Value> {
        match self {
            Self::Came(status, body) if *status == expected => Some(body),
            Self::Came(..) | Self::Lost | Self::Refused => None,
        }
    }

    /// Whether the request may, or may not, have been done.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self, Self::Lost | Self::Came(503, _))
    }

    /// In one word.
    pub(crate) fn word(&self) -> String {
        match self {
            Self::Came(status, _) => status.to_string(),
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
        let body = response.into_body().collect().await.map(Collected::to_bytes);
        let body = body.ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Answer::Came(status, body.unwrap_or_default())
    }
}
