//! The daemon stops promptly in every state of the pipe.

use std::time::{Duration, Instant};

use super::stage::{HOST, URL, secret};
use crate::support::{Canary, Fifo, Origin, Proxy, Step};

/// How a pipe can keep its reader waiting, and what is shown then.
fn states(text: &str) -> [(&'static str, Vec<Step>); 3] {
    let half = Step::Write(text[..text.len() / 2].to_owned());
    [("unserved", Vec::new()), ("awaiting-approval", vec![Step::Open]), ("awaiting-approval", vec![Step::Open, half])]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_wait_for_the_mount_do_not_hold_up_the_end() {
    let canary = Canary::new();
    for (state, steps) in states(&secret(&canary, HOST)) {
        let origin = Origin::start(&[HOST]);
        let proxy = Proxy::builder().origin(HOST, &origin).secrets_fifo().canary(&canary).start();
        let case = format!("{state}, {} steps", steps.len());
        let _writer = Fifo::script(&proxy.secrets_path(), steps);
        let client = proxy.client();
        let asking = async move { client.get(URL).header("x-api-key", "{{API_KEY}}").send().await };
        let waiting = tokio::spawn(asking);
        proxy.status_becomes(state, |status| status["secrets"]["state"] == state);
        let begun = Instant::now();
        assert!(proxy.stop().success(), "{case}");
        assert!(begun.elapsed() < Duration::from_secs(2), "{case}: stopping took {:?}", begun.elapsed());
        assert_eq!(waiting.await.expect("no panic").expect("answered").status, 403, "{case}");
    }
}
