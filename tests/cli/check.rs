//! Promise: `check` names every secret, its hosts, and each problem with its line and the way out, in
//! words and as JSON, from a file and from a pipe, and never a value.

use std::process::Output;

use serde_json::{Value, json};

use crate::cli::bad_input::{checked, text};
use crate::cli::commands::{assert_line, printed};
use crate::support::{Canary, Fifo, Proxy};

const HOST: &str = "api.example.test";

/// A proxy whose drop check looks for the canary in everything that `check` prints.
fn watching(canary: &Canary) -> Proxy {
    Proxy::builder().secret("API_KEY", canary, HOST).start()
}

/// What `check FILE --json` says, and its exit code.
fn report(proxy: &Proxy, path: &str) -> (Option<i32>, Value) {
    let Output { status, stdout, .. } = proxy.cli(&["check", path, "--json"]);
    (status.code(), serde_json::from_slice(&stdout).expect("one JSON object"))
}

/// Lines as they are checked, with `?` for the canary, and all that is said of them but the summary.
fn assert_told(lines: &str, code: i32, expected: &[&str]) {
    let canary = Canary::new();
    let proxy = watching(&canary);
    let path = checked(&proxy, &lines.replace('?', canary.value()), 0o600);
    let shown = printed(&proxy, &["check", &path], code);
    let told: Vec<&str> = shown.lines().filter_map(|line| line.strip_prefix(&path)).collect();
    let (summary, told) = told.split_last().expect("a summary");
    assert!(summary.contains("usable"), "{summary}");
    let note = ": note: plain text on disk; mount the file by 1Password if you can";
    assert_eq!(told, [expected, &[note]].concat(), "of {lines:?}");
}

#[test]
fn a_good_file_is_each_secret_with_its_hosts_and_a_summary() {
    let canary = Canary::new();
    let proxy = watching(&canary);
    let path = text(&proxy.secrets_path());
    let expected = format!(
        "  ok       API_KEY  {HOST}\n{path}: note: plain text on disk; mount the file by 1Password if you can\n\
         {path}: 1 secret, 1 usable; 0 errors, 0 warnings, 1 note\n"
    );
    assert_eq!(printed(&proxy, &["check"], 0), expected);
    let several = "GOOD=?\nGOOD_HOSTS=g.example, *.h.example:8443\nBAD=?\n".replace('?', canary.value());
    let shown = printed(&proxy, &["check", &checked(&proxy, &several, 0o600)], 1);
    assert_line(&shown, &["ok", "GOOD", "*.h.example:8443, g.example"]);
    assert_line(&shown, &["unusable", "BAD", "(no hosts)"]);
    assert_line(&shown, &["2 secrets, 1 usable; 1 error, 0 warnings"]);
}

#[test]
fn what_makes_a_secret_unusable_is_an_error_and_the_exit_code() {
    assert_told("LOST=?\n", 1, &[":1: error: LOST: no allowed hosts; add LOST_HOSTS=host[,host...]"]);
    assert_told(
        "KEY=\"?\\n?\"\nKEY_HOSTS=a.example\n",
        1,
        &[":1: error: KEY: the value holds a control character, which no header may; write it on one line, without \
         escapes or invisible characters"],
    );
    assert_told(
        "\nKEY=?\nKEY_HOSTS=*.com,?!,a.example\n",
        1,
        &[
            ":3: error: KEY_HOSTS: entry 1: a wildcard needs at least two labels after '*.'; write *.suffix, such as \
         *.example.com",
            ":3: error: KEY_HOSTS: entry 2: the host has a character that no host name has; write hosts alone, separated \
         by commas: no user, path or space",
        ],
    );
}

#[test]
fn one_malformed_line_is_told_by_its_number_alone() {
    let table = [
        ("A=?\nB=\"?\n", ":2: error: the quote that opens here is never closed: ", "close it"),
        ("A=?\n\n?\n", ":3: error: '=' must follow the name: ", "write NAME=value"),
        ("A=?\nA=?2\n", ":2: error: this name stands above with another value: ", "remove one"),
        ("A=? # ?\n", ":1: error: ' #' in a value without quotes could be a comment: ", "quote the value"),
    ];
    let canary = Canary::new();
    let proxy = watching(&canary);
    for (lines, problem, fix) in table {
        let path = checked(&proxy, &lines.replace('?', canary.value()), 0o600);
        let shown = printed(&proxy, &["check", &path], 1);
        assert_line(&shown, &[&format!("{path}{problem}nothing of the file is used; {fix}")]);
        assert_line(&shown, &["0 secrets, 0 usable; 1 error"]);
    }
}

#[test]
fn what_is_wide_or_hardly_meant_is_a_warning_and_no_failure() {
    assert_told(
        "KEY=?\nKEY_HOSTS=*.co.uk,*.github.io,*.example.co.uk\n",
        0,
        &[
            ":2: warning: KEY_HOSTS: entry 1: anybody can get a name under this suffix; list your own names, such as \
         *.you.suffix",
            ":2: warning: KEY_HOSTS: entry 2: anybody can get a name under this suffix; list your own names, such as \
         *.you.suffix",
            ":2: note: KEY_HOSTS: entry 3: entry 1 covers it; remove it",
        ],
    );
    assert_told(
        "KEY=\"'?'\"\nKEY_HOSTS=a.example\n",
        0,
        &[":1: warning: KEY: the value itself starts and ends with a quote, which is sent; remove one pair of quotes"],
    );
    assert_told(
        "KEY_HOSTS=a.example\n# ?\n",
        0,
        &[":1: warning: KEY_HOSTS: there is no such secret; add KEY=value, or remove the line"],
    );
    assert_told("# ?\n", 0, &[": warning: there is no secret in it; write NAME=value and NAME_HOSTS=host"]);
}

