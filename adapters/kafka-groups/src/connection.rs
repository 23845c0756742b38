//! One connection to one broker: a request, then its answer.

#[cfg(test)]
pub(crate) mod damage;
mod failure;
mod frame;
mod guarded;
mod handshake;
#[cfg(test)]
pub(crate) mod responder;
mod scram;
mod stream;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::ApiKey;
use kafka_protocol::protocol::{Request, StrBytes, VersionRange};
use tokio::io::AsyncWriteExt as _;
use tokio::time::{Instant, timeout};

use crate::error::{KafkaError, Result};
use crate::settings::Settings;
use failure::Failure;
use stream::Stream;

/// The longest that a broker's quota may hold a connection back.
const LONGEST_THROTTLE: Duration = Duration::from_mins(1);

/// An exclusive connection to a broker. It has no task of its own: a request is written and its
/// answer read by whoever asks, under a deadline.
///
/// A request whose future is dropped before the answer came leaves the connection unusable; see
/// [`Connection::is_healthy`].
#[derive(Debug)]
pub struct Connection {
    address: String,
    client_id: StrBytes,
    stream: Box<dyn Stream>,
    received: BytesMut,
    health: Health,
    correlation: i32,
    versions: HashMap<i16, VersionRange>,
    request_timeout: Duration,
    max_answer: usize,
    held_until: Option<Instant>,
    expires: Option<Instant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Health {
    Ready,
    /// A request is under way, or was when its future was dropped.
    Busy,
    Failed,
}

impl Connection {
    /// Connects to `host:port` and agrees on versions; logs in if the settings say so.
    ///
    /// # Errors
    /// [`KafkaError::Unavailable`] if that takes longer than the settings allow,
    /// [`KafkaError::Unauthenticated`] if the broker does not take the login, or has no certificate
    /// that is trusted.
    pub async fn connect(address: &str, settings: &Settings) -> Result<Self> {
        let after = settings.connect_timeout;
        match timeout(after, Self::open(address, settings)).await {
            Ok(opened) => opened,
            Err(_) => {
                Err(KafkaError::unavailable(Failure::Silent { address: address.into(), after }))
            }
        }
    }

    async fn open(address: &str, settings: &Settings) -> Result<Self> {
        let stream =
            stream::open(address, settings).await.map_err(|cause| stream::judge(address, cause))?;
        let mut connection = Self {
            address: address.to_owned(),
            client_id: StrBytes::from_string(settings.client_id.clone()),
            stream,
            received: BytesMut::new(),
            health: Health::Ready,
            correlation: 0,
            versions: HashMap::new(),
            request_timeout: settings.request_timeout,
            max_answer: settings.max_answer_bytes,
            held_until: None,
            expires: None,
        };
        handshake::agree_on_versions(&mut connection).await?;
        if let Some(sasl) = &settings.sasl {
            handshake::log_in(&mut connection, sasl).await?;
        }
        Ok(connection)
    }

    /// Where it leads, as `host:port`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The versions of a request that both sides know; `None` if there are none.
    pub fn versions<R: Request>(&self) -> Option<VersionRange> {
        let common = self.versions.get(&R::KEY)?.intersect(&R::VERSIONS);
        (!common.is_empty()).then_some(common)
    }

    /// The highest version of a request that both sides know.
    ///
    /// # Errors
    /// [`KafkaError::Unsupported`] if there is none.
    pub fn version<R: Request>(&self) -> Result<i16> {
        self.versions::<R>().map(|common| common.max).ok_or_else(|| KafkaError::Unsupported {
            what: ApiKey::try_from(R::KEY)
                .map_or_else(|()| R::KEY.to_string(), |key| format!("{key:?}")),
        })
    }

    /// Asks with the highest common version. `wait` is what the request may wait at the broker
    /// before it is answered, on top of the time-out in the settings.
    ///
    /// # Errors
    /// [`KafkaError::Unavailable`] if the connection fails or the deadline passes,
    /// [`KafkaError::Unsupported`] if there is no common version. Error codes inside the answer are
    /// the caller's to read.
    pub async fn request<R: Request + Sync>(
        &mut self,
        request: &R,
        wait: Duration,
    ) -> Result<R::Response> {
        self.request_at(self.version::<R>()?, request, wait).await
    }

    /// Asks with this version.
    ///
    /// # Errors
    /// As of [`Connection::request`]; also [`KafkaError::Unsupported`] if the request says what this
    /// version cannot.
    pub async fn request_at<R: Request + Sync>(
        &mut self,
        version: i16,
        request: &R,
        wait: Duration,
    ) -> Result<R::Response> {
        let mut frames = BytesMut::new();
        let first = self.encode(&mut frames, version, request)?;
        let answer = self.exchange(&frames, 1, wait).await?.remove(0);
        self.decode::<R>(version, first, answer)
    }

