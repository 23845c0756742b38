//! A broker that answers what a cluster asks, and nothing else.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex};

use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::find_coordinator_response::Coordinator;
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{
    ApiKey, ApiVersionsResponse, FindCoordinatorRequest, FindCoordinatorResponse, MetadataRequest,
    MetadataResponse,
};
use kafka_protocol::protocol::StrBytes;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::{Cluster, ResponseError, Settings};
use crate::connection::responder::{Broker, Heard, Listener, offers};
use crate::topic::{text, topic_name};

pub(super) struct Stage {
    listener: Listener,
    state: Arc<Mutex<State>>,
    connections: Mutex<JoinSet<()>>,
}

#[derive(Default)]
struct State {
    known: Known,
    newest: HashMap<i16, i16>,
    accepted: usize,
    asked: Vec<i16>,
}

/// What it says of the cluster.
#[derive(Debug, Clone, Default)]
pub(super) struct Known(MetadataResponse);

/// The id of a topic is made of its name.
pub(super) fn id_of(topic: &str) -> Uuid {
    let mut id = [1; 16];
    id[..topic.len()].copy_from_slice(topic.as_bytes());
    Uuid::from_bytes(id)
}

impl Known {
    pub(super) fn broker(mut self, id: i32, address: &str) -> Self {
        let (host, port) = address.rsplit_once(':').unwrap();
        self.0.brokers = vec![
            MetadataResponseBroker::default()
                .with_node_id(id.into())
                .with_host(text(host))
                .with_port(port.parse().unwrap()),
        ];
        self
    }

    /// A topic that broker 1 leads.
    pub(super) fn topic(mut self, name: &str, partitions: i32) -> Self {
        let partition = |number| {
            MetadataResponsePartition::default()
                .with_partition_index(number)
                .with_leader_id(1.into())
        };
        self.0.topics = vec![
            MetadataResponseTopic::default()
                .with_name(Some(topic_name(name)))
                .with_topic_id(id_of(name))
                .with_partitions((0..partitions).map(partition).collect()),
        ];
        self
    }

    pub(super) fn without_leaders(mut self) -> Self {
        for topic in &mut self.0.topics {
            for partition in &mut topic.partitions {
                partition.leader_id = (-1).into();
            }
        }
        self
    }

    pub(super) fn refusing(mut self, error: ResponseError) -> Self {
        self.0.error_code = error.code();
        self
    }

    /// The answer to a question: what was asked about and is not there is named as well.
    fn answer(&self, asked: &MetadataRequest) -> MetadataResponse {
        let mut answer = self.0.clone();
        let Some(topics) = &asked.topics else { return answer };
        let known = std::mem::take(&mut answer.topics);
        for topic in topics {
            let is = |known: &&MetadataResponseTopic| match &topic.name {
                Some(name) => known.name.as_ref() == Some(name),
                None => known.topic_id == topic.topic_id,
            };
            let missing = match topic.name {
                Some(_) => ResponseError::UnknownTopicOrPartition,
                None => ResponseError::UnknownTopicId,
            };
            let missing = MetadataResponseTopic::default()
                .with_name(topic.name.clone())
                .with_topic_id(topic.topic_id)
                .with_error_code(missing.code());
            answer.topics.push(known.iter().find(is).cloned().unwrap_or(missing));
        }
        answer
    }
}

impl Stage {
    /// A broker that leads nothing: broker 1.
    pub(super) async fn open() -> Self {
        let stage = Self {
            listener: Listener::open().await,
            state: Arc::default(),
            connections: Mutex::default(),
        };
        stage.describe(|known| known.broker(1, &stage.address()));
        stage
    }

    pub(super) fn address(&self) -> String {
        self.listener.address()
    }

    pub(super) fn settings(&self) -> Settings {
        Settings::new([self.address()])
    }

    pub(super) fn cluster(&self) -> Cluster {
        Cluster::new(self.settings())
    }

    pub(super) fn describe(&self, change: impl FnOnce(Known) -> Known) {
        let mut state = self.state.lock().unwrap();
        state.known = change(std::mem::take(&mut state.known));
    }

    pub(super) fn offer(&self, api: ApiKey, newest: i16) {
        self.state.lock().unwrap().newest.insert(api as i16, newest);
    }

    pub(super) fn accepted(&self) -> usize {
        self.state.lock().unwrap().accepted
    }

    pub(super) fn asked(&self, api: ApiKey) -> usize {
        self.state.lock().unwrap().asked.iter().filter(|asked| **asked == api as i16).count()
    }

    /// How many connections wait to be accepted.
    pub(super) async fn waiting(&self) -> usize {
        let mut waiting = Vec::new();
        loop {
            tokio::select! {
                biased;
                broker = self.listener.accept() => waiting.push(broker),
                () = tokio::task::yield_now() => return waiting.len(),
            }
        }
    }

    /// Takes connections while `scene` goes on, and serves them until the end.
    pub(super) async fn play<T>(&self, scene: impl Future<Output = T>) -> T {
        let accepting = async {
            loop {
                let broker = self.listener.accept().await;
                self.state.lock().unwrap().accepted += 1;
                let serving = serve(broker, Arc::clone(&self.state));
                self.connections.lock().unwrap().spawn(serving);
            }
        };
        tokio::select! {
            done = scene => done,
            () = accepting => unreachable!("it goes on for ever"),
        }
    }
}

async fn serve(mut broker: Broker, state: Arc<Mutex<State>>) {
    while let Some(asked) = broker.try_hear().await {
        state.lock().unwrap().asked.push(asked.api);
        match ApiKey::try_from(asked.api).unwrap() {
            ApiKey::ApiVersions => {
                let answer = ApiVersionsResponse::default().with_api_keys(offered(&state));
                broker.say(&asked, &answer).await;
            }
            ApiKey::Metadata => {
                let answer = state.lock().unwrap().known.answer(&asked.body());
                broker.say(&asked, &answer).await;
            }
            ApiKey::FindCoordinator => {
                let answer = coordinator(&asked, &state.lock().unwrap().known);
                broker.say(&asked, &answer).await;
            }
            _ => std::future::pending().await,
        }
    }
}

fn offered(state: &Mutex<State>) -> Vec<ApiVersion> {
    let newest = state.lock().unwrap().newest.clone();
    let offer = |api: ApiKey, max| {
        let max = newest.get(&(api as i16)).copied().unwrap_or(max);
        ApiVersion::default().with_api_key(api as i16).with_max_version(max)
    };
    let mut offers = offers();
    offers.retain(|offer| offer.api_key != ApiKey::Metadata as i16);
    offers.extend([offer(ApiKey::Metadata, 13), offer(ApiKey::FindCoordinator, 6)]);
    offers
}

/// Broker 1 coordinates all groups.
fn coordinator(asked: &Heard, known: &Known) -> FindCoordinatorResponse {
    let request: FindCoordinatorRequest = asked.body();
    let broker = &known.0.brokers[0];
    let of = |key: StrBytes| {
        Coordinator::default()
            .with_key(key)
            .with_node_id(broker.node_id)
            .with_host(broker.host.clone())
            .with_port(broker.port)
    };
    if asked.version < 4 {
        assert_eq!(&*request.key, "group");
        return FindCoordinatorResponse::default()
            .with_node_id(broker.node_id)
            .with_host(broker.host.clone())
            .with_port(broker.port);
    }
    let coordinators = request.coordinator_keys.into_iter().map(of).collect();
    FindCoordinatorResponse::default().with_coordinators(coordinators)
}
