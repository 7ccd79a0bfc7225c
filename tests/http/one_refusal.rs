//! Every refusal is the same, save one random id; what failed upstream is constant too.

use std::collections::HashSet;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{Canary, Origin, Proxy};

const BODY: &str = "403 Forbidden\n\nRequest blocked by secret-proxy policy.\n\n\
                    If you believe this is an error, check the proxy logs on the host.\n";
const HOST: &str = "api.example.test";

fn proxy(origin: &Origin, canary: &Canary) -> Proxy {
    Proxy::builder()
        .origin(HOST, origin)
        .origin("other.example.test", origin)
        .secret("API_KEY", canary, HOST)
        .secret("NO_HOSTS", canary, "")
        // An address that is denied although the network is allowed for the tests.
        .resolve("metadata.example.test:443:169.254.169.254")
        .start()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_differ_in_nothing_but_their_id() {
    let canary = Canary::new();
    let origin = Origin::start(&[HOST, "other.example.test"]);
    let proxy = proxy(&origin, &canary);
    let causes = [
        ("https://other.example.test/", "x-api-key", "{{API_KEY}}"),
        ("https://api.example.test/", "x-api-key", "{{UNKNOWN}}"),
        ("https://api.example.test/", "x-api-key", "{{NO_HOSTS}}"),
        ("https://api.example.test/", "x-api-key", "{{API_KEY_HOSTS}}"),
        ("https://api.example.test/", "via", "{{API_KEY}}"),
        ("https://api.example.test/", "x-api-key", "{{API_KEY}}{{UNKNOWN}}"),
        ("https://metadata.example.test/", "x-plain", "no placeholder"),
    ];
    for client in [proxy.client(), proxy.client().http2()] {
        let mut ids = HashSet::new();
        let mut heads = HashSet::new();
        for (url, name, value) in causes {
            let answer = client.get(url).header(name, value).send().await.expect("answered");
            assert_eq!((answer.status, answer.text().as_str()), (403, BODY), "{url} {name}: {value}");
            let id = answer.header("x-secret-proxy-id").expect("an id").to_owned();
            assert!(id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
            let head: Vec<_> = answer.headers.iter().map(|(name, value)| format!("{name}: {value:?}")).collect();
            heads.insert(head.join("\n").replace(&id, "ID"));
            ids.insert(id);
        }
        assert_eq!((ids.len(), heads.len()), (causes.len(), 1), "{heads:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_reason_stands_on_the_host_under_the_id() {
    let canary = Canary::new();
    let origin = Origin::start(&[HOST, "other.example.test"]);
    let proxy = proxy(&origin, &canary);
    let request = proxy.client().get("https://other.example.test/steal?q=1").header("x-api-key", "{{API_KEY}}");
    let answer = request.send().await.expect("answered");
    let records = proxy.audit_lines();
    let record = &records[0];
    assert_eq!(record["id"], answer.header("x-secret-proxy-id").expect("an id"));
    assert_eq!(record["reason"], "Host 'other.example.test' not allowed for API_KEY");
    assert_eq!((&record["path"], &record["method"]), (&"/steal".into(), &"GET".into()));
    let why = proxy.cli(&["why", record["id"].as_str().expect("text")]);
    assert!(String::from_utf8_lossy(&why.stdout).contains("not allowed for API_KEY"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn destinations_that_disagree_are_refused() {
    let canary = Canary::new();
    let origin = Origin::start(&[HOST, "other.example.test"]);
    let proxy = proxy(&origin, &canary);
    let forged = |version2: bool| {
        let client = if version2 { proxy.client().http2() } else { proxy.client() };
        let request = || client.get("https://api.example.test/").header("x-api-key", "{{API_KEY}}");
        let authority = if version2 {
            request().authority("other.example.test")
        } else {
            request().host_header("other.example.test")
        };
        let server_name = request().sni(Some("other.example.test"));
        [authority, server_name]
    };
    for request in forged(false).into_iter().chain(forged(true)) {
        let answer = request.send().await;
        // The client of the harness does not accept a leaf for another name than it asked for.
        if let Ok(answer) = answer {
            assert_eq!(answer.status, 403);
        }
    }
    assert!(origin.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_is_still_uploading_sees_the_refusal() {
    let canary = Canary::new();
    let origin = Origin::start(&[HOST, "other.example.test"]);
    let proxy = proxy(&origin, &canary);
    let request = proxy.client().request("POST", "https://other.example.test/").header("x-api-key", "{{API_KEY}}");
    let answer = request.body(vec![b'x'; 900_000]).send().await.expect("answered");
    assert_eq!((answer.status, answer.text().as_str()), (403, BODY));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fails_upstream_is_told_without_detail() {
    let canary = Canary::new();
    let origin = Origin::start(&[HOST]);
    let dead = Origin::start(&["dead.example.test"]);
    let proxy = Proxy::builder()
        .origin("dead.example.test", &dead)
        .origin(HOST, &origin)
        .resolve("wrong.example.test:443:127.0.0.1:1")
        .secret("API_KEY", &canary, "*.example.test")
        .start();
    dead.stop();
    let mut answers = HashSet::new();
    for host in ["dead.example.test", "wrong.example.test", "unknown.example.test"] {
        let request = proxy.client().get(&format!("https://{host}/")).header("x-api-key", "{{API_KEY}}");
        let answer = request.send().await.expect("answered");
        assert_eq!(answer.status, 502, "{host}");
        answers.insert((format!("{:?}", answer.headers), answer.text()));
    }
    assert_eq!(answers.len(), 1, "{answers:?}");
    let lines = proxy.audit_lines();
    assert_eq!(lines.len(), 6, "a permit and what became of it, for each");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_a_proxy_request_gets_400() {
    let origin = Origin::start(&[HOST]);
    let proxy = Proxy::builder().origin(HOST, &origin).start();
    let requests = [
        "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        "GET https://api.example.test/ HTTP/1.1\r\nHost: api.example.test\r\n\r\n",
        "GET ftp://api.example.test/ HTTP/1.1\r\nHost: api.example.test\r\n\r\n",
        "GET http://user@api.example.test/ HTTP/1.1\r\nHost: api.example.test\r\n\r\n",
        "CONNECT api.example.test HTTP/1.1\r\nHost: api.example.test\r\n\r\n",
        "CONNECT http://api.example.test:443 HTTP/1.1\r\nHost: api.example.test\r\n\r\n",
        "CONNECT user@api.example.test:443 HTTP/1.1\r\nHost: api.example.test\r\n\r\n",
        "CONNECT api%example.test:443 HTTP/1.1\r\nHost: api.example.test\r\n\r\n",
        "NONSENSE\r\n\r\n",
    ];
    for request in requests {
        let mut stream = proxy.client().raw().await.expect("the port is open");
        stream.write_all(request.as_bytes()).await.expect("written");
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.expect("answered");
        assert_eq!(&answer, b"HTTP/1.1 400", "{request:?}");
    }
    assert_eq!(origin.connections(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_only_collects_refusals_is_cut_off() {
    let canary = Canary::new();
    let origin = Origin::start(&[HOST]);
    let proxy = proxy(&origin, &canary);
    for client in [proxy.client(), proxy.client().http2()] {
        let tunnel = client.tunnel("api.example.test:443").await.expect("a tunnel");
        let mut refused = 0;
        while refused < 1000 && !tunnel.is_closed() {
            match tunnel.get("https://api.example.test/").header("x-api-key", "{{UNKNOWN}}").send().await {
                Ok(answer) if answer.status == 403 => refused += 1,
                Ok(answer) => panic!("{answer:?}"),
                Err(_) => break,
            }
        }
        assert!((100..200).contains(&refused), "{refused}");
        let request = client.get("https://api.example.test/").header("x-api-key", "{{API_KEY}}");
        assert_eq!(request.send().await.expect("answered").status, 200, "it may come again");
    }
}
