//! Whatever comes on a connection, it is answered or closed, and the next one is served.

use comptoir_http::resource::path;
use comptoir_http::{Problem, Request, Response, StatusCode, reply};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::client::Server;

const REQUESTS: [&str; 4] = [
    "GET /pay?a=%41&b HTTP/1.1\r\nhost: x\r\ntraceparent: 00-1-2-3\r\n\r\n",
    "POST /pay/7 HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
        content-length: 7\r\n\r\n{\"a\":1}",
    "POST /pay/7 HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3\r\na=b\r\n0\r\n\r\n",
    "GET /ws HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
        sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
];

fn requests() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let damage = vec((any::<Index>(), any::<u8>()), 0..6);
    let request = (select(REQUESTS.to_vec()), damage, any::<Index>(), any::<bool>());
    let request = request.prop_map(|(request, damage, cut, is_cut)| {
        let mut bytes = request.as_bytes().to_vec();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if is_cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        bytes
    });
    vec(prop_oneof![4 => request, 1 => vec(any::<u8>(), 0..200)], 1..8)
}

async fn pay(mut request: Request) -> Result<Response, Problem> {
    let mut query = request.query()?;
    let mut fields = request.fields().await?;
    let _ = (query.text("a"), fields.integer("a"), request.bearer(), request.traceparent());
    request.handshake(&["v1"])?;
    fields.check()?;
    Ok(reply::no_content())
}

async fn serves(connections: Vec<Vec<u8>>) {
    let resources = [path("/pay").get(pay), path("/pay/{id}").post(pay), path("/ws").get(pay)];
    let alive = path("/alive").get(async |_: Request| reply::text(StatusCode::OK, "yes"));
    let server = Server::start(resources.into_iter().chain([alive])).await;
    for bytes in connections {
        let mut client = server.connect().await;
        client.write_raw(&bytes).await;
        client.ends().await;
    }
    let answer = server.send("GET /alive HTTP/1.1\nHost: x\n\n").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "yes"));
}

proptest! {
    // Each is a server and some connections.
    #![proptest_config({
        let all = ProptestConfig::default();
        ProptestConfig { cases: all.cases / 8, ..all }
    })]

    #[test]
    fn any_bytes_are_answered_or_end_their_connection(connections in requests()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(serves(connections));
    }
}
