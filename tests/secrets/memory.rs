//! Once the secrets are gone from the mount, they are gone from the daemon's memory.
//!
//! The daemon forbids its own user to look (see `harden.rs`), so that this takes root.

use std::fs;
use std::time::Duration;

use crate::support::canary::base64;
use crate::support::memory::copies_of;
use crate::support::{Canary, Origin, Proxy, eventually};

const HOST: &str = "api.example.test";
const URL: &str = "https://api.example.test/stream-echo";
const WITHIN: Duration = Duration::from_secs(10);

struct Stage {
    canary: Canary,
    _origin: Origin,
    proxy: Proxy,
}

impl Stage {
    fn new() -> Self {
        let canary = Canary::new();
        let origin = Origin::start(&[HOST]);
        let proxy = Proxy::builder().origin(HOST, &origin).secret("API_KEY", &canary, HOST).start();
        Self { canary, _origin: origin, proxy }
    }

    /// Where the value stands in memory, as itself and as Basic credentials.
    fn copies(&self) -> Option<Vec<String>> {
        let basic = base64(credentials(self.canary.value()).as_bytes());
        let copies = |text: &str| copies_of(text.as_bytes(), self.proxy.pid());
        Some([copies(self.canary.value())?, copies(&basic)?].concat())
    }

    /// Whether memory cannot be read here; says so.
    fn is_skipped(&self) -> bool {
        let skipped = self.copies().is_none();
        if skipped {
            println!("skipped: reading the memory of a process that forbids it takes root");
        }
        skipped
    }

    fn secrets_become(&self, state: &str) {
        self.proxy.status_becomes(state, |status| status["secrets"]["state"] == state);
    }

    fn no_copy_is_left(&self) {
        eventually(WITHIN, "no copy is left in memory", || self.copies().is_some_and(|copies| copies.is_empty()));
    }
}

fn credentials(password: &str) -> String {
    format!("x-access-token:{password}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wiped_value_is_nowhere_in_writable_memory() {
    let stage = Stage::new();
    if stage.is_skipped() {
        return;
    }
    let basic = format!("Basic {}", base64(credentials("{{API_KEY}}").as_bytes()));
    for client in [stage.proxy.client(), stage.proxy.client().http2()] {
        for _ in 0..20 {
            let request = client.get(URL).header("x-api-key", "{{API_KEY}}").header("authorization", &basic);
            let request = request.header("cookie", "a=b").header("cookie", "c={{API_KEY}}");
            assert_eq!(request.send().await.expect("answered").status, 200);
        }
    }
    assert!(stage.copies().is_some_and(|copies| !copies.is_empty()), "the search finds what is there");
    fs::remove_file(stage.proxy.secrets_path()).expect("ours");
    stage.no_copy_is_left();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_in_use_while_values_are_wiped_is_not_kept_afterwards() {
    let stage = Stage::new();
    if stage.is_skipped() {
        return;
    }
    for client in [stage.proxy.client(), stage.proxy.client().http2()] {
        stage.proxy.write_secrets(&format!("API_KEY={}\nAPI_KEY_HOSTS={HOST}\n", stage.canary.value()));
        stage.secrets_become("ready");
        let (request, body) = client.request("POST", URL).header("x-api-key", "{{API_KEY}}").streaming();
        let mut answer = request.open().await.expect("answered");
        assert!(body.send("one").await);
        assert_eq!(answer.chunk().await.expect("echoed").as_deref(), Some(b"one".as_slice()));
        fs::remove_file(stage.proxy.secrets_path()).expect("ours");
        stage.secrets_become("missing");
        assert!(body.send("two").await);
        drop(body);
        assert_eq!(answer.collect().await.expect("the stream goes on").text(), "two");
        stage.no_copy_is_left();
    }
}
