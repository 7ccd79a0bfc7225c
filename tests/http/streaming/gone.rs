//! An end that goes away is missed at the other end at once, at each stage and over every route; and what was
//! cut off never looks whole.

use std::time::Duration;

use tokio::time::timeout;

use crate::support::body::BodySender;
use crate::support::routes_matrix::{ProxyRoute, Stage};
use crate::support::scripted_origin::Call;
use crate::support::{Request, Tunnel};

/// At once, on a busy machine.
const AT_ONCE: Duration = Duration::from_secs(3);

async fn at_once<T>(what: &str, route: ProxyRoute, waiting: impl Future<Output = T>) -> T {
    timeout(AT_ONCE, waiting).await.unwrap_or_else(|_| panic!("{route:?}: {what}"))
}

/// How a client goes: its whole connection, or in HTTP/2 one stream of it.
async fn ways_to_go(stage: &Stage) -> Vec<Option<Tunnel>> {
    let kept = if stage.route.is_http2() { Some(stage.tunnel().await) } else { None };
    [None, kept].into_iter().take(if stage.route.is_http2() { 2 } else { 1 }).collect()
}

fn request(stage: &Stage, kept: Option<&Tunnel>, method: &str) -> Request {
    match kept {
        Some(tunnel) => stage.inside(tunnel, method, "/"),
        None => stage.request(method, "/"),
    }
}

/// An upload whose first piece has arrived.
async fn uploading(stage: &Stage, kept: Option<&Tunnel>) -> (tokio::task::JoinHandle<()>, BodySender, Call) {
    let (request, body) = request(stage, kept, "POST").streaming();
    let sending = tokio::spawn(async move { drop(request.open().await) });
    assert!(body.send("first").await);
    let mut call = stage.origin.next().await;
    assert_eq!(call.body.piece().await.expect("not cut off").as_deref(), Some(b"first".as_slice()));
    (sending, body, call)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_goes_before_its_answer_is_missed() {
    for route in ProxyRoute::ALL {
        let stage = route.stage();
        for kept in ways_to_go(&stage).await {
            let asking = tokio::spawn(request(&stage, kept.as_ref(), "GET").open());
            let mut call = stage.origin.next().await;
            asking.abort();
            at_once("the origin is told", route, call.given_up()).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_goes_in_its_upload_is_missed_and_what_came_is_not_whole() {
    for route in ProxyRoute::ALL {
        let stage = route.stage();
        for kept in ways_to_go(&stage).await {
            let (sending, _body, mut call) = uploading(&stage, kept.as_ref()).await;
            sending.abort();
            let rest = at_once("the origin is told", route, call.body.piece()).await;
            assert!(rest.is_err(), "{route:?}: {rest:?}");
        }
        let (_sending, body, mut call) = uploading(&stage, None).await;
        body.abort().await;
        let rest = at_once("the origin is told", route, call.body.piece()).await;
        assert!(rest.is_err(), "{route:?}: {rest:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_goes_in_its_download_is_missed() {
    for route in ProxyRoute::ALL {
        let stage = route.stage();
        for kept in ways_to_go(&stage).await {
            let asking = request(&stage, kept.as_ref(), "GET");
            let (answer, origin) = tokio::join!(asking.open(), async { stage.origin.next().await.begin(200, &[]).0 });
            let mut answer = answer.expect("a head");
            assert!(origin.send("first").await);
            assert_eq!(answer.chunk().await.expect("not cut off").as_deref(), Some(b"first".as_slice()));
            drop(answer);
            at_once("the origin is told", route, origin.given_up()).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_origin_that_goes_before_its_answer_is_a_bad_gateway() {
    for route in ProxyRoute::ALL {
        let stage = route.stage();
        let asking = tokio::spawn(stage.request("POST", "/").body("x").send());
        let _call = stage.origin.next().await;
        stage.origin.stop();
        let answer = at_once("the client is told", route, asking).await.expect("no panic").expect("an answer");
        assert_eq!(answer.status, 502, "{route:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_origin_that_goes_in_an_upload_stops_it() {
    for route in ProxyRoute::ALL {
        let stage = route.stage();
        let (_sending, body, _call) = uploading(&stage, None).await;
        stage.origin.stop();
        at_once("the upload is stopped", route, body.given_up()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_cut_off_is_not_whole() {
    for route in ProxyRoute::ALL {
        let stage = route.stage();
        for fields in [&[][..], &[("content-length", "10")]] {
            let (answer, origin) = tokio::join!(stage.request("GET", "/").open(), async {
                stage.origin.next().await.begin(200, fields).0
            });
            let mut answer = answer.expect("a head");
            assert!(origin.send("first").await);
            assert_eq!(answer.chunk().await.expect("not cut off").as_deref(), Some(b"first".as_slice()));
            origin.abort().await;
            let rest = at_once("the client is told", route, answer.chunk()).await;
            assert!(rest.is_err(), "{route:?} {fields:?}: {rest:?}");
        }
    }
}
