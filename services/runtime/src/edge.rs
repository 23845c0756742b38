//! What the HTTP services share: serving, the cause and the caller of a request, and errors of use
//! cases as problem documents.

use std::sync::Arc;
use std::time::Duration;

use comptoir_domain::app::UseCaseError;
use comptoir_domain::envelope::Cause;
use comptoir_domain::id::EventId;
use comptoir_domain::port::bus::BusError;
use comptoir_domain::port::security::{Claims, HashError, Tokens};
use comptoir_domain::port::store::StoreError;
use comptoir_domain::trace::TraceContext;
use comptoir_http::{
    Bearer, Cors, Limits, Problem, Readiness, Request, Resource, Routes, edge, health, routes,
};
use tokio::net::TcpListener;

use crate::context::Context;
use crate::stop_times;
use crate::supervise::Tasks;

/// What a caller is told to wait before it tries again.
pub const RETRY_AFTER: Duration = Duration::from_secs(1);

/// A service without its socket: what answers its requests, and what says how it is.
#[derive(Clone)]
pub struct App {
    /// Answers requests.
    pub routes: Routes,
    /// How the service is.
    pub readiness: Readiness,
}

impl App {
    /// A service's resources, health included.
    pub fn new(
        resources: impl IntoIterator<Item = Resource>,
        readiness: Readiness,
        context: &Context,
    ) -> Self {
        let all = resources.into_iter().chain(health::resources(&readiness));
        let routes = edge(routes(all), &Cors::new(context.hosts.clone()));
        Self { routes, readiness }
    }

    /// Serves it until the stop.
    pub fn serve(
        self,
        tasks: &mut Tasks,
        name: &'static str,
        listener: TcpListener,
        context: &Context,
    ) -> Readiness {
        let Self { routes, readiness } = self;
        let (stop, connections) = (context.stop.clone(), context.connections.clone());
        tasks.work(name, async move {
            let limits = Limits { connections, drain_time: stop_times::DRAIN, ..Limits::default() };
            comptoir_http::serve(listener, routes, stop, limits).await;
            Ok(())
        });
        readiness
    }
}

/// The cause that a request is: it continues the trace that it brought, or begins one.
pub fn cause(request: &Request, context: &Context) -> Cause {
    let id = EventId::new(context.ids.uuid());
    let brought = request.traceparent().and_then(|text| text.parse::<TraceContext>().ok());
    let trace = brought.unwrap_or_else(|| TraceContext::start(context.ids.uuid()));
    Cause::Request { trace, id, received: context.clock.now() }
}

/// Checks the bearer tokens of requests.
#[derive(Debug, Clone)]
pub struct Door {
    tokens: Arc<dyn Tokens>,
    context: Context,
}

impl Door {
    /// A door for tokens of that kind.
    pub fn new(tokens: Arc<dyn Tokens>, context: Context) -> Self {
        Self { tokens, context }
    }

    /// Who asks; `None` without a token.
    ///
    /// # Errors
    /// 401 for a token that is not valid, or a header that carries none.
    pub fn caller(&self, request: &Request) -> Result<Option<Claims>, Problem> {
        match request.bearer() {
            Bearer::Absent => Ok(None),
            Bearer::Malformed => {
                Err(Problem::invalid_token("the Authorization header is malformed"))
            }
            Bearer::Token(token) => match self.tokens.verify(token, self.context.clock.now()) {
                Ok(claims) => Ok(Some(claims)),
                Err(invalid) => Err(Problem::invalid_token(invalid.to_string())),
            },
        }
    }
}

/// A use case's error as an answer; what the shop itself refuses is the service's to word.
pub fn problem<R: std::error::Error>(
    error: UseCaseError<R>,
    refused: impl FnOnce(R) -> Problem,
) -> Problem {
    match error {
        UseCaseError::Refused(refusal) => refused(refusal),
        UseCaseError::Store(error) => store_problem(&error),
        UseCaseError::Hash(HashError::Busy) => Problem::unavailable(RETRY_AFTER)
            .with_kind("busy", "Too many passwords are waiting to be checked"),
        UseCaseError::Hash(error @ HashError::Corrupt(_)) => internal(&error),
    }
}

/// A store's error as an answer.
pub fn store_problem(error: &StoreError) -> Problem {
    match error {
        StoreError::Unavailable(_) | StoreError::Conflict => {
            // What is away is told once by who works with it; a line for each request would bury that.
            tracing::debug!(error = error as &dyn std::error::Error, "a request was not served");
            Problem::unavailable(RETRY_AFTER)
        }
        StoreError::Duplicate { .. } | StoreError::Corrupt(_) => internal(error),
    }
}

/// The log's error as an answer.
pub fn bus_problem(error: &BusError) -> Problem {
    match error {
        BusError::UnknownTopic { .. } | BusError::OutOfRange { .. } => {
            Problem::not_found().with_detail(error.to_string())
        }
        BusError::Unavailable(_) | BusError::Fenced => {
            // What is away is told once by who works with it; a line for each request would bury that.
            tracing::debug!(error = error as &dyn std::error::Error, "a request was not served");
            Problem::unavailable(RETRY_AFTER)
        }
        BusError::TooLarge { .. } | BusError::Refused(_) | BusError::Corrupt(_) => internal(error),
    }
}

fn internal(error: &(dyn std::error::Error + 'static)) -> Problem {
    tracing::error!(error, "a request failed");
    Problem::internal()
}
