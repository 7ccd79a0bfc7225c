//! Namespaces: each has its own source and state, and one request may use several.

use std::fs;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::support::canary::base64;
use crate::support::eventually::eventually;
use crate::support::{Canary, Client, Origin, Proxy};

const HOST: &str = "api.example.test";
const URL: &str = "https://api.example.test/v1";
const WITHIN: Duration = Duration::from_secs(20);

/// A secret named `KEY`, as a file.
fn key(canary: &Canary, host: &str) -> String {
    format!("KEY={}\nKEY_HOSTS={host}\n", canary.value())
}

/// Puts a secrets file of a namespace in place in one step.
fn write(dir: &Path, namespace: &str, text: &str) {
    let folder = dir.join("namespaces").join(namespace);
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).expect("made");
    let (fresh, path) = (folder.join("new"), folder.join("secrets.env"));
    let mut options = fs::File::options();
    let file = options.create(true).truncate(true).write(true).mode(0o600).open(&fresh);
    std::io::Write::write_all(&mut file.expect("opened"), text.as_bytes()).expect("written");
    fs::rename(fresh, path).expect("in place");
}

struct Stage {
    default: Canary,
    work: Canary,
    origin: Origin,
    proxy: Proxy,
}

/// `KEY` of two namespaces, each with a value of its own.
fn stage() -> Stage {
    let (default, work) = (Canary::new(), Canary::new());
    let origin = Origin::start(&[HOST]);
    let text = key(&work, HOST);
    let proxy = Proxy::builder()
        .origin(HOST, &origin)
        .secret("KEY", &default, HOST)
        .canary(&work)
        .prepare(move |dir| write(dir, "work", &text))
        .start();
    Stage { default, work, origin, proxy }
}

async fn status(client: &Client, key: &str) -> u16 {
    client.get(URL).header("x-api-key", key).send().await.expect("the proxy answers").status
}