    /// Sends all requests before the first answer came; the broker carries them out in order.
    pub(crate) async fn request_all<R: Request + Sync>(
        &mut self,
        version: i16,
        requests: &[R],
        wait: Duration,
    ) -> Result<Vec<R::Response>> {
        let mut frames = BytesMut::new();
        let ids: Vec<i32> = requests
            .iter()
            .map(|request| self.encode(&mut frames, version, request))
            .collect::<Result<_>>()?;
        let answers = self.exchange(&frames, ids.len(), wait).await?;
        ids.into_iter()
            .zip(answers)
            .map(|(id, answer)| self.decode::<R>(version, id, answer))
            .collect()
    }

    /// Whether it can take another request.
    pub fn is_healthy(&self) -> bool {
        self.health == Health::Ready && self.expires.is_none_or(|at| Instant::now() < at)
    }

    /// Whether the broker or the network let a request down, rather than who asked.
    pub(crate) fn has_failed(&self) -> bool {
        self.health == Health::Failed
    }

    /// Whether the broker closed it, or sent what nobody asked for, since the last answer.
    pub(crate) fn was_closed(&mut self) -> bool {
        !stream::is_quiet(&mut self.stream)
    }

    /// Takes note that the broker answers nothing for so long, because of a quota (KIP-219).
    pub(crate) fn held_back(&mut self, milliseconds: i32) {
        if let Some(held) = u64::try_from(milliseconds).ok().filter(|held| *held > 0) {
            let held = Duration::from_millis(held).min(LONGEST_THROTTLE);
            self.held_until = Some(Instant::now() + held);
        }
    }

    fn encode<R: Request>(
        &mut self,
        frames: &mut BytesMut,
        version: i16,
        request: &R,
    ) -> Result<i32> {
        self.correlation = self.correlation.wrapping_add(1);
        frame::encode(frames, request, version, self.correlation, &self.client_id)
            .map_err(|cause| KafkaError::Unsupported { what: cause.to_string() })?;
        Ok(self.correlation)
    }

    fn decode<R: Request>(
        &mut self,
        version: i16,
        expected: i32,
        answer: Bytes,
    ) -> Result<R::Response> {
        self.body::<R>(version, expected, answer)
            .and_then(|body| frame::decode_body::<R>(body, version))
            .inspect_err(|_| self.health = Health::Failed)
    }

    /// An answer without its header.
    fn body<R: Request>(&self, version: i16, expected: i32, mut answer: Bytes) -> Result<Bytes> {
        let got = frame::decode_header::<R>(&mut answer, version)?;
        if got == expected {
            return Ok(answer);
        }
        Err(KafkaError::corrupt(Failure::OutOfStep {
            address: self.address.clone(),
            expected,
            got,
        }))
    }

    /// Writes frames and reads as many answers as were asked for. Until all are there the
    /// connection counts as unusable, so that dropping the future cannot mix up answers.
    async fn exchange(
        &mut self,
        frames: &[u8],
        answers: usize,
        wait: Duration,
    ) -> Result<Vec<Bytes>> {
        if !self.is_healthy() {
            let address = self.address.clone();
            return Err(KafkaError::unavailable(Failure::GivenUp { address }));
        }
        let now = Instant::now();
        let held = self.held_until.take().map_or(Duration::ZERO, |until| until - now);
        let after = self.request_timeout + wait + held;
        self.health = Health::Busy;
        let done = match timeout(after, self.write_and_read(frames, answers)).await {
            Ok(done) => done,
            Err(_) => Err(KafkaError::unavailable(Failure::Silent {
                address: self.address.clone(),
                after,
            })),
        };
        self.health = if done.is_ok() { Health::Ready } else { Health::Failed };
        done
    }

    async fn write_and_read(&mut self, frames: &[u8], answers: usize) -> Result<Vec<Bytes>> {
        let sent = async {
            self.stream.write_all(frames).await?;
            self.stream.flush().await
        };
        sent.await.map_err(|cause| self.io(cause))?;
        let mut read = Vec::with_capacity(answers);
        for _ in 0..answers {
            let answer = frame::read(&mut self.stream, &mut self.received, self.max_answer).await;
            read.push(answer.map_err(|error| match error {
                frame::ReadError::Io(cause) => self.io(cause),
                frame::ReadError::Tls => {
                    KafkaError::Unsupported { what: "connections without TLS".to_owned() }
                }
                frame::ReadError::TooLong(bytes) => KafkaError::corrupt(Failure::TooLong {
                    address: self.address.clone(),
                    bytes,
                    limit: self.max_answer,
                }),
            })?);
        }
        Ok(read)
    }

    fn io(&self, cause: io::Error) -> KafkaError {
        KafkaError::unavailable(Failure::Io { address: self.address.clone(), cause })
    }
}
