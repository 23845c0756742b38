//! One process behind a proxy, and another that has its own way to the server.

use std::time::Duration;

use comptoir_domain::idempotency::IdempotencyKey;
use comptoir_domain::port::platform::Stores;
use comptoir_domain::port::store::StockRepository;
use comptoir_mongodb::Stock;
use comptoir_testkit::a_payment;
use comptoir_testkit::builders::a_sku;

use crate::proxy::Proxy;
use crate::server;

const LONG: Duration = Duration::from_secs(20);

pub(crate) struct Two {
    pub(crate) proxy: Proxy,
    pub(crate) failing: Stock,
    pub(crate) other: Stock,
    uri: String,
    prefix: String,
}

impl Two {
    /// `deadline` is how long the process that fails tries.
    pub(crate) async fn open(deadline: Duration) -> Self {
        let uri = server::MONGODB.uri();
        let proxy = Proxy::to(&uri).await;
        let prefix = server::prefix();
        let failing = server::open(&proxy.uri(), &prefix, deadline).stock();
        // Connected, with its indexes made: what comes next are the commands of the change.
        let sku = a_sku("mug");
        failing.load(std::slice::from_ref(&sku)).await.unwrap();
        failing.reservations(&[a_payment().build().id]).await.unwrap();
        failing.answered(&sku, IdempotencyKey([0; 32])).await.unwrap();
        let other = server::open(&uri, &prefix, LONG).stock();
        Self { proxy, failing, other, uri, prefix }
    }

    /// A process that has seen nothing yet.
    pub(crate) fn another(&self) -> Stock {
        server::open(&self.uri, &self.prefix, LONG).stock()
    }
}
