//! `--deny-private`: a private address is dialled only for a host that some secret lists, and that is
//! remembered when the values are gone.

use std::time::Duration;

use super::stage::{HOST, MISSING};
use crate::support::{Canary, Client, ClientError, Fifo, Origin, Proxy};

/// Both lead to a private address at which nobody is: what matters is whether it is tried.
const LISTED: &str = "listed.example.test";
const UNLISTED: &str = "unlisted.example.test";
const DENIED: &str = "Address 10.255.255.254 of 'unlisted.example.test' may not be dialled: it is a private address";

/// Long after a refusal would have come.
const PATIENCE: Duration = Duration::from_secs(2);

struct Stage {
    proxy: Proxy,
    /// The hosts and reasons of the refusals that must have been recorded.
    refused: Vec<(String, String)>,
}

/// Whether it was tried: any outcome but a refusal.
async fn is_dialled(client: &Client, host: &str) -> bool {
    let request = client.get(&format!("https://{host}/")).header("x-api-key", "no placeholder");
    match request.within(PATIENCE).send().await {
        Ok(answer) => answer.status != 403,
        Err(ClientError::TimedOut(_)) => true,
        Err(error) => panic!("{error}"),
    }
}

impl Stage {
    fn expect(&mut self, host: &str, reason: &str) {
        self.refused.push((host.to_owned(), reason.to_owned()));
    }

    async fn dials(&mut self, listed: bool, case: &str) {
        let client = self.proxy.client();
        let (first, second) = tokio::join!(is_dialled(&client, UNLISTED), is_dialled(&client, LISTED));
        assert_eq!((first, second), (false, listed), "{case}");
        self.expect(UNLISTED, DENIED);
        if !listed {
            self.expect(LISTED, &DENIED.replace(UNLISTED, LISTED));
        }
        let records = self.proxy.audit_lines();
        let refusals = records.iter().filter(|record| record["blocked"] == true);
        let text = |value: &serde_json::Value| value.as_str().expect("text").to_owned();
        let mut told: Vec<_> = refusals.map(|record| (text(&record["host"]), text(&record["reason"]))).collect();
        told.sort();
        self.refused.sort();
        assert_eq!(told, self.refused, "{case}");
    }

    async fn ask(&self) -> u16 {
        let client = self.proxy.client();
        let request = client.get(&format!("https://{HOST}/")).header("x-api-key", "{{API_KEY}}");
        request.send().await.expect("answered").status
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_listed_hosts_may_be_private_also_when_the_values_are_gone() {
    let (canary, origin) = (Canary::new(), Origin::start(&[HOST]));
    let mut builder = Proxy::builder().origin(HOST, &origin).secrets_fifo().canary(&canary);
    for host in [LISTED, UNLISTED] {
        builder = builder.resolve(&format!("{host}:443:10.255.255.254"));
    }
    let proxy = builder.env("SECRET_PROXY_DENY_PRIVATE", "true").start();
    let mut stage = Stage { proxy, refused: Vec::new() };
    let text = |hosts: &str| format!("API_KEY={}\nAPI_KEY_HOSTS={hosts}\n", canary.value());
    stage.dials(false, "nothing is known yet").await;

    let path = stage.proxy.secrets_path();
    let writer = Fifo::serving(&path, &text(&format!("{HOST},{LISTED}")));
    assert_eq!(stage.ask().await, 200);
    stage.dials(true, "listed").await;

    drop(writer);
    std::fs::remove_file(&path).expect("ours");
    stage.proxy.status_becomes("missing", |status| status["secrets"]["state"] == "missing");
    assert_eq!(stage.ask().await, 403);
    stage.expect(HOST, MISSING);
    stage.dials(true, "listed, and the values are gone").await;

    // A read that was not confirmed changes nothing; one that was does.
    crate::support::fifo::make(&path);
    let once = Fifo::once(&path, &text(HOST));
    stage.proxy.cli(&["reload"]);
    stage.proxy.status_becomes("in doubt", |status| status["secrets"]["state"] == "ready");
    drop(once);
    stage.dials(true, "no longer listed, by one read").await;
    let _writer = Fifo::serving(&path, &text(HOST));
    stage.proxy.status_becomes("confirmed", |status| status["secrets"]["detail"] == "");
    stage.dials(false, "no longer listed, by two reads").await;
}
