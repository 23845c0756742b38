//! What surrounds all routes of a service.

use std::convert::Infallible;

use http::{HeaderMap, Method};
use warp::{Filter, Rejection};

use crate::resource::BadPath;
use crate::{Cors, Problem, Response, Routes, headers};

/// Puts the edge around a service's routes: leftover rejections become problem documents, and
/// every answer gets its CORS and security headers.
///
/// `routes` may be any warp filter, such as [`routes`](crate::routes) alone or with more behind
/// `or`; what it rejects is taken for an unknown path. Use it once, outermost.
pub fn edge(routes: Routes, cors: &Cors) -> Routes {
    let cors = cors.clone();
    warp::method()
        .and(warp::header::headers_cloned())
        .and(routes.recover(leftover).unify())
        .map(move |method: Method, request: HeaderMap, mut response: Response| {
            cors.apply(&method, &request, response.headers_mut());
            headers::nosniff(response.headers_mut());
            response
        })
        .boxed()
}

/// Handlers answer for themselves, so all that is ever rejected is a path: one that nobody has, or
/// one that cannot be read.
async fn leftover(rejection: Rejection) -> Result<Response, Infallible> {
    let problem = if rejection.find::<BadPath>().is_some() {
        Problem::bad_request("the path has a broken escape or is not UTF-8")
    } else {
        Problem::not_found()
    };
    Ok(problem.into_response())
}
