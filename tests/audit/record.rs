//! No record, no request: a secret leaves only after its audit line stands in the file.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use crate::support::{Canary, Client, Origin, Proxy, eventually};

const HOST: &str = "api.example.test";

async fn status(client: &Client, path: &str, key: &str) -> u16 {
    let request = client.get(&format!("https://{HOST}{path}")).header("x-api-key", key);
    request.send().await.expect("the proxy answers").status
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_record_stands_in_the_file_when_the_origin_gets_the_request() {
    let canary = Canary::new();
    let audit: Arc<OnceLock<PathBuf>> = Arc::default();
    let missing: Arc<Mutex<Vec<String>>> = Arc::default();
    let (file, unrecorded) = (audit.clone(), missing.clone());
    let origin = Origin::builder(&[HOST])
        .on_request(move |request| {
            let text = file.get().and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
            if !text.contains(&format!("\"{}\"", request.path)) {
                unrecorded.lock().expect("no panic").push(request.path.clone());
            }
        })
        .start();
    let proxy = Proxy::builder().origin(HOST, &origin).secret("API_KEY", &canary, HOST).start();
    audit.set(proxy.dir().join("audit.log")).expect("once");
    let mut clients = tokio::task::JoinSet::new();
    for number in 0..8 {
        let client = if number % 2 == 0 { proxy.client() } else { proxy.client().http2() };
        clients.spawn(async move {
            for request in 0..25 {
                let path = format!("/client/{number}/request/{request}");
                assert_eq!(status(&client, &path, "{{API_KEY}}").await, 200);
            }
        });
    }
    clients.join_all().await;
    assert_eq!(*missing.lock().expect("no panic"), [""; 0]);
    assert_eq!((proxy.audit_lines().len(), origin.requests().len()), (200, 200));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_have_the_fields_that_people_parse_in_their_order() {
    let canary = Canary::new();
    let origin = Origin::start(&[HOST]);
    let proxy = Proxy::builder().origin(HOST, &origin).secret("API_KEY", &canary, HOST).start();
    assert_eq!(status(&proxy.client(), "/v1/messages?secret=query", "{{API_KEY}}").await, 200);
    assert_eq!(status(&proxy.client(), "/steal", "{{OTHER}}").await, 403);
    assert_eq!(status(&proxy.client(), "/plain", "no placeholder").await, 200);
    let text = std::fs::read_to_string(proxy.dir().join("audit.log")).expect("written");
    let shapes = [
        "\"secrets\":[\"API_KEY\"],\"method\":\"GET\",\"host\":\"api.example.test\",\"path\":\"/v1/messages\",\
         \"blocked\":false,\"id\":",
        "\"secrets\":[\"OTHER\"],\"method\":\"GET\",\"host\":\"api.example.test\",\"path\":\"/steal\",\
         \"blocked\":true,\"reason\":\"Secret not found: OTHER\",\"id\":",
    ];
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), shapes.len(), "a request without placeholders has no record");
    for (line, shape) in lines.iter().zip(shapes) {
        let rest = line.strip_prefix("{\"timestamp\":\"").expect("the timestamp is first");
        let (timestamp, rest) = rest.split_once("\",").expect("and ends");
        assert_eq!((timestamp.len(), &timestamp[19..]), (20, "Z"), "{timestamp}");
        assert!(rest.starts_with(shape), "{rest}");
    }
    // The log is written on a thread of its own.
    let mirror = eventually(Duration::from_secs(10), "both lines are mirrored", || {
        let text = proxy.log_text();
        let mirror: Vec<_> =
            text.lines().filter(|line| line.contains("secret-proxy-audit")).map(str::to_owned).collect();
        (mirror.len() == 2).then_some(mirror)
    });
    assert!(mirror[0].contains("INFO") && mirror[0].ends_with(lines[0]), "{mirror:?}");
    assert!(mirror[1].contains("WARN") && mirror[1].ends_with(lines[1]), "{mirror:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_recorded_is_refused_until_it_can() {
    let canary = Canary::new();
    let origin = Origin::start(&[HOST]);
    let proxy = Proxy::builder().origin(HOST, &origin).secret("API_KEY", &canary, HOST).start();
    assert_eq!(status(&proxy.client(), "/1", "{{API_KEY}}").await, 200);
    let path = proxy.dir().join("audit.log");
    std::fs::remove_file(&path).expect("ours");
    std::fs::create_dir(&path).expect("in the way");

    assert_eq!(status(&proxy.client(), "/2", "{{API_KEY}}").await, 403);
    assert_eq!(status(&proxy.client(), "/3", "no placeholder").await, 200);
    let report = proxy.status();
    assert!(report["audit"]["last_error"].is_string() && report["audit"]["unrecorded"] == 1, "{report}");
    assert_eq!(proxy.cli(&["status"]).status.code(), Some(1));

    std::fs::remove_dir(&path).expect("ours");
    assert_eq!(status(&proxy.client(), "/4", "{{API_KEY}}").await, 200);
    assert!(proxy.status()["audit"]["last_error"].is_null());
    let paths: Vec<_> = origin.requests().into_iter().map(|request| request.path).collect();
    assert_eq!(paths, ["/1", "/3", "/4"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_not_well_formed_has_a_record_if_it_asks_for_a_secret() {
    let canary = Canary::new();
    let origin = Origin::start(&[HOST]);
    let proxy = Proxy::builder().origin(HOST, &origin).secret("API_KEY", &canary, HOST).start();
    for key in ["no placeholder", "{{API_KEY}}"] {
        let request = proxy.client().get("https://api.example.test/twice").header("host", HOST);
        let answer = request.header("x-api-key", key).send().await.expect("answered");
        assert_eq!(answer.status, 400, "two Hosts");
    }
    let records = proxy.audit_lines();
    assert_eq!((records.len(), &records[0]["reason"]), (1, &"Request is not well-formed".into()));
    assert!(origin.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_goes_away_has_its_record_all_the_same() {
    let origin = Origin::start(&[HOST]);
    for http2 in [false, true] {
        // Nobody serves the pipe: the request waits for a verdict.
        let proxy = Proxy::builder().origin(HOST, &origin).secrets_fifo().start();
        let client = if http2 { proxy.client().http2() } else { proxy.client() };
        let request = tokio::spawn(async move { status(&client, "/gone", "{{API_KEY}}").await });
        proxy.status_becomes("the request waits", |report| report["secrets"]["state"] == "unserved");
        request.abort();
        let record = || proxy.audit_lines().pop();
        let record = eventually(Duration::from_secs(2), "its record", record);
        assert_eq!((&record["reason"], &record["path"]), (&"Client went away".into(), &"/gone".into()));
    }
    assert!(origin.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hostile_request_cannot_write_a_line_of_its_own() {
    let canary = Canary::new();
    let origin = Origin::start(&[HOST]);
    let proxy = Proxy::builder().origin(HOST, &origin).secret("API_KEY", &canary, HOST).start();
    let path = "/%0a{\"blocked\":false}%1b[2J\u{2028}\u{202e}".replace('"', "%22").replace(['{', '}'], "%7b");
    let long = format!("/{}", "x".repeat(20_000));
    for path in [path.as_str(), long.as_str()] {
        let request = proxy.client().request("BREW", &format!("https://{HOST}{path}"));
        let _ = request.header("x-api-key", "{{UNKNOWN}}").send().await;
    }
    let text = std::fs::read_to_string(proxy.dir().join("audit.log")).expect("written");
    assert_eq!(text.lines().count(), proxy.audit_lines().len());
    assert!(text.lines().all(|line| line.len() < 4096 && !line.chars().any(char::is_control)));
    assert!(text.is_ascii(), "{text}");
}
