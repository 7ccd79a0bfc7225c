//! Many requests at a time: one open for all of them, and a daemon that stays well however long nobody
//! serves its pipe.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::stage::{HOST, LOCKED, Stage, URL};
use crate::support::{Fifo, FileOpens, Step, Tunnel};

/// How many requests one connection carries: below what a client may have refused.
const PER_TUNNEL: usize = 50;

async fn tunnel(stage: &Stage) -> Tunnel {
    stage.proxy.client().http2().tunnel(&format!("{HOST}:443")).await.expect("a tunnel")
}

async fn ask(tunnel: Tunnel) -> (u16, Duration) {
    let begun = Instant::now();
    let answer = tunnel.get(URL).header("x-api-key", "{{API_KEY}}").send().await.expect("answered");
    (answer.status, begun.elapsed())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_requests_share_one_open() {
    let stage = Stage::new();
    let mut tunnels = Vec::new();
    for _ in 0..500 / PER_TUNNEL {
        tunnels.push(tunnel(&stage).await);
    }
    let (mut opens, mut asking) = (FileOpens::of(&stage.path()), JoinSet::new());
    for tunnel in &tunnels {
        (0..PER_TUNNEL).for_each(|_| drop(asking.spawn(ask(tunnel.clone()))));
    }
    stage.becomes("unserved").await;
    assert!(opens.count().is_none_or(|opens| opens == 1));
    let steps = [Step::Open, Step::Wait(Duration::from_secs(2)), Step::Write(stage.text()), Step::Close];
    let writer = Fifo::script(&stage.path(), steps.to_vec());
    let answers = asking.join_all().await;
    assert!(answers.iter().all(|(status, _)| *status == 200), "{:?}", stage.reasons());
    let key = |request: &&crate::support::Recorded| request.header("x-api-key") == Some(stage.canary.bytes());
    assert_eq!((answers.len(), stage.origin.requests().iter().filter(key).count()), (500, 500));
    assert_eq!(writer.opens(), 1);
    stage.went_through("idle unserved awaiting-approval ready");
    stage.end().await;
}

/// How long nobody serves the pipe: a minute if `SECRET_PROXY_LONG` is set.
fn drought() -> Duration {
    Duration::from_secs(if std::env::var_os("SECRET_PROXY_LONG").is_some() { 60 } else { 12 })
}

/// Fifty requests a second.
const PACE: Duration = Duration::from_millis(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pipe_that_nobody_serves_is_hardly_opened_and_soon_served_again() {
    let stage = Stage::new();
    let (mut opens, mut asking) = (FileOpens::of(&stage.path()), JoinSet::new());
    let (mut pace, begun) = (tokio::time::interval(PACE), Instant::now());
    while begun.elapsed() < drought() {
        let tunnel = tunnel(&stage).await;
        for _ in 0..PER_TUNNEL {
            pace.tick().await;
            asking.spawn(ask(tunnel.clone()));
        }
    }
    stage.becomes("unserved").await;
    let answers = asking.join_all().await;
    assert!(answers.len() as u64 >= drought().as_secs() * 50, "{} requests", answers.len());
    let slowest = answers.iter().map(|(_, took)| *took).max().expect("answers");
    assert!(answers.iter().all(|(status, _)| *status == 403) && slowest < Duration::from_secs(6), "{slowest:?}");
    println!("{} requests, the slowest took {slowest:?}, opens: {:?}", answers.len(), opens.count());
    let reasons = stage.reasons();
    assert!(reasons.len() == answers.len() && reasons.iter().all(|reason| reason == LOCKED));
    assert!(opens.count().is_none_or(|opens| (1..=4).contains(&opens)), "{:?} opens", opens.count());

    let writer = Fifo::serving(&stage.path(), &stage.text());
    let served = async || ask(tunnel(&stage).await).await.0 == 200;
    crate::support::eventually_async(Duration::from_secs(1), "service again", served).await;
    assert_eq!(writer.opens(), 1);
    stage.went_through("idle unserved awaiting-approval? ready");
    stage.end().await;
}
