//! Unknown, missing, locked or malformed secrets refuse only requests with placeholders.

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use crate::support::{Canary, Client, Fifo, Origin, Proxy, ProxyBuilder};

const HOST: &str = "api.example.test";
const URL: &str = "https://api.example.test/";

async fn status(client: &Client, key: &str) -> u16 {
    client.get(URL).header("x-api-key", key).send().await.expect("the proxy answers").status
}

fn secrets(canary: &Canary) -> String {
    format!("API_KEY={}\nAPI_KEY_HOSTS={HOST}\n", canary.value())
}

fn builder(origin: &Origin, canary: &Canary) -> ProxyBuilder {
    Proxy::builder().origin(HOST, origin).canary(canary)
}

/// Refused with a placeholder, served without one.
async fn assert_closed(proxy: &Proxy, origin: &Origin, case: &str) {
    let before = origin.requests().len();
    assert_eq!(status(&proxy.client(), "{{API_KEY}}").await, 403, "{case}");
    assert_eq!(origin.requests().len(), before, "{case}");
    assert_eq!(status(&proxy.client(), "no placeholder").await, 200, "{case}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_says_too_little_or_too_much_injects_nothing() {
    let canary = Canary::new();
    let value = canary.value();
    let cases = [
        ("no such secret", format!("OTHER={value}\nOTHER_HOSTS={HOST}\n")),
        ("no hosts", format!("API_KEY={value}\n")),
        ("another host", format!("API_KEY={value}\nAPI_KEY_HOSTS=other.example.test\n")),
        ("another port", format!("API_KEY={value}\nAPI_KEY_HOSTS={HOST}:8443\n")),
        ("a bad entry", format!("API_KEY={value}\nAPI_KEY_HOSTS={HOST},*.com\n")),
        ("an empty value", format!("API_KEY=\nAPI_KEY_HOSTS={HOST}\n# {value}\n")),
        ("a line end in the value", format!("API_KEY=\"{value}\\r\\nx: y\"\nAPI_KEY_HOSTS={HOST}\n")),
        ("a malformed line below", format!("API_KEY={value}\nAPI_KEY_HOSTS={HOST}\nbroken line\n")),
        ("an open quote", format!("API_KEY='{value}\nAPI_KEY_HOSTS={HOST}\n")),
        ("two values", format!("API_KEY={value}\nAPI_KEY=x\nAPI_KEY_HOSTS={HOST}\n")),
    ];
    let origin = Origin::start(&[HOST]);
    let proxy = builder(&origin, &canary).secrets_text("").start();
    for (case, text) in &cases {
        proxy.write_secrets(text);
        proxy.cli(&["reload"]);
        assert_closed(&proxy, &origin, case).await;
    }
    assert_eq!(origin.find(&canary), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_goes_away_or_is_open_to_others_injects_nothing() {
    let canary = Canary::new();
    let origin = Origin::start(&[HOST]);
    let proxy = builder(&origin, &canary).secrets_text(&secrets(&canary)).start();
    assert_eq!(status(&proxy.client(), "{{API_KEY}}").await, 200);

    let path = proxy.secrets_path();
    std::fs::remove_file(&path).expect("ours");
    proxy.status_becomes("missing", |status| status["secrets"]["state"] == "missing");
    assert_closed(&proxy, &origin, "missing").await;

    proxy.write_secrets(&secrets(&canary));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("ours");
    proxy.status_becomes("unsafe", |status| status["secrets"]["state"] == "unsafe");
    assert_closed(&proxy, &origin, "open to others").await;

    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("ours");
    proxy.status_becomes("ready", |status| status["secrets"]["state"] == "ready");
    assert_eq!(status(&proxy.client(), "{{API_KEY}}").await, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_file_is_in_force_for_the_next_request_of_an_open_connection() {
    let (old, new) = (Canary::new(), Canary::new());
    let origin = Origin::start(&[HOST]);
    let proxy = builder(&origin, &new).secrets_text(&secrets(&old)).canary(&old).start();
    let tunnel = proxy.client().tunnel("api.example.test:443").await.expect("a tunnel");
    let send = async |expected: u16| {
        let answer = tunnel.get(URL).header("x-api-key", "{{API_KEY}}").send().await.expect("answered");
        assert_eq!(answer.status, expected);
    };
    send(200).await;
    assert_eq!(origin.last_request().header("x-api-key"), Some(old.bytes()));
    proxy.write_secrets(&secrets(&new));
    crate::support::eventually_async(Duration::from_secs(2), "the new value", async || {
        send(200).await;
        origin.last_request().header("x-api-key") == Some(new.bytes())
    })
    .await;
    proxy.write_secrets("OTHER=x\n");
    crate::support::eventually_async(Duration::from_secs(2), "a refusal", async || {
        let answer = tunnel.get(URL).header("x-api-key", "{{API_KEY}}").send().await.expect("answered");
        answer.status == 403
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pipe_that_nobody_serves_costs_one_refusal_and_holds_up_nobody() {
    let canary = Canary::new();
    let origin = Origin::start(&[HOST]);
    let proxy = builder(&origin, &canary).secrets_fifo().start();
    let begun = Instant::now();
    let client = proxy.client();
    let locked = tokio::spawn(async move { status(&client, "{{API_KEY}}").await });
    for _ in 0..100 {
        assert_eq!(status(&proxy.client(), "no placeholder").await, 200);
    }
    assert!(!locked.is_finished(), "a hundred requests went by while one was waiting");
    assert_eq!(locked.await.expect("no panic"), 403);
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
    assert_eq!(proxy.status()["secrets"]["state"], "unserved");

    let writer = Fifo::serving(&proxy.secrets_path(), &secrets(&canary));
    assert_eq!(status(&proxy.client(), "{{API_KEY}}").await, 200, "served as soon as there is a writer");
    assert_eq!(origin.last_request().header("x-api-key"), Some(canary.bytes()));
    assert_eq!(status(&proxy.client(), "{{API_KEY}}").await, 200);
    assert_eq!(writer.opens(), 1, "the person is not asked for each request");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_wait_for_one_approval_share_one_read() {
    let canary = Canary::new();
    let origin = Origin::start(&[HOST]);
    let proxy = builder(&origin, &canary).secrets_fifo().start();
    let writer = Fifo::awaiting_approval(&proxy.secrets_path(), &secrets(&canary));
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let client = proxy.client();
        waiting.spawn(async move { status(&client, "{{API_KEY}}").await });
    }
    proxy.status_becomes("a prompt", |status| status["secrets"]["state"] == "awaiting-approval");
    writer.approve();
    assert_eq!(waiting.join_all().await, vec![200; 20]);
    assert_eq!(writer.opens(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_declined_prompt_is_a_refusal_at_once() {
    let canary = Canary::new();
    let origin = Origin::start(&[HOST]);
    let proxy = builder(&origin, &canary).secrets_fifo().start();
    let _writer = Fifo::declining(&proxy.secrets_path());
    assert_closed(&proxy, &origin, "declined").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_read_is_not_used() {
    let canary = Canary::new();
    let origin = Origin::start(&[HOST]);
    let proxy = builder(&origin, &canary).secrets_fifo().env("SECRET_PROXY_SECRETS_TTL", "0").start();
    let writer = Fifo::serving(&proxy.secrets_path(), &secrets(&canary));
    for reads in 1..=3 {
        assert_eq!(status(&proxy.client(), "{{API_KEY}}").await, 200);
        assert_eq!(writer.opens(), reads, "with a time of 0, one read a request");
    }
}
