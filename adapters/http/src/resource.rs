//! Resources: a path, and a handler for each method it takes.
//!
//! ```
//! use comptoir_http::{Problem, Request, Response, StatusCode, reply, resource::path};
//!
//! async fn show(request: Request) -> Result<Response, Problem> {
//!     Ok(reply::json(StatusCode::OK, request.param("id")))
//! }
//!
//! let routes = comptoir_http::routes([path("/payments/{id}").get(show)]);
//! ```
//!
//! The path is matched before the method, so a known path answers every method: HEAD wherever
//! there is GET, OPTIONS with `Allow`, anything else with a 405 that carries `Allow`. An unknown
//! path is the only thing that is *rejected* in warp's sense, so [`routes`] composes with other
//! filters through `or`, and [`edge`](crate::edge()) makes a 404 of what is left.

mod path;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use http::header::{ALLOW, CONTENT_LENGTH};
use http::{HeaderValue, Method};
use hyper::body::Body;
use warp::{Filter, Rejection, Reply};

pub(crate) use path::{BadPath, Params};
use path::{Pattern, segments};

use crate::request::{self, Parts, Request};
use crate::{Problem, Response, Routes, reply};

type Handler = Arc<dyn Fn(Request) -> BoxFuture<'static, Response> + Send + Sync>;

/// A path and what it does for each method.
#[derive(Clone)]
pub struct Resource {
    pattern: Pattern,
    handlers: Vec<(Method, Handler)>,
}

/// A resource at `pattern`: literal segments and `{name}`s, each for one whole segment, as in
/// `/payments/{id}/refund`; a last segment `{*}` stands for all that follows. A trailing slash makes
/// another path.
///
/// # Panics
/// If the pattern does not begin with `/`, or repeats a name.
pub fn path(pattern: &str) -> Resource {
    Resource { pattern: Pattern::new(pattern), handlers: Vec::new() }
}

/// A handler that gets a clone of `state` (an `Arc`, as a rule) before the request.
pub fn with<S, F, R>(state: &S, handler: F) -> impl Fn(Request) -> R + Clone + Send + Sync + 'static
where
    S: Clone + Send + Sync + 'static,
    F: Fn(S, Request) -> R + Clone + Send + Sync + 'static,
    R: Future,
{
    let state = state.clone();
    move |request| handler(state.clone(), request)
}

impl Resource {
    /// Answers GET, and HEAD with the same headers and no body.
    #[must_use]
    pub fn get<F, R>(self, handler: F) -> Self
    where
        F: Fn(Request) -> R + Send + Sync + 'static,
        R: Future<Output: Reply> + Send + 'static,
    {
        self.on(Method::GET, handler)
    }

    /// Answers POST.
    #[must_use]
    pub fn post<F, R>(self, handler: F) -> Self
    where
        F: Fn(Request) -> R + Send + Sync + 'static,
        R: Future<Output: Reply> + Send + 'static,
    {
        self.on(Method::POST, handler)
    }

    /// Answers any method.
    ///
    /// A handler answers with anything that is a `warp::Reply`: a [`Response`], or
    /// `Result<Response, Problem>`. If it panics, the answer is a 500 and the service goes on. Its
    /// future is dropped at any await if the client leaves.
    ///
    /// # Panics
    /// If the method already has a handler.
    #[must_use]
    pub fn on<F, R>(mut self, method: Method, handler: F) -> Self
    where
        F: Fn(Request) -> R + Send + Sync + 'static,
        R: Future<Output: Reply> + Send + 'static,
    {
        assert!(self.handler(&method).is_none(), "{method} {} has two handlers", self.pattern);
        let handler = Arc::new(handler);
        let boxed = move |request| {
            let handler = Arc::clone(&handler);
            async move { handler(request).await.into_response() }.boxed()
        };
        self.handlers.push((method, Arc::new(boxed)));
        self
    }

    fn handler(&self, method: &Method) -> Option<&Handler> {
        self.handlers.iter().find(|(own, _)| own == method).map(|(_, handler)| handler)
    }

    /// The value of `Allow`, in the order in which the methods were declared.
    fn allow(&self) -> String {
        let mut methods = Vec::new();
        for (method, _) in &self.handlers {
            methods.push(method.as_str());
            if method == Method::GET {
                methods.push("HEAD");
            }
        }
        methods.push("OPTIONS");
        methods.join(", ")
    }
}

/// What the path of a request led to.
struct Found {
    resource: Arc<Resource>,
    path: String,
    params: Params,
}

/// One filter over all resources; rejects a request whose path none of them has. The first that
/// matches wins, so a literal path goes before one with `{name}` in its place.
///
/// # Panics
/// If two resources have the same path: their methods belong into one.
pub fn routes(resources: impl IntoIterator<Item = Resource>) -> Routes {
    let mut table: Vec<Arc<Resource>> = Vec::new();
    for resource in resources {
        let twin = table.iter().any(|other| other.pattern.same_as(&resource.pattern));
        assert!(!twin, "{} is declared twice", resource.pattern);
        table.push(Arc::new(resource));
    }
    let table: Arc<[Arc<Resource>]> = table.into();
    warp::path::full()
        .and_then(move |full: warp::path::FullPath| {
            futures::future::ready(find(&table, full.as_str()))
        })
        .and(warp::method())
        .and(request::parts())
        .then(answer)
        .boxed()
}

fn find(table: &[Arc<Resource>], path: &str) -> Result<Found, Rejection> {
    let segments = segments(path).ok_or_else(|| warp::reject::custom(BadPath))?;
    table
        .iter()
        .find_map(|resource| {
            let params = resource.pattern.matches(&segments)?;
            Some(Found { resource: Arc::clone(resource), path: path.to_owned(), params })
        })
        .ok_or_else(warp::reject)
}

async fn answer(found: Found, method: Method, parts: Parts) -> Response {
    let Found { resource, path, params } = found;
    let head = method == Method::HEAD;
    let own = resource.handler(&method);
    let Some(handler) = own.or_else(|| resource.handler(&Method::GET).filter(|_| head)) else {
        return unhandled(&resource, &method);
    };
    let request = Request::new(method, path, params, parts);
    // The call is inside as well: a closure may panic before its future exists.
    let answer = AssertUnwindSafe(async { handler(request).await }).catch_unwind().await;
    match answer {
        Ok(response) if head => without_body(response),
        Ok(response) => response,
        Err(_) => {
            tracing::error!(path = %resource.pattern, "a handler panicked");
            Problem::internal().into_response()
        }
    }
}

fn unhandled(resource: &Resource, method: &Method) -> Response {
    let allow = resource.allow();
    if method != Method::OPTIONS {
        return Problem::method_not_allowed(&allow).into_response();
    }
    let mut response = reply::no_content();
    if let Ok(allow) = HeaderValue::from_str(&allow) {
        response.headers_mut().insert(ALLOW, allow);
    }
    response
}

/// HEAD says how long the body would have been.
fn without_body(mut response: Response) -> Response {
    let length = response.body().size_hint().exact();
    if let Some(length) = length.filter(|_| !response.headers().contains_key(CONTENT_LENGTH)) {
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    *response.body_mut() = bytes::Bytes::new().into();
    response
}
