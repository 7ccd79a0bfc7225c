//! The log, memory and files of the process, which other users cannot read.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use crate::support::wire::WITHIN;
use crate::support::{Canary, Origin, Proxy, eventually};

const HOST: &str = "api.example.test";
const URL: &str = "https://api.example.test/echo";

/// Everything that can be logged, the libraries' innermost modules too.
const EVERYTHING: &str = "trace,hyper::proto=trace,hyper::client=trace,hyper_util::rt=trace,h2::codec=trace,\
    h2::hpack=trace,h2::proto=trace,rustls::conn=trace,rustls::client=trace,rustls::server=trace,\
    tokio_rustls=trace,ractor::actor=trace,notify::inotify=trace,secret_proxy=trace,actors=trace,policy=trace";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_level_of_the_log_shows_a_value() {
    let (canary, origin) = (Canary::new(), Origin::start(&[HOST]));
    let builder = Proxy::builder().origin(HOST, &origin).env("SECRET_PROXY_LOG", EVERYTHING);
    let proxy = builder.secret("API_KEY", &canary, HOST).start();
    for client in [proxy.client(), proxy.client().http2()] {
        for key in ["{{API_KEY}}", "{{OTHER}}", "Basic eDp7e0FQSV9LRVl9fQ=="] {
            client.get(URL).header("authorization", key).send().await.expect("answered");
        }
    }
    proxy.write_secrets(&format!("API_KEY={}\nAPI_KEY_HOSTS", canary.value()));
    proxy.status_becomes("malformed", |status| status["secrets"]["state"] == "malformed");
    eventually(WITHIN, "libraries are heard", || proxy.log_text().contains("h2::codec::framed_write"));
    // That the value is in none of it is what the end of the proxy checks.
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_is_never_dumped_and_files_are_private() {
    let (canary, origin) = (Canary::new(), Origin::start(&[HOST]));
    let proxy = Proxy::builder().origin(HOST, &origin).secret("API_KEY", &canary, HOST).unix_listener().start();
    let answer = proxy.client().get(URL).header("x-api-key", "{{API_KEY}}").send().await.expect("answered");
    assert_eq!(answer.status, 200);
    if cfg!(target_os = "linux") {
        let limits = fs::read_to_string(format!("/proc/{}/limits", proxy.pid())).expect("of our own child");
        let core = limits.lines().find(|line| line.starts_with("Max core file size")).expect("a core limit");
        assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
        // The files of a process that cannot be dumped belong to root, whoever runs it.
        let memory = fs::metadata(format!("/proc/{}/mem", proxy.pid())).expect("there");
        assert_eq!(memory.uid(), 0);
    }
    for (name, mode) in [("audit.log", 0o600), ("proxy.log", 0o600), ("proxy.sock", 0o600), ("status.sock", 0o600)] {
        let found = fs::metadata(proxy.dir().join(name)).expect(name);
        assert_eq!(found.permissions().mode() & 0o777, mode, "{name}");
    }
}
