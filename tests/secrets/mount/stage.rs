//! A daemon whose secrets are a pipe, an origin that may get the secret, and a bystander.

use std::path::Path;
use std::time::{Duration, Instant};

use super::bystander::Bystander;
use crate::support::{Canary, Origin, Proxy, ProxyBuilder};

pub(super) const HOST: &str = "api.example.test";
pub(super) const URL: &str = "https://api.example.test/";

/// How soon the daemon has ended after SIGTERM, whatever its pipe does.
const PROMPT: Duration = Duration::from_secs(2);

/// A request that takes this long was waiting for the mount.
const LONG: Duration = Duration::from_secs(3);

/// What the audit says of a request that waited in vain.
pub(super) const LOCKED: &str = "Secrets are locked or not authorized";
/// What it says when the pipe is gone.
pub(super) const MISSING: &str = "Secrets cannot be read: there is no such file";

pub(super) struct Stage {
    pub(super) canary: Canary,
    pub(super) origin: Origin,
    pub(super) proxy: Proxy,
    bystander: Bystander,
}

impl Stage {
    /// With a pipe that nobody serves.
    pub(super) fn new() -> Self {
        Self::with(|builder| builder)
    }

    /// The same with other settings.
    pub(super) fn with(change: impl FnOnce(ProxyBuilder) -> ProxyBuilder) -> Self {
        let (canary, origin) = (Canary::new(), Origin::start(&[HOST]));
        let builder = Proxy::builder().origin(HOST, &origin).secrets_fifo().canary(&canary);
        let proxy = change(builder).start();
        let bystander = Bystander::start(proxy.client(), HOST);
        Self { canary, origin, proxy, bystander }
    }

    /// What the pipe is to say.
    pub(super) fn text(&self) -> String {
        secret(&self.canary, HOST)
    }

    pub(super) fn path(&self) -> std::path::PathBuf {
        self.proxy.secrets_path()
    }

    /// Asks for the secret: the answer, and how long it took. Who wants none is served meanwhile.
    pub(super) async fn ask(&self) -> (u16, Duration) {
        let begun_to_serve = async || self.bystander.served() > 0;
        crate::support::eventually_async(Duration::from_secs(10), "the bystander", begun_to_serve).await;
        let (client, begun, bystander) = (self.proxy.client(), Instant::now(), self.bystander.served());
        let answer = client.get(URL).header("x-api-key", "{{API_KEY}}").send().await.expect("answered");
        let took = begun.elapsed();
        if answer.status == 200 {
            assert_eq!(self.origin_got(), Some(self.canary.bytes().to_vec()));
        }
        let served = self.bystander.served() - bystander;
        // Two: one of them was not under way already.
        assert!(took < LONG || served >= 2, "only {served} without placeholders were served in {took:?}");
        (answer.status, took)
    }

    /// Asks until the secret is sent, within 5 s.
    pub(super) async fn is_served_again(&self) {
        let served = async || self.ask().await.0 == 200;
        crate::support::eventually_async(Duration::from_secs(5), "service again", served).await;
    }

    /// What the secret's field held when the origin last saw it from another client than the bystander.
    fn origin_got(&self) -> Option<Vec<u8>> {
        let requests = self.origin.requests();
        let asked = requests.iter().rev().find(|request| request.path != "/bystander")?;
        asked.header("x-api-key").map(<[u8]>::to_vec)
    }

    /// Waits for a state, and lets requests go on meanwhile.
    pub(super) async fn becomes(&self, state: &str) {
        let reached = async || self.proxy.status()["secrets"]["state"] == state;
        crate::support::eventually_async(Duration::from_secs(10), state, reached).await;
    }

    pub(super) fn detail(&self) -> String {
        self.proxy.status()["secrets"]["detail"].as_str().expect("a detail").to_owned()
    }

    /// The reasons of all refusals so far.
    pub(super) fn reasons(&self) -> Vec<String> {
        let records = self.proxy.audit_lines();
        let refusals = records.iter().filter(|record| record["blocked"] == true);
        refusals.map(|record| record["reason"].as_str().expect("a reason").to_owned()).collect()
    }

    /// Waits until `proxy.log` says so often that requests wait: it is written by a thread of its own.
    pub(super) async fn told(&self, times: usize) {
        let told = async || notices(&self.proxy.log_text()) == times;
        crate::support::eventually_async(Duration::from_secs(5), &format!("told {times} times"), told).await;
    }

    /// The states in `proxy.log` must follow `pattern`, in which a `?` marks what a slow reader does not
    /// see. Each line is there once, and the last is what `status` says.
    #[track_caller]
    pub(super) fn went_through(&self, pattern: &str) {
        let followed = || {
            let lines = states(&self.proxy.log_text());
            assert!(lines.windows(2).all(|pair| pair[0] != pair[1]), "twice the same: {lines:?}");
            let shown = &self.proxy.status()["secrets"];
            let last =
                lines.last().is_some_and(|(state, detail)| shown["state"] == *state && shown["detail"] == *detail);
            last && follows(&lines, pattern)
        };
        // The log is written by a thread of its own.
        let told = crate::support::eventually::poll(Duration::from_secs(5), followed);
        assert!(told.is_some(), "{:?} is not {pattern}", states(&self.proxy.log_text()));
    }

    /// Ends the bystander and the daemon, which must be prompt. Gives the whole `proxy.log`.
    pub(super) async fn end(self) -> String {
        self.bystander.end().await;
        let begun = Instant::now();
        assert!(self.proxy.stop().success());
        assert!(begun.elapsed() < PROMPT, "stopping took {:?}", begun.elapsed());
        self.proxy.log_text()
    }
}

/// How often the owner was told that requests wait.
pub(super) fn notices(log: &str) -> usize {
    log.matches("requests wait for the secrets").count()
}

/// One secret's lines.
pub(super) fn secret(canary: &Canary, hosts: &str) -> String {
    format!("API_KEY={}\nAPI_KEY_HOSTS={hosts}\n", canary.value())
}

/// Puts a pipe in the place of whatever is at the path, in one step.
pub(super) fn put_pipe(path: &Path) {
    let fresh = path.with_extension("fresh");
    crate::support::fifo::make(&fresh);
    std::fs::rename(fresh, path).expect("in place");
}

/// Each state with its detail, as `proxy.log` tells it.
fn states(log: &str) -> Vec<(String, String)> {
    let told = log.lines().filter_map(|line| line.split_once(" secrets state=")?.1.split_once(" detail="));
    let unquoted = |detail: &str| serde_json::from_str(detail).unwrap_or_else(|_| detail.to_owned());
    told.map(|(state, detail)| (state.to_owned(), unquoted(detail))).collect()
}

fn follows(lines: &[(String, String)], pattern: &str) -> bool {
    let mut names: Vec<&str> = lines.iter().map(|(state, _)| state.as_str()).collect();
    names.dedup();
    let mut names = names.into_iter().peekable();
    for expected in pattern.split(' ') {
        let name = expected.trim_end_matches('?');
        if names.next_if_eq(&name).is_none() && name == expected {
            return false;
        }
    }
    names.next().is_none()
}
