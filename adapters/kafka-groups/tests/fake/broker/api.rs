//! What each API does, one file for those that belong together.

mod admin;
mod classic_group;
mod consumer_group;
mod describe;
mod fetch;
mod login;
mod metadata;
mod offsets;
mod produce;
mod versions;

use std::fmt::Debug;
use std::sync::Arc;

use bytes::Bytes;
use kafka_protocol::ResponseError;
use kafka_protocol::messages as m;
use kafka_protocol::messages::{ApiKey, BrokerId, TopicName};
use kafka_protocol::protocol::{Request, StrBytes};

use super::Shared;
use super::connection::{Frame, exchange};
use super::journal::Origin;
use super::state::State;

/// Who asks, and what is known.
pub(crate) struct Call {
    pub(super) shared: Arc<Shared>,
    pub(super) origin: Origin,
    pub(super) correlation: i32,
    pub(super) client: String,
}

impl Call {
    pub(super) fn with<T>(&self, body: impl FnOnce(&mut State) -> T) -> T {
        self.shared.with(body)
    }

    fn node(&self) -> i32 {
        self.origin.node
    }
}

/// A request that the fake carries out.
pub(super) trait Serve:
    Request<Response: Clone + Debug + Send + Sync + 'static> + Clone + Debug + Send + Sync + 'static
{
    fn serve(self, call: &Call) -> impl Future<Output = Self::Response> + Send;

    /// The answer that refuses the whole request.
    fn refuse(&self, error: i16, call: &Call) -> Self::Response;

    /// The version of the answer: the request's.
    fn answer_version(call: &Call) -> i16 {
        call.origin.version
    }
}

/// Declares the APIs that are served: the dispatch, and what `ApiVersions` shows.
macro_rules! apis {
    ($($key:ident => $request:ty),* $(,)?) => {
        pub(super) async fn dispatch(call: &Call, key: ApiKey, body: Bytes) -> Option<Frame> {
            match key {
                $(ApiKey::$key => exchange::<$request>(call, body).await,)*
                _ => None,
            }
        }

        const SERVED: &[ApiKey] = &[$(ApiKey::$key),*];
    };
}

apis! {
    Produce => m::ProduceRequest,
    Fetch => m::FetchRequest,
    ListOffsets => m::ListOffsetsRequest,
    Metadata => m::MetadataRequest,
    OffsetCommit => m::OffsetCommitRequest,
    OffsetFetch => m::OffsetFetchRequest,
    FindCoordinator => m::FindCoordinatorRequest,
    JoinGroup => m::JoinGroupRequest,
    Heartbeat => m::HeartbeatRequest,
    LeaveGroup => m::LeaveGroupRequest,
    SyncGroup => m::SyncGroupRequest,
    DescribeGroups => m::DescribeGroupsRequest,
    ListGroups => m::ListGroupsRequest,
    SaslHandshake => m::SaslHandshakeRequest,
    ApiVersions => m::ApiVersionsRequest,
    CreateTopics => m::CreateTopicsRequest,
    DeleteRecords => m::DeleteRecordsRequest,
    DeleteTopics => m::DeleteTopicsRequest,
    DescribeLogDirs => m::DescribeLogDirsRequest,
    SaslAuthenticate => m::SaslAuthenticateRequest,
    ConsumerGroupHeartbeat => m::ConsumerGroupHeartbeatRequest,
    ConsumerGroupDescribe => m::ConsumerGroupDescribeRequest,
}

fn code<T>(outcome: &Result<T, ResponseError>) -> i16 {
    outcome.as_ref().err().map_or(0, ResponseError::code)
}

fn text(text: impl Into<String>) -> StrBytes {
    StrBytes::from_string(text.into())
}

fn topic_name(name: &str) -> TopicName {
    TopicName(text(name))
}

fn broker_id(id: i32) -> BrokerId {
    BrokerId(id)
}
