//! `POST /register`, `POST /login`, `GET /me`.

use std::sync::Arc;

use comptoir_domain::app::UseCaseError;
use comptoir_domain::app::log_in::{LogIn, WrongCredentials};
use comptoir_domain::app::register_user::{RegisterUser, UsernameTaken};
use comptoir_domain::port::security::PasswordHasher;
use comptoir_domain::port::store::UserRepository;
use comptoir_domain::user::{Password, Username};
use comptoir_http::resource::{path, with};
use comptoir_http::{Problem, Request, Resource, Response, StatusCode, headers, reply};
use comptoir_runtime::context::Context;
use comptoir_runtime::edge::{self, Door};
use serde::Serialize;

use crate::throttle::{Throttle, TooMany};

/// What the routes use.
pub(crate) struct Users<U, H> {
    pub(crate) register: RegisterUser<U, H>,
    pub(crate) log_in: LogIn<U, H>,
    pub(crate) throttle: Throttle,
    pub(crate) door: Door,
    pub(crate) context: Context,
}

#[derive(Serialize)]
struct UserAnswer {
    id: String,
    username: String,
}

#[derive(Serialize)]
struct TokenAnswer {
    token: String,
    token_type: &'static str,
    expires_in: u64,
}

pub(crate) fn resources<U: UserRepository, H: PasswordHasher>(
    users: &Arc<Users<U, H>>,
) -> [Resource; 3] {
    [
        path("/register").post(with(users, register)),
        path("/login").post(with(users, log_in)),
        path("/me").get(with(users, me)),
    ]
}

async fn register<U: UserRepository, H: PasswordHasher>(
    users: Arc<Users<U, H>>,
    mut request: Request,
) -> Result<Response, Problem> {
    let mut fields = request.fields().await?;
    let username = fields.required_text("username");
    let username = fields.convert("username", username, Username::try_from);
    let password = fields.required_text("password");
    let password = fields.convert("password", password, Password::try_from);
    let (username, password) = fields.complete((username, password))?;
    let cause = edge::cause(&request, &users.context);
    let user = users.register.run(username, password, &cause).await;
    let user = user.map_err(|error| edge::problem(error, taken))?;
    let answer = UserAnswer { id: user.id.to_string(), username: user.username.to_string() };
    Ok(reply::json(StatusCode::CREATED, &answer))
}

async fn log_in<U: UserRepository, H: PasswordHasher>(
    users: Arc<Users<U, H>>,
    mut request: Request,
) -> Result<Response, Problem> {
    let mut fields = request.fields().await?;
    let (username, password) = (fields.required_text("username"), fields.required_text("password"));
    // A longer text is nobody's password, and hashing it would only cost time.
    let password = fields.convert("password", password, |text| {
        let fits = text.len() <= Password::MAX_BYTES;
        if fits {
            Ok(text)
        } else {
            Err(format!("must have at most {} bytes", Password::MAX_BYTES))
        }
    });
    let (username, password) = fields.complete((username, password))?;
    let cause = edge::cause(&request, &users.context);
    let attempt = users.throttle.attempt(&username, request.peer().ip());
    let now = || users.context.clock.now();
    users.throttle.check(attempt, now()).map_err(throttled)?;
    let user = match users.log_in.check(username, password.as_bytes()).await {
        Ok(user) => {
            users.throttle.check(attempt, now()).map_err(throttled)?;
            user
        }
        Err(UseCaseError::Refused(refusal)) => {
            users.throttle.failed(attempt, now()).map_err(throttled)?;
            return Err(wrong(refusal));
        }
        Err(error) => return Err(edge::problem(error, wrong)),
    };
    let token = users.log_in.admit(&user, &cause).await;
    let token = token.map_err(|error| edge::store_problem(&error))?;
    let answer = TokenAnswer {
        token: token.secret,
        token_type: "Bearer",
        expires_in: token.expires_in.as_secs(),
    };
    Ok(headers::no_store(reply::json(StatusCode::OK, &answer)))
}

async fn me<U: UserRepository, H: PasswordHasher>(
    users: Arc<Users<U, H>>,
    request: Request,
) -> Result<Response, Problem> {
    let claims = users.door.caller(&request)?.ok_or_else(Problem::unauthorized)?;
    let answer = UserAnswer { id: claims.user.to_string(), username: claims.username.to_string() };
    Ok(headers::no_store(reply::json(StatusCode::OK, &answer)))
}

fn taken(UsernameTaken: UsernameTaken) -> Problem {
    Problem::conflict(
        "username-taken",
        "The username is taken",
        "Choose another name; upper and lower case make no difference.",
    )
    .with_error("username", "is taken")
}

fn wrong(WrongCredentials: WrongCredentials) -> Problem {
    Problem::unauthorized()
        .with_kind("wrong-credentials", "Username or password is wrong")
        .with_hint("Check both; register first if you have no account: POST /register.")
}

fn throttled(TooMany(wait): TooMany) -> Problem {
    Problem::too_many_requests(wait)
        .with_kind("too-many-failed-logins", "Too many logins failed")
        .with_hint("Wait as long as Retry-After says; until then no password is checked.")
}
