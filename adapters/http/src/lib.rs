//! The HTTP edge of every service: warp filters, served by hyper, that answer every error with an
//! RFC 9457 problem document.
//!
//! A service declares its [`resource`]s, puts the [`edge`] around them and [`serve`]s the result:
//!
//! ```no_run
//! use std::sync::Arc;
//! use comptoir_http::{
//!     Cors, Limits, Problem, PublicHosts, Readiness, Request, Response, StatusCode, health, reply,
//!     resource::{path, with},
//! };
//! use tokio_util::sync::CancellationToken;
//!
//! struct Shop;
//!
//! async fn order(_shop: Arc<Shop>, mut request: Request) -> Result<Response, Problem> {
//!     let mut fields = request.fields().await?;
//!     let name = fields.required_text("name");
//!     let quantity = fields.integer_in("quantity", 1..=1_000);
//!     let (name,) = fields.complete((name,))?; // 422 that names every invalid field
//!     let answer = format!("{} × {name}", quantity.unwrap_or(1));
//!     Ok(reply::json(StatusCode::CREATED, &answer))
//! }
//!
//! async fn show(_shop: Arc<Shop>, request: Request) -> Result<Response, Problem> {
//!     Ok(reply::json(StatusCode::OK, request.param("id")))
//! }
//!
//! # async fn run(stop: CancellationToken) -> Result<(), comptoir_http::BindError> {
//! let shop = Arc::new(Shop);
//! let readiness = Readiness::default();
//! let mut resources = vec![
//!     path("/orders").post(with(&shop, order)),
//!     path("/orders/{id}").get(with(&shop, show)),
//! ];
//! resources.extend(health::resources(&readiness));
//! let cors = Cors::new(PublicHosts::default());
//! let app = comptoir_http::edge(comptoir_http::routes(resources), &cors);
//! let listener = comptoir_http::bind("127.0.0.1", 3001).await?;
//! comptoir_http::serve(listener, app, stop, Limits::default()).await;
//! # Ok(())
//! # }
//! ```
//!
//! [`edge`]: edge()

mod answer;
pub mod body;
mod cors;
mod edge;
mod fields;
pub mod headers;
pub mod health;
mod hosts;
mod idempotency;
mod percent;
pub mod problem;
pub mod reply;
pub mod request;
pub mod resource;
pub mod server;
pub mod upgrade;

pub use answer::{Answer, Unreadable};
pub use cors::Cors;
pub use edge::edge;
pub use fields::{Complete, Fields, Value};
pub use health::{Condition, Readiness};
pub use hosts::{InvalidHost, PublicHosts};
pub use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
pub use problem::{FieldError, IntoProblem, Problem};
pub use request::{Bearer, Request};
pub use resource::{Resource, routes};
pub use server::{BindError, Capacity, Limits, PeerAddr, bind, serve};
pub use upgrade::{Handshake, Socket, Sockets};
pub use warp::reply::Response;

/// What [`routes`] makes, [`edge()`] finishes and [`serve`] serves.
pub type Routes = warp::filters::BoxedFilter<(Response,)>;
