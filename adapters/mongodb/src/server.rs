//! The connection, made when it is first needed.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use mongodb::bson::{RawDocumentBuf, serialize_to_raw_document_buf};
use mongodb::options::ClientOptions;
use mongodb::{Client, Database};
use tokio::sync::OnceCell;
use tokio::time::{Instant, timeout_at};

use crate::error::Failure;
use crate::settings::{self, InvalidSettings, Settings};

/// One server, or set of servers, and the way to it.
pub(crate) struct Server {
    settings: Settings,
    connected: OnceCell<Connected>,
}

#[derive(Clone)]
pub(crate) struct Connected {
    client: Client,
    /// Stated with every write: what is run as a command inherits nothing from the client.
    pub(crate) write_concern: RawDocumentBuf,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Server {
    pub(crate) fn new(settings: Settings) -> Result<Arc<Self>, InvalidSettings> {
        settings.check()?;
        Ok(Arc::new(Self { settings, connected: OnceCell::new() }))
    }

    /// When a call that begins now is given up.
    pub(crate) fn deadline(&self) -> Instant {
        Instant::now() + self.settings.deadline
    }

    /// The name of a service's database.
    pub(crate) fn database_name(&self, service: &str) -> String {
        format!("{}{service}-database", self.settings.prefix)
    }

    /// The client. Nothing is connected by this; only the name of a `mongodb+srv` is looked up.
    pub(crate) async fn connected(&self) -> Result<&Connected, Failure> {
        self.connected.get_or_try_init(|| self.connect()).await
    }

    async fn connect(&self) -> Result<Connected, Failure> {
        let mut options = ClientOptions::parse(&self.settings.uri).await?;
        settings::complete(&mut options, self.settings.deadline);
        let write_concern = serialize_to_raw_document_buf(&options.write_concern);
        let write_concern = write_concern.map_err(mongodb::error::Error::from)?;
        Ok(Connected { client: Client::with_options(options)?, write_concern })
    }
}

impl Connected {
    pub(crate) fn database(&self, name: &str) -> Database {
        self.client.database(name)
    }
}

/// Waits for the server no longer than to the deadline.
pub(crate) async fn by<T>(
    deadline: Instant,
    call: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    timeout_at(deadline, call).await.unwrap_or(Err(Failure::Late))
}

/// How long the server itself may take.
pub(crate) fn left(deadline: Instant) -> Duration {
    let left = deadline.saturating_duration_since(Instant::now());
    left.max(Duration::from_millis(1))
}
