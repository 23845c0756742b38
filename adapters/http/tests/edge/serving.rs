use std::sync::Arc;
use std::time::Duration;

use comptoir_http::resource::{path, with};
use comptoir_http::{
    BindError, Capacity, Cors, Limits, Request, Routes, StatusCode, bind, edge, reply, routes,
};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use crate::client::{Server, within};

/// `/slow` says on `entered` that it is running and answers once `leave` has a permit.
#[derive(Clone)]
struct Gate {
    entered: Arc<Semaphore>,
    leave: Arc<Semaphore>,
}

impl Gate {
    fn new() -> (Self, Routes) {
        let closed = || Arc::new(Semaphore::new(0));
        let gate = Self { entered: closed(), leave: closed() };
        let slow = with(&gate, async |gate: Gate, _: Request| {
            gate.entered.add_permits(1);
            gate.leave.acquire().await.unwrap().forget();
            reply::text(StatusCode::OK, "done")
        });
        let quick = async |_: Request| reply::text(StatusCode::OK, "quick");
        let resources = [path("/slow").get(slow), path("/quick").get(quick)];
        (gate, edge(routes(resources), &Cors::off()))
    }

    async fn entered(&self) {
        within(self.entered.acquire()).await.unwrap().forget();
    }
}

const SLOW: &str = "GET /slow HTTP/1.1\nHost: x\n\n";
const QUICK: &str = "GET /quick HTTP/1.1\nHost: x\n\n";

#[tokio::test]
async fn a_head_that_does_not_arrive_in_time_is_cut() {
    let limits = Limits { head_time: Duration::from_millis(50), ..Limits::default() };
    let server = Server::of(Gate::new().1, limits).await;
    for start in ["", "GET /quick HTTP/1.1\nHost: x\n"] {
        let mut client = server.connect().await;
        client.write(start).await;
        assert_eq!(client.rest().await, "");
    }
    // A connection that falls silent after an answer is no different.
    let mut client = server.connect().await;
    client.write(QUICK).await;
    assert_eq!(client.answer().await.body, "quick");
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn a_stop_answers_what_is_in_flight_and_closes_the_rest() {
    let (gate, app) = Gate::new();
    let mut server = Server::of(app, Limits::default()).await;
    let (mut busy, mut idle, mut silent) =
        (server.connect().await, server.connect().await, server.connect().await);
    idle.write(QUICK).await;
    assert_eq!(idle.answer().await.status, 200);
    busy.write(SLOW).await;
    gate.entered().await;
    server.stop.cancel();
    assert_eq!(idle.rest().await, "");
    assert_eq!(silent.rest().await, "");
    gate.leave.add_permits(1);
    let answer = busy.answer().await;
    assert_eq!((answer.body.as_str(), answer.header("connection")), ("done", Some("close")));
    server.ended().await;
    assert!(within(TcpStream::connect(server.address)).await.is_err());
}

#[tokio::test]
async fn a_stop_does_not_wait_for_ever() {
    let (gate, app) = Gate::new();
    let limits = Limits { drain_time: Duration::from_millis(50), ..Limits::default() };
    let mut server = Server::of(app, limits).await;
    let mut busy = server.connect().await;
    busy.write(SLOW).await;
    gate.entered().await;
    server.stop.cancel();
    server.ended().await;
    assert_eq!(busy.rest().await, "");
}

#[tokio::test]
async fn at_the_limit_a_connection_waits_for_another_to_end() {
    let (gate, app) = Gate::new();
    let limits = Limits { connections: Capacity::new(1), ..Limits::default() };
    let server = Server::of(app, limits).await;
    let mut first = server.connect().await;
    first.write(SLOW).await;
    gate.entered().await;
    let mut second = server.connect().await;
    second.write(QUICK).await;
    let early = tokio::time::timeout(Duration::from_millis(50), second.stream.readable()).await;
    assert!(early.is_err(), "the second was answered beside the first");
    gate.leave.add_permits(1);
    assert_eq!(first.answer().await.body, "done");
    drop(first);
    assert_eq!(second.answer().await.body, "quick");
}

#[tokio::test]
async fn a_port_in_use_is_told_apart() {
    let taken = bind("127.0.0.1", 0).await.unwrap();
    let port = taken.local_addr().unwrap().port();
    let error = bind("127.0.0.1", port).await.unwrap_err();
    assert!(matches!(error, BindError::InUse { .. }), "{error:?}");
    assert_eq!(error.to_string(), format!("port {port} is in use (listening on 127.0.0.1)"));
    let error = bind("192.0.2.1", 0).await.unwrap_err();
    assert!(matches!(error, BindError::Refused { .. }), "{error:?}");
}
