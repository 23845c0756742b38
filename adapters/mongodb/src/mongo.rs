//! The stores, as one handle.

use comptoir_domain::port::platform::Stores;

use crate::payments::Payments;
use crate::server::Server;
use crate::settings::{InvalidSettings, Settings};
use crate::stock::Stock;
use crate::users::Users;

/// The stores on one MongoDB. Cheap to clone; clones share connections and queues.
#[derive(Debug, Clone)]
pub struct Mongo {
    users: Users,
    payments: Payments,
    stock: Stock,
}

impl Mongo {
    /// The stores. Nothing is connected before the first call, so a server that is away is no error
    /// here; calls answer that it is until it is back, by themselves.
    ///
    /// # Errors
    /// [`InvalidSettings`] if no server could ever be reached that way.
    pub fn new(settings: Settings) -> Result<Self, InvalidSettings> {
        let server = Server::new(settings)?;
        Ok(Self {
            users: Users::new(&server),
            payments: Payments::new(&server),
            stock: Stock::new(&server),
        })
    }
}

impl Stores for Mongo {
    type Users = Users;
    type Payments = Payments;
    type Stock = Stock;

    const STORE_NAME: &'static str = "mongodb";

    fn users(&self) -> Users {
        self.users.clone()
    }

    fn payments(&self) -> Payments {
        self.payments.clone()
    }

    fn stock(&self) -> Stock {
        self.stock.clone()
    }
}
