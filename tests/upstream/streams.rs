//! The limit of an HTTP/2 server on concurrent streams (RFC 9113, section 5.1.2): a request takes another connection
//! instead of a wait behind those that go on.

use std::convert::Infallible;
use std::time::Duration;

use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::time::timeout;

use crate::support::body::{Outgoing, full, streamed};
use crate::support::raw_origin::RawStream;
use crate::support::{Proxy, RawOrigin, Streaming, Tunnel};

const HOST: &str = "api.example.test";

/// Begins an answer to `/long` that never ends, and answers the rest.
async fn answer(request: Request<hyper::body::Incoming>) -> Result<Response<Outgoing>, Infallible> {
    if request.uri().path() != "/long" {
        return Ok(Response::new(full("ok")));
    }
    let (sender, body) = streamed();
    tokio::spawn(async move {
        sender.send("first").await;
        sender.given_up().await;
    });
    Ok(Response::new(body))
}

fn server(streams: u32) -> RawOrigin {
    RawOrigin::start(&[HOST], &["h2"], move |stream: RawStream| async move {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        let _ =
            builder.max_concurrent_streams(streams).serve_connection(TokioIo::new(stream), service_fn(answer)).await;
    })
}

async fn long(tunnel: &Tunnel) -> Streaming {
    let mut streaming = tunnel.get(&format!("https://{HOST}/long")).open().await.expect("it begins");
    assert_eq!(streaming.chunk().await.expect("it goes on").expect("a piece"), "first");
    streaming
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_does_not_wait_behind_streams_that_go_on() {
    for streams in [1, 2, 3] {
        let origin = server(streams);
        let proxy = Proxy::builder().origin(HOST, &origin).start();
        let tunnel = proxy.client().http2().tunnel(&format!("{HOST}:443")).await.expect("a tunnel");
        let mut running = Vec::new();
        for _ in 0..7 {
            running.push(long(&tunnel).await);
            let next = timeout(Duration::from_secs(10), tunnel.get(&format!("https://{HOST}/next")).send());
            assert_eq!(next.await.expect("it does not wait").expect("answered").text(), "ok");
        }
        let expected = 7_usize.div_ceil(streams as usize);
        let connections = origin.records().connections();
        assert!((expected..=expected + 1).contains(&connections), "{streams}: {connections} connections");
    }
}

/// All of them come before the server has told its limit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_at_once_find_as_many_connections_as_they_need() {
    let origin = server(1);
    let proxy = Proxy::builder().origin(HOST, &origin).start();
    let tunnel = proxy.client().http2().tunnel(&format!("{HOST}:443")).await.expect("a tunnel");
    let all = (0..8).map(|_| timeout(Duration::from_secs(15), long(&tunnel)));
    let running = futures_util::future::join_all(all).await;
    assert!(running.iter().all(Result::is_ok), "{:?}", running.iter().map(Result::is_ok).collect::<Vec<_>>());
}
