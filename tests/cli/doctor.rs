//! Promise: `doctor` finds the one link that is broken, and what it says to type mends it; it opens no pipe, and
//! tells no value.

mod broken;
mod guest;

use std::process::Output;

use serde_json::Value;

use crate::cli::bad_input::text;
use crate::cli::commands::{assert_line, printed};
use crate::support::{Canary, Fifo, FileOpens, Proxy};

const HOST: &str = "api.example.test";

/// All links of this computer, in their order.
const LINKS: [&str; 14] = [
    "folder",
    "settings",
    "secrets",
    "allowlist",
    "ca",
    "rotation",
    "daemon",
    "listening",
    "audit",
    "upstream-roots",
    "clock",
    "injection",
    "refusal",
    "tunnels",
];

/// A proxy that is well, with a secret that looks like one.
fn well() -> Proxy {
    Proxy::builder().secret("API_KEY", &Canary::new(), HOST).start()
}

/// What `doctor --json` says, with these words and variables.
fn report(proxy: &Proxy, words: &[&str], environment: &[(&str, &str)]) -> Value {
    let words: Vec<&str> = ["doctor", "--json"].iter().chain(words).copied().collect();
    let Output { status, stdout, stderr } = proxy.cli_with(&words, environment);
    let report: Value = serde_json::from_slice(&stdout).unwrap_or_else(|error| panic!("{error}: {stderr:?}"));
    assert_eq!(status.code(), Some(i32::from(report["ok"] != true)), "the exit code says the same");
    report
}

/// The links with this verdict.
fn with<'a>(report: &'a Value, verdict: &str) -> Vec<&'a Value> {
    report["links"].as_array().expect("a list").iter().filter(|link| link["verdict"] == verdict).collect()
}

fn names<'a>(links: &[&'a Value]) -> Vec<&'a str> {
    links.iter().map(|link| link["name"].as_str().expect("text")).collect()
}

#[test]
fn where_all_is_well_every_link_is_green() {
    let proxy = well();
    let shown = printed(&proxy, &["doctor"], 0);
    assert_eq!(shown.lines().count(), LINKS.len(), "one line a link, and nothing to type:\n{shown}");
    for (line, name) in shown.lines().zip(LINKS) {
        assert!(line.starts_with("ok ") && line.split_whitespace().nth(1) == Some(name), "{line}");
    }
    assert_line(&shown, &["folder", &text(proxy.dir())]);
    assert_line(&shown, &["daemon", env!("CARGO_PKG_VERSION"), &proxy.pid().to_string()]);
    assert_line(&shown, &["listening", &proxy.addr().to_string()]);
}

#[test]
fn json_has_every_link_in_its_order_and_four_fields() {
    let proxy = well();
    let report = report(&proxy, &[], &[]);
    assert_eq!((&report["ok"], &report["version"]), (&true.into(), &env!("CARGO_PKG_VERSION").into()));
    let links: Vec<&Value> = report["links"].as_array().expect("a list").iter().collect();
    assert_eq!(names(&links), LINKS);
    for link in links {
        let fields: Vec<&String> = link.as_object().expect("an object").keys().collect();
        assert_eq!(fields, ["detail", "fix", "name", "verdict"]);
        assert!(link["verdict"] == "ok" && link["fix"].is_null() && link["detail"].is_string(), "{link}");
    }
}

#[test]
fn a_pipe_is_opened_only_if_that_is_asked_for() {
    let canary = Canary::new();
    let proxy = Proxy::builder().secrets_fifo().canary(&canary).start();
    let fifo = Fifo::serving(&proxy.secrets_path(), &format!("KEY={}\nKEY_HOSTS={HOST}\nLOST=1\n", canary.value()));
    let mut opens = FileOpens::of(&proxy.secrets_path());
    let unread = report(&proxy, &[], &[]);
    assert_eq!((names(&with(&unread, "fail")), fifo.opens()), (vec![], 0));
    assert!(opens.count().is_none_or(|count| count == 0), "nor to look");
    assert!(unread["links"][3]["fix"].as_str().is_some_and(|fix| fix.contains("--read-mount")));
    let read = report(&proxy, &["--read-mount"], &[]);
    assert_eq!((names(&with(&read, "fail")), fifo.opens()), (vec!["allowlist"], 1));
    assert!(read["links"][3]["detail"].as_str().is_some_and(|detail| detail.contains("LOST")));
}

#[test]
fn a_link_that_hangs_on_another_is_not_a_second_failure() {
    let proxy = well();
    assert!(proxy.stop().success());
    std::fs::remove_dir_all(proxy.dir()).expect("removed");
    let report = report(&proxy, &[], &[]);
    assert_eq!(names(&with(&report, "fail")), ["folder", "secrets", "daemon"]);
    std::fs::create_dir(proxy.dir()).expect("a folder for the end of the test");
}

#[test]
fn colours_are_for_terminals_that_want_them() {
    let proxy = well();
    let coloured = |environment: &[(&str, &str)]| proxy.cli_on_terminal(&["doctor"], environment).contains('\u{1b}');
    assert!(coloured(&[("TERM", "xterm")]));
    assert!(!coloured(&[("TERM", "xterm"), ("NO_COLOR", "1")]) && !coloured(&[("TERM", "dumb")]));
    assert!(!printed(&proxy, &["doctor"], 0).contains('\u{1b}'));
}

#[test]
fn nonsense_is_bad_usage() {
    let proxy = Proxy::builder().start();
    for words in
        [&["../work"][..], &["-F"], &["a b"], &["--ssh-config", "f"], &["a b", "--host", "h"], &["--host", "-o"]]
    {
        let words: Vec<&str> = ["doctor"].iter().chain(words).copied().collect();
        assert_eq!(proxy.cli(&words).status.code(), Some(2), "{words:?}");
    }
}