fn namespace(proxy: &Proxy, name: &str) -> Option<Value> {
    let status = proxy.status();
    let all = status["namespaces"].as_array().expect("a list").clone();
    all.into_iter().find(|it| it["name"] == name)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_name_is_looked_up_in_its_own_namespace() {
    let Stage { default, work, origin, proxy } = stage();
    for client in [proxy.client(), proxy.client().http2()] {
        for (placeholder, value) in [("{{KEY}}", &default), ("{{work:KEY}}", &work), ("{{default:KEY}}", &default)] {
            assert_eq!(status(&client, placeholder).await, 200, "{placeholder}");
            assert_eq!(origin.last_request().header("x-api-key"), Some(value.bytes()), "{placeholder}");
        }
        assert_eq!(status(&client, "{{KEY}}-{{work:KEY}}").await, 200);
        let both = format!("{}-{}", default.value(), work.value());
        assert_eq!(origin.last_request().header("x-api-key"), Some(both.as_bytes()));
        let basic = |password: &str| format!("Basic {}", base64(format!("x:{password}").as_bytes()));
        let answer = client.get(URL).header("authorization", basic("{{work:KEY}}")).send().await.expect("answered");
        assert_eq!(answer.status, 200);
        assert_eq!(origin.last_request().header("authorization"), Some(basic(work.value()).as_bytes()));
    }
    let names: Vec<_> = proxy.audit_lines().iter().map(|record| record["secrets"].clone()).collect();
    assert!(
        names.contains(&serde_json::json!(["work:KEY"])) && names.contains(&serde_json::json!(["KEY", "work:KEY"]))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_namespace_is_refused_like_an_unknown_name() {
    let Stage { proxy, origin, .. } = stage();
    let client = proxy.client();
    let mut answers = Vec::new();
    for placeholder in ["{{NONE}}", "{{nope:KEY}}", "{{work:NONE}}", "{{WORK:KEY}}", "{{KEY}}{{nope:KEY}}"] {
        let answer = client.get(URL).header("x-api-key", placeholder).send().await.expect("answered");
        assert_eq!(answer.status, 403, "{placeholder}");
        answers.push(answer.body);
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(origin.connections(), 0);
    let reasons: Vec<_> =
        proxy.audit_lines().iter().filter_map(|it| it["reason"].as_str().map(str::to_owned)).collect();
    for reason in ["Secret not found: NONE", "Namespace not found: nope (for nope:KEY)", "Secret not found: work:NONE"]
    {
        assert!(reasons.iter().any(|it| it == reason), "{reason} in {reasons:?}");
    }
    // No colon, or more than one: ordinary text.
    assert_eq!(status(&client, "{{a:b:KEY}} {{:KEY}} {{work:}}").await, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_that_appears_is_a_namespace_and_one_that_goes_is_none() {
    let Stage { origin, proxy, .. } = stage();
    let client = proxy.client();
    assert_eq!(status(&client, "{{later:KEY}}").await, 403);
    let later = Canary::new();
    proxy.watch(&later);
    write(proxy.dir(), "later", &key(&later, HOST));
    eventually(WITHIN, "the new namespace is read", || {
        namespace(&proxy, "later").is_some_and(|it| it["state"] == "ready")
    });
    assert_eq!(status(&client, "{{later:KEY}}").await, 200);
    assert_eq!(origin.last_request().header("x-api-key"), Some(later.bytes()));
    // No event of the file says that its folder has another name.
    let folders = proxy.dir().join("namespaces");
    fs::rename(folders.join("later"), folders.join("moved")).expect("ours");
    eventually(WITHIN, "the namespace is read under its new name", || {
        namespace(&proxy, "moved").is_some_and(|it| it["state"] == "ready")
    });
    assert_eq!(namespace(&proxy, "later"), None);
    assert_eq!(status(&client, "{{later:KEY}}").await, 403);
    assert_eq!(status(&client, "{{moved:KEY}}").await, 200);
    fs::remove_dir_all(folders.join("moved")).expect("ours");
    eventually(WITHIN, "the namespace is gone", || namespace(&proxy, "moved").is_none());
    assert_eq!(status(&client, "{{moved:KEY}}").await, 403);
    assert_eq!(status(&client, "{{work:KEY}}").await, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_namespace_that_is_broken_or_locked_holds_up_no_other() {
    let Stage { work, origin, proxy, .. } = stage();
    write(proxy.dir(), "broken", "KEY value\n");
    let folder = proxy.dir().join("namespaces/locked");
    fs::DirBuilder::new().mode(0o700).create(&folder).expect("made");
    crate::support::fifo::make(&folder.join("secrets.env"));
    eventually(WITHIN, "both are seen", || {
        let is = |name, state| namespace(&proxy, name).is_some_and(|it| it["state"] == state);
        is("broken", "malformed") && is("locked", "idle")
    });
    let waiting = tokio::spawn({
        let client = proxy.client();
        async move { status(&client, "{{KEY}}{{locked:KEY}}").await }
    });
    eventually(WITHIN, "the pipe is waited for", || {
        namespace(&proxy, "locked").is_some_and(|it| it["state"] == "unserved")
    });
    let client = proxy.client();
    assert_eq!(status(&client, "{{work:KEY}}").await, 200);
    assert_eq!(origin.last_request().header("x-api-key"), Some(work.bytes()));
    assert_eq!(status(&client, "{{broken:KEY}}").await, 403);
    assert_eq!(tokio::time::timeout(Duration::from_secs(30), waiting).await.expect("in time").expect("no panic"), 403);
    let reasons: Vec<_> =
        proxy.audit_lines().iter().filter_map(|it| it["reason"].as_str().map(str::to_owned)).collect();
    let has = |start: &str| reasons.iter().any(|it| it.starts_with(start));
    assert!(has("Namespace broken: Secrets cannot be read: line 1"), "{reasons:?}");
    assert!(has("Namespace locked: Secrets are locked"), "{reasons:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_and_status_show_every_namespace_and_no_value() {
    let Stage { proxy, .. } = stage();
    write(proxy.dir(), "odd name", "");
    eventually(WITHIN, "it is read", || {
        namespace(&proxy, "work").is_some_and(|it| it["names"] == serde_json::json!(["KEY"]))
    });
    let check = proxy.cli(&["check"]);
    let (out, err) = (String::from_utf8_lossy(&check.stdout), String::from_utf8_lossy(&check.stderr));
    assert!(out.contains("namespace work") && out.contains("KEY  api.example.test"), "{out}");
    assert!(err.contains("odd name: rename it"), "{err}");
    let check = proxy.cli(&["check", "--json", "--namespace", "work"]);
    let json: Value = serde_json::from_slice(&check.stdout).expect("JSON");
    assert_eq!((json["namespace"].as_str(), json["secrets"][0]["name"].as_str()), (Some("work"), Some("KEY")));
    let missing = proxy.cli(&["check", "--namespace", "nope"]);
    let err = String::from_utf8_lossy(&missing.stderr).into_owned();
    assert!(missing.status.code() == Some(1) && err.contains("there is no namespace nope"), "{err}");
    let status = proxy.cli(&["status"]);
    let out = String::from_utf8_lossy(&status.stdout).into_owned();
    assert!(out.contains("  work      ready"), "{out}");
}