#[test]
fn the_hosts_are_not_shown_when_they_may_be_the_value() {
    let canary = Canary::new();
    let proxy = watching(&canary);
    // A canary of small letters alone would be told from no host by its characters.
    let value = canary.value().to_lowercase().replace('_', "-");
    for lines in ["KEY=api.github.com\nKEY_HOSTS=?\n", "KEY=secret1\nKEY_HOSTS=?\n"] {
        let path = checked(&proxy, &lines.replace('?', &value), 0o600);
        for words in [&["check", &path][..], &["check", &path, "--json"]] {
            let shown = String::from_utf8(proxy.cli(words).stdout).expect("text");
            assert!(shown.contains("KEY_HOSTS") && !shown.contains(&value), "{words:?} shows the value");
        }
    }
}

#[test]
fn json_has_every_field_that_scripts_may_use() {
    let canary = Canary::new();
    let proxy = watching(&canary);
    let lines = "KEY=?\nKEY_HOSTS=*.b.example,a.example\nLOST=?\n".replace('?', canary.value());
    let path = checked(&proxy, &lines, 0o600);
    let expected = json!({
        "file": path,
        "kind": "file",
        "secrets": [
            {"name": "KEY", "line": 1, "usable": true, "hosts": ["*.b.example", "a.example"]},
            {"name": "LOST", "line": 3, "usable": false, "hosts": []},
        ],
        "problems": [
            {"line": 3, "severity": "error", "name": "LOST", "problem": "no allowed hosts",
             "fix": "add LOST_HOSTS=host[,host...]"},
            {"line": null, "severity": "note", "name": null, "problem": "plain text on disk",
             "fix": "mount the file by 1Password if you can"},
        ],
        "namespace": "default",
        "namespaces": [],
    });
    assert_eq!(report(&proxy, &path), (Some(1), expected));
}

#[test]
fn json_tells_why_there_was_nothing_to_read() {
    let canary = Canary::new();
    let proxy = watching(&canary);
    let open = checked(&proxy, &format!("KEY={}\n", canary.value()), 0o644);
    let table = [("/nowhere/secrets.env", json!(null), "no such file"), (&open, json!("file"), "others may read")];
    for (path, kind, problem) in table {
        let (code, report) = report(&proxy, path);
        assert_eq!((code, &report["kind"], &report["secrets"]), (Some(1), &kind, &json!([])));
        let [told] = report["problems"].as_array().expect("a list").as_slice() else { panic!("{report}") };
        assert_eq!((&told["severity"], &told["line"]), (&json!("error"), &json!(null)));
        assert!(told["problem"].as_str().is_some_and(|it| it.contains(problem)), "{told}");
    }
}

#[test]
fn a_pipe_is_read_once_and_is_not_plain_text() {
    let canary = Canary::new();
    let proxy = watching(&canary);
    let path = proxy.dir().with_file_name("pipe.env");
    let fifo = Fifo::serving(&path, &format!("KEY={}\nKEY_HOSTS=a.example\n", canary.value()));
    let (code, report) = report(&proxy, &text(&path));
    assert_eq!((code, &report["kind"], &report["problems"]), (Some(0), &json!("pipe"), &json!([])));
    assert_eq!(report["secrets"][0]["hosts"], json!(["a.example"]));
    assert_eq!(fifo.opens(), 1);
}

#[test]
fn two_files_or_an_unknown_flag_are_bad_usage() {
    let proxy = Proxy::builder().start();
    for words in [&["check", "a", "b"][..], &["check", "--frobnicate"]] {
        assert_eq!(proxy.cli(words).status.code(), Some(2), "{words:?}");
    }
}

#[test]
fn what_to_do_about_an_unsafe_file_is_told_once() {
    let canary = Canary::new();
    let proxy = watching(&canary);
    let open = checked(&proxy, &format!("KEY={}\n", canary.value()), 0o644);
    let told = String::from_utf8(proxy.cli(&["check", &open]).stderr).expect("text");
    assert_eq!(
        told,
        format!("secret-proxy: {open}: it is not safe to use: others may read or write it: chmod 600 it\n")
    );
}

#[test]
fn status_counts_what_cannot_be_used_and_says_that_check_knows_more() {
    let canary = Canary::new();
    let lost = format!("LOST={}\n", canary.value());
    let proxy = Proxy::builder().secret("API_KEY", &canary, HOST).secrets_text(&lost).start();
    proxy.status_becomes("the secrets are read", |status| status["secrets"]["state"] == "ready");
    let expected = "wrong entries: 1 (see secret-proxy check)";
    assert_line(&printed(&proxy, &["status"], 0), &[expected]);
}
