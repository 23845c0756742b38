//! rskafka's client, for those batches that go over it ([`super::wire`]), replaced as soon as it cannot
//! be trusted.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use kafka_groups::SaslMechanism;
use rskafka::BackoffConfig;
use rskafka::client::error::Error;
use rskafka::client::{Client, ClientBuilder, Credentials, SaslConfig};

use crate::settings::{Sasl, Settings};
use crate::sync::lock;

/// How rskafka repeats what it repeats by itself. Only briefly: a writer that starts again from a
/// new client gets around a connection that hangs and metadata that are out of date, and rskafka's
/// own repetitions do not.
fn backoff() -> BackoffConfig {
    BackoffConfig {
        init_backoff: Duration::from_millis(20),
        max_backoff: Duration::from_millis(200),
        base: 2.0,
        deadline: Some(Duration::from_millis(500)),
    }
}

/// The client that the writers share, for its connection for metadata.
#[derive(Debug)]
pub(super) struct Clients {
    brokers: Vec<String>,
    client_id: Arc<str>,
    sasl: Option<SaslConfig>,
    current: Mutex<Option<Arc<Client>>>,
    /// Held while a new one is made, so that not every writer makes one.
    making: tokio::sync::Mutex<()>,
}

impl Clients {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            brokers: settings.brokers.clone(),
            client_id: settings.client_id.as_str().into(),
            sasl: settings.sasl.as_ref().map(sasl),
            current: Mutex::new(None),
            making: tokio::sync::Mutex::new(()),
        }
    }

    /// The client, made if there is none. Has no deadline of its own.
    pub(super) async fn get(&self) -> Result<Arc<Client>, Error> {
        if let Some(client) = self.current() {
            return Ok(client);
        }
        let _making = self.making.lock().await;
        if let Some(client) = self.current() {
            return Ok(client);
        }
        let builder = ClientBuilder::new(self.brokers.clone())
            .client_id(Arc::clone(&self.client_id))
            .backoff_config(backoff());
        let builder = match &self.sasl {
            Some(sasl) => builder.sasl_config(sasl.clone()),
            None => builder,
        };
        let client = Arc::new(builder.build().await?);
        *lock(&self.current) = Some(Arc::clone(&client));
        Ok(client)
    }

    fn current(&self) -> Option<Arc<Client>> {
        lock(&self.current).clone()
    }

    /// Forgets a client; the next who asks gets a new one. Does nothing if another writer was first.
    pub(super) fn forget(&self, client: &Arc<Client>) {
        let mut current = lock(&self.current);
        if current.as_ref().is_some_and(|current| Arc::ptr_eq(current, client)) {
            *current = None;
        }
    }
}

fn sasl(sasl: &Sasl) -> SaslConfig {
    let credentials = Credentials::new(sasl.username.clone(), sasl.password.reveal().to_owned());
    match sasl.mechanism {
        SaslMechanism::Plain => SaslConfig::Plain(credentials),
        SaslMechanism::ScramSha256 => SaslConfig::ScramSha256(credentials),
        SaslMechanism::ScramSha512 => SaslConfig::ScramSha512(credentials),
    }
}
