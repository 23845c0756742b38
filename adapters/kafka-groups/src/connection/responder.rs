//! The other end of a connection, by hand.

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::{ApiKey, ApiVersionsResponse, RequestHeader, ResponseHeader};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, StrBytes};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

pub(crate) struct Listener(TcpListener);

pub(crate) struct Broker(TcpStream);

/// A request as it came.
pub(crate) struct Heard {
    pub(crate) api: i16,
    pub(crate) version: i16,
    pub(crate) correlation: i32,
    pub(crate) client_id: Option<StrBytes>,
    body: Bytes,
}

impl Heard {
    pub(crate) fn body<R: Decodable>(&self) -> R {
        R::decode(&mut self.body.clone(), self.version).unwrap()
    }
}

/// What a broker offers here: less than we know of one request, more than we know of another.
pub(crate) fn offers() -> Vec<ApiVersion> {
    let offer = |api: ApiKey, min, max| {
        ApiVersion::default().with_api_key(api as i16).with_min_version(min).with_max_version(max)
    };
    vec![
        offer(ApiKey::Heartbeat, 0, 3),
        offer(ApiKey::Fetch, 4, 99),
        offer(ApiKey::Metadata, 90, 99),
        offer(ApiKey::SaslHandshake, 0, 1),
        offer(ApiKey::SaslAuthenticate, 0, 2),
    ]
}

impl Listener {
    pub(crate) async fn open() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    pub(crate) fn address(&self) -> String {
        self.0.local_addr().unwrap().to_string()
    }

    pub(crate) async fn accept(&self) -> Broker {
        Broker(self.0.accept().await.unwrap().0)
    }
}

impl Broker {
    /// Answers the first question of a connection.
    pub(crate) async fn agree(&mut self, offers: &[ApiVersion]) {
        let asked = self.hear().await;
        self.say(&asked, &ApiVersionsResponse::default().with_api_keys(offers.to_vec())).await;
    }

    pub(crate) async fn hear(&mut self) -> Heard {
        self.try_hear().await.expect("a request comes")
    }

    /// `None` once the other end has closed.
    pub(crate) async fn try_hear(&mut self) -> Option<Heard> {
        let length = usize::try_from(self.0.read_i32().await.ok()?).unwrap();
        let mut frame = vec![0; length];
        self.0.read_exact(&mut frame).await.ok()?;
        let mut frame = Bytes::from(frame);
        let (api, version) = ((&frame[..2]).get_i16(), (&frame[2..4]).get_i16());
        let header_version = ApiKey::try_from(api).unwrap().request_header_version(version);
        let header = RequestHeader::decode(&mut frame, header_version).unwrap();
        let (correlation, client_id) = (header.correlation_id, header.client_id);
        Some(Heard { api, version, correlation, client_id, body: frame })
    }

    pub(crate) async fn say<R: Encodable + HeaderVersion + Sync>(
        &mut self,
        to: &Heard,
        answer: &R,
    ) {
        self.say_in(to.version, to, answer).await;
    }

    /// Answers in a version that nobody asked for.
    pub(crate) async fn say_in<R>(&mut self, version: i16, to: &Heard, answer: &R)
    where
        R: Encodable + HeaderVersion + Sync,
    {
        self.write(&frame(version, to, answer)).await;
    }

    pub(crate) async fn trickle<R: Encodable + HeaderVersion + Sync>(
        &mut self,
        to: &Heard,
        answer: &R,
    ) {
        self.0.set_nodelay(true).unwrap();
        for byte in frame(to.version, to, answer) {
            self.write(&[byte]).await;
            tokio::task::yield_now().await;
        }
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.unwrap();
    }
}

fn frame<R: Encodable + HeaderVersion>(version: i16, to: &Heard, answer: &R) -> Bytes {
    let mut frame = BytesMut::new();
    frame.put_i32(0);
    ResponseHeader::default()
        .with_correlation_id(to.correlation)
        .encode(&mut frame, R::header_version(version))
        .unwrap();
    answer.encode(&mut frame, version).unwrap();
    let length = i32::try_from(frame.len() - 4).unwrap();
    frame[..4].copy_from_slice(&length.to_be_bytes());
    frame.freeze()
}
