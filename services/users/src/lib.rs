//! The users service: registers users and logs them in.

mod routes;
mod throttle;

use std::sync::Arc;

use comptoir_domain::app::log_in::LogIn;
use comptoir_domain::app::register_user::RegisterUser;
use comptoir_domain::envelope::Service;
use comptoir_domain::port::platform::Platform;
use comptoir_domain::port::security::{PasswordHasher, Tokens};
use comptoir_http::Readiness;
use comptoir_runtime::context::Context;
use comptoir_runtime::dependencies::Dependencies;
use comptoir_runtime::edge::{App, Door};
use comptoir_runtime::log_probe;
use comptoir_runtime::relay::Relay;
use comptoir_runtime::supervise::Tasks;
use tokio::net::TcpListener;

use crate::routes::Users;
use crate::throttle::Throttle;

/// How passwords and tokens are made and checked.
#[derive(Debug)]
pub struct Security<H> {
    /// Hashes passwords.
    pub hasher: Arc<H>,
    /// Issues and checks tokens.
    pub tokens: Arc<dyn Tokens>,
}

/// Starts the service on `listener`.
pub fn serve<P: Platform, H: PasswordHasher>(
    tasks: &mut Tasks,
    context: &Context,
    platform: &P,
    security: Security<H>,
    listener: TcpListener,
) -> Readiness {
    start(tasks, context, platform, security).serve(tasks, "users", listener, context)
}

/// Starts all of the service but its socket.
pub fn start<P: Platform, H: PasswordHasher>(
    tasks: &mut Tasks,
    context: &Context,
    platform: &P,
    security: Security<H>,
) -> App {
    let Security { hasher, tokens } = security;
    let readiness = Readiness::default();
    let dependencies = Dependencies::log_is_covered::<P>(readiness.clone());
    log_probe::start(tasks, "users log probe", platform, &dependencies, context);
    let users = platform.users();
    let announcer = context.announcer(Service::Users);
    let ids = Arc::clone(&context.ids);
    let service = Arc::new(Users {
        register: RegisterUser::new(users.clone(), Arc::clone(&hasher), ids, announcer.clone()),
        log_in: LogIn::new(users.clone(), hasher, Arc::clone(&tokens), announcer),
        throttle: Throttle::new(),
        door: Door::new(tokens, context.clone()),
        context: context.clone(),
    });
    let relay =
        Relay::<_, _, P::Codec>::new(users, platform.publisher(), dependencies, context.clone());
    tasks.relay("users relay", |flush| relay.run(flush));
    App::new(routes::resources(&service), readiness, context)
}
