//! A proxy under load: many clients, recording origins, and the comparison at the end.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::Value;

use super::audit_chain;
use super::builder::ProxyBuilder;
use super::canary::Canary;
use super::client::Client;
use super::crowd::{Crowd, HOST, Seen, THIEF};
use super::eventually::eventually;
use super::origin::Origin;
use super::proxy::Proxy;
use super::record_watch::RecordWatch;

/// Whether tests under load run in their long form.
pub fn is_long() -> bool {
    std::env::var_os("SECRET_PROXY_LONG").is_some()
}

/// A proxy, a listed host, and an unlisted host.
pub struct Load {
    pub canary: Canary,
    pub origin: Origin,
    pub thief: Origin,
    pub proxy: Proxy,
    pub watch: RecordWatch,
    pub seen: Arc<Seen>,
    /// Whether `proxy.log` may miss lines, as on a full disk.
    pub log_has_gaps: bool,
}

impl Load {
    pub fn start() -> Self {
        Self::with(|builder| builder)
    }

    /// A load with further settings.
    pub fn with(settings: impl FnOnce(ProxyBuilder) -> ProxyBuilder) -> Self {
        let (canary, watch) = (Canary::new(), RecordWatch::default());
        let (origin, thief) = (watch.origin(HOST, &canary), Origin::start(&[THIEF]));
        let builder = Proxy::builder().origin(HOST, &origin).origin(THIEF, &thief).secret("API_KEY", &canary, HOST);
        let proxy = settings(builder.env("SECRET_PROXY_CRASHES_MAX", "100000")).start();
        watch.look_in(proxy.dir());
        Self { canary, origin, thief, proxy, watch, seen: Arc::default(), log_has_gaps: false }
    }

    /// The first content of the secrets file.
    pub fn secrets_text(&self) -> String {
        format!("API_KEY={}\nAPI_KEY_HOSTS={HOST}\n", self.canary.value())
    }

    pub fn crowd(&self, count: usize) -> Crowd {
        Crowd::start(&self.proxy, count, &self.seen)
    }

    /// Waits for this many further values, and this many further requests without placeholders.
    pub fn flows(&self, what: &str, more: usize) {
        let so_far = || (self.seen.served.len(), self.seen.plain.load(Ordering::SeqCst));
        let (served, plain) = so_far();
        let flowed = || so_far().0 >= served + more && so_far().1 >= plain + more as u64;
        eventually(Duration::from_secs(30), what, flowed);
    }

    /// Waits for this many further requests without placeholders.
    pub fn flows_plain(&self, what: &str, more: u64) {
        let before = self.seen.plain.load(Ordering::SeqCst);
        eventually(Duration::from_secs(30), what, || self.seen.plain.load(Ordering::SeqCst) >= before + more);
    }

    /// Compares the observations of clients and origins with the proxy's records; returns the records.
    pub fn account(&self) -> Vec<Value> {
        assert_eq!(self.watch.wrong(), [""; 0], "a value leaves whole, after its record stands in the file");
        assert_eq!(self.thief.find(&self.canary), None, "no value went elsewhere");
        assert_eq!(self.seen.stolen.all(), [""; 0], "what is not allowed is refused");
        let records = audit_chain::verify(self.proxy.dir()).unwrap_or_else(|wrong| panic!("{wrong}"));
        self.every_value_has_a_record(&records);
        self.what_was_not_to_be_sent_was_not(&records);
        self.every_refusal_has_a_record(&records);
        assert_eq!(self.seen.plain_failed.all(), [""; 0], "requests without placeholders flow on");
        records
    }

    fn every_value_has_a_record(&self, records: &[Value]) {
        let permits = records.iter().filter(|record| record["blocked"] == false);
        let permitted: HashSet<&str> = permits.filter_map(|record| record["path"].as_str()).collect();
        for path in self.watch.arrived().iter().chain(&self.seen.served.all()) {
            assert!(permitted.contains(path.as_str()), "{path} was served without a record");
        }
    }

    fn what_was_not_to_be_sent_was_not(&self, records: &[Value]) {
        let paths: HashMap<&str, &str> =
            records.iter().filter_map(|record| Some((record["id"].as_str()?, record["path"].as_str()?))).collect();
        let arrived: HashSet<String> = self.watch.arrived().into_iter().collect();
        let unsent = records.iter().filter(|record| record["blocked"] == true || record["outcome"] == "not_sent");
        for record in unsent {
            let path = record["id"].as_str().and_then(|id| paths.get(id)).expect("a record with its path");
            assert!(!arrived.contains(*path), "it arrived all the same: {record}");
        }
    }

    /// The refusals in the audit or, while the audit was down, in the log and in the count of `status`.
    fn every_refusal_has_a_record(&self, records: &[Value]) {
        let recorded: HashSet<&str> = records.iter().filter_map(|record| record["id"].as_str()).collect();
        let refused = self.seen.refused.all();
        let missing: Vec<_> = refused.iter().filter(|id| !recorded.contains(id.as_str())).collect();
        let tells =
            |log: &str, id: &str| log.lines().any(|line| line.contains("refused, not recorded") && line.contains(id));
        if !self.log_has_gaps {
            // The proxy gathers lines of the log before it writes them.
            eventually(Duration::from_secs(5), "each refusal is told", || {
                let log = self.logs();
                missing.iter().all(|id| tells(&log, id))
            });
        }
        assert!(missing.len() <= self.unrecorded(), "{} refusals are neither recorded nor counted", missing.len());
    }

    /// Sends one request with a new client, and returns the status.
    pub async fn answer(&self, key: &str) -> u16 {
        self.answer_to(&self.proxy.client(), key).await
    }

    /// The same with an existing client: a new client needs files of the proxy.
    pub async fn answer_to(&self, client: &Client, key: &str) -> u16 {
        let url = format!("https://{HOST}/probe/{}", self.seen.number());
        client.get(&url).header("x-api-key", key).send().await.expect("answered").status
    }

    /// Refusals that `status` counts as unrecorded.
    pub fn unrecorded(&self) -> usize {
        let counted = self.proxy.status()["audit"]["unrecorded"].as_u64().expect("a number");
        usize::try_from(counted).expect("a small one")
    }

    /// `proxy.log` and its renamed predecessors.
    pub fn logs(&self) -> String {
        let entries = fs::read_dir(self.proxy.dir()).expect("the folder is there").flatten();
        let named = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("proxy.log"));
        let texts = named.filter_map(|entry| fs::read_to_string(entry.path()).ok());
        texts.collect::<Vec<_>>().concat()
    }

    /// The figures, for people.
    pub fn tell(&self, what: &str, records: &[Value]) {
        let seen = &self.seen;
        println!(
            "{what}: {} served, {} refused, {} without placeholders, {} gateway errors, {} broken, {} without tunnel; \
             {} values arrived, {} records, {} unrecorded",
            seen.served.len(),
            seen.refused.len(),
            seen.plain.load(Ordering::SeqCst),
            seen.gateway.len(),
            seen.broken.len(),
            seen.no_tunnel.len(),
            self.watch.arrived().len(),
            records.len(),
            self.unrecorded(),
        );
    }
}
