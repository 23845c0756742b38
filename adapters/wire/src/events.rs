//! The `data` of each type and version.

mod log;
mod payment;
mod stock;
mod user;

use comptoir_domain::event::{
    Event, PaymentRejected, StockRefused, StockRejected, UserLoggedIn, UserRegistered,
};
use comptoir_domain::port::codec::Unreadable;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use self::user::Who;
use crate::problem::{self, Misfit};

/// The data of an event on its way out.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Data<'a> {
    User(user::UserOut<'a>),
    Payment(payment::PaymentOut<'a>),
    Stock(stock::StockOut<'a>),
    Log(log::LogOut<'a>),
}

impl<'a> From<&'a Event> for Data<'a> {
    fn from(event: &'a Event) -> Self {
        match event {
            Event::UserRegistered(UserRegistered { user, username })
            | Event::UserLoggedIn(UserLoggedIn { user, username }) => {
                Self::User((user, username).into())
            }
            Event::PaymentRequested(terms)
            | Event::PaymentConfirmed(terms)
            | Event::PaymentExpired(terms)
            | Event::PaymentRefunded(terms) => Self::Payment(terms.into()),
            Event::PaymentRejected(rejected) => Self::Payment(rejected.into()),
            Event::StockReserved(moved) | Event::StockReleased(moved) => Self::Stock(moved.into()),
            Event::StockRejected(rejected) => Self::Stock(rejected.into()),
            Event::LogWritten(entry) => Self::Log(entry.into()),
        }
    }
}

/// The event of that type; `None` if the type, or its version, is not known here.
pub(crate) fn read(kind: &str, data: Option<&RawValue>) -> Result<Option<Event>, Unreadable> {
    let data = Fields { kind, data };
    let event = match kind {
        "comptoir.user.registered.v1" => {
            let Who(user, username) = data.fit::<user::UserIn<'_>, _>()?;
            Event::UserRegistered(UserRegistered { user, username })
        }
        "comptoir.user.logged_in.v1" => {
            let Who(user, username) = data.fit::<user::UserIn<'_>, _>()?;
            Event::UserLoggedIn(UserLoggedIn { user, username })
        }
        "comptoir.payment.requested.v1" => {
            Event::PaymentRequested(data.fit::<payment::PaymentIn<'_>, _>()?)
        }
        "comptoir.payment.confirmed.v1" => {
            Event::PaymentConfirmed(data.fit::<payment::PaymentIn<'_>, _>()?)
        }
        "comptoir.payment.rejected.v1" => {
            let rejected = data.fit::<payment::PaymentIn<'_>, PaymentRejected>()?;
            Event::PaymentRejected(rejected)
        }
        "comptoir.payment.expired.v1" => {
            Event::PaymentExpired(data.fit::<payment::PaymentIn<'_>, _>()?)
        }
        "comptoir.payment.refunded.v1" => {
            Event::PaymentRefunded(data.fit::<payment::PaymentIn<'_>, _>()?)
        }
        "comptoir.stock.reserved.v1" => Event::StockReserved(data.fit::<stock::StockIn<'_>, _>()?),
        "comptoir.stock.rejected.v1" => {
            let rejected = data.fit::<stock::StockIn<'_>, StockRejected>()?;
            Event::StockRejected(rejected)
        }
        "comptoir.stock.released.v1" => Event::StockReleased(data.fit::<stock::StockIn<'_>, _>()?),
        "comptoir.log.written.v1" => Event::LogWritten(data.fit::<log::LogIn<'_>, _>()?),
        _ => return Ok(None),
    };
    Ok(Some(event))
}

/// The data of a known type, not yet read.
#[derive(Clone, Copy)]
struct Fields<'a> {
    kind: &'a str,
    data: Option<&'a RawValue>,
}

impl<'a> Fields<'a> {
    /// Reads it as `D` and makes a domain value of that.
    fn fit<D, T>(self) -> Result<T, Unreadable>
    where
        D: Deserialize<'a>,
        T: TryFrom<D, Error = Misfit>,
    {
        let read = match self.data {
            Some(raw) => problem::object(raw.get()).and_then(T::try_from),
            None => Err(Misfit::missing("data")),
        };
        read.map_err(|misfit| misfit.of(&format!("the data of {}", self.kind)))
    }
}

fn refused(reason: Option<&str>) -> Result<StockRefused, Misfit> {
    let known = [StockRefused::OutOfStock, StockRefused::UnknownSku];
    let text = reason.ok_or(Misfit::missing("reason"))?;
    let found = known.into_iter().find(|known| known.as_str() == text);
    problem::field("reason", found.ok_or("it is none of the known ones"))
}
