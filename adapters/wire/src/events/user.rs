//! `comptoir.user.*.v1`

use std::borrow::Cow;

use comptoir_domain::id::UserId;
use comptoir_domain::user::Username;
use serde::{Deserialize, Serialize};

use crate::problem::{Misfit, field};
use crate::text::Shown;

#[derive(Debug, Serialize)]
pub(crate) struct UserOut<'a> {
    user_id: Shown<&'a UserId>,
    username: &'a str,
}

#[derive(Debug, Deserialize)]
pub(crate) struct UserIn<'a> {
    #[serde(borrow)]
    user_id: Cow<'a, str>,
    username: String,
}

impl<'a> From<(&'a UserId, &'a Username)> for UserOut<'a> {
    fn from((user, username): (&'a UserId, &'a Username)) -> Self {
        Self { user_id: Shown(user), username: username.as_str() }
    }
}

/// A pair, because every user event tells the same two things.
#[derive(Debug)]
pub(crate) struct Who(pub(crate) UserId, pub(crate) Username);

impl TryFrom<UserIn<'_>> for Who {
    type Error = Misfit;

    fn try_from(data: UserIn<'_>) -> Result<Self, Misfit> {
        let user = field("user_id", data.user_id.parse())?;
        let username = field("username", Username::try_from(data.username))?;
        Ok(Self(user, username))
    }
}
