//! Promise: what a person can get wrong is told in one line that names the thing and the next step,
//! by the documented exit code, and nothing of theirs is overwritten.

mod addresses;
mod another_folder;
mod files;
mod terminal;

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Output;

use tempfile::TempDir;

use crate::support::{Canary, Proxy, ProxyBuilder};

/// The exit codes: `run` cannot start or the thing asked about is not well; bad usage or settings.
const NOT_WELL: i32 = 1;
const USAGE: i32 = 2;

/// A flag, a value that it cannot have, and what the complaint says to do instead.
const BAD_VALUES: [(&str, &str, &str); 22] = [
    ("--listen", "nonsense", "such as 127.0.0.1:17329"),
    ("--listen", "0.0.0.0:0", "--listen-anywhere"),
    ("--listen", "unix:", "such as unix:proxy.sock"),
    ("--secrets-ttl", "soon", "such as 300s"),
    ("--secrets-ttl", "-5s", "such as 300s"),
    ("--approval-wait", "5 parsecs", "such as 300s"),
    ("--allow-net", "127.0.0.0/40", "such as 127.0.0.0/8"),
    ("--deny-private", "maybe", "true"),
    ("--resolve", "api.example.test:443:localhost", "NAME:PORT:ADDRESS"),
    ("--notify", "loudly", "true"),
    ("--passthrough", "a.example,*.com", "entry 2"),
    ("--intercept", "some", "listed"),
    ("--audit-sync", "never", "interval"),
    ("--audit-bytes", "1KiB", "64MiB"),
    ("--audit-keep", "0", "from 1 to"),
    ("--max-sessions", "many", "from 1 to"),
    ("--workers", "0", "from 1 to"),
    ("--workers", "-1", "from 1 to"),
    ("--log", "info[", "such as info"),
    ("--log", "inof", "such as info"),
    ("--log", "info,", "such as info"),
    ("--log", "info,hyper=loud", "such as info"),
];

/// One line on stderr, with all of these words in it, and this exit code.
#[track_caller]
fn assert_complaint(output: &Output, code: i32, words: &[&str]) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "the exit code, with: {text}");
    assert_eq!((text.lines().count(), text.ends_with('\n')), (1, true), "one line: {text}");
    for word in words {
        assert!(text.contains(word), "no {word:?} in: {text}");
    }
}

/// The name of a flag's variable.
fn variable(flag: &str) -> String {
    format!("SECRET_PROXY_{}", flag.trim_start_matches('-').replace('-', "_").to_uppercase())
}

/// A proxy that is given a setting in one of the three ways.
fn given(source: &str, flag: &str, value: &'static str) -> ProxyBuilder {
    let variable = variable(flag);
    match source {
        "flag" => Proxy::builder().arg(flag).arg(value),
        "environment" => Proxy::builder().env(&variable, value),
        _ => Proxy::builder().without_env(&variable).prepare(settings_file(format!("{variable}='{value}'\n"))),
    }
}

/// Writes DIR/settings.env, for [`ProxyBuilder::prepare`].
pub(crate) fn settings_file(text: String) -> impl FnOnce(&Path) + 'static {
    move |dir| fs::write(dir.join("settings.env"), text).expect("settings.env is written")
}

/// A file beside DIR, as `check FILE` is given.
pub(crate) fn checked(proxy: &Proxy, lines: &str, mode: u32) -> String {
    let path = proxy.dir().with_file_name("checked.env");
    fs::write(&path, lines).expect("written");
    loosen(&path, mode);
    text(&path)
}

/// A path as it stands in messages.
pub(crate) fn text(path: &Path) -> String {
    path.display().to_string()
}

#[test]
fn a_bad_value_is_told_wherever_it_was_given() {
    for (flag, value, next) in BAD_VALUES {
        for source in ["flag", "environment", "settings.env"] {
            println!("{flag} {value} by {source}");
            let name = variable(flag);
            assert_complaint(&given(source, flag, value).start_refused(), USAGE, &[&name, value, next]);
        }
    }
}

#[test]
fn a_bad_upstream_proxy_is_told_without_its_password() {
    for url in ["socks5://me:hunter2@127.0.0.1:1", "http://me:hunter2@nowhere", "http://me:hunter2@a b:1"] {
        let output = Proxy::builder().arg("--upstream-proxy").arg(url).start_refused();
        assert_complaint(&output, USAGE, &["--upstream-proxy", "http://host:port"]);
        assert!(!String::from_utf8_lossy(&output.stderr).contains("hunter2"));
    }
}

#[test]
fn an_unknown_flag_is_named_and_leads_to_the_help() {
    let output = Proxy::builder().arg("--frobnicate").start_refused();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(USAGE), "{complaint}");
    assert!(["--frobnicate", "--help"].iter().all(|word| complaint.contains(word)), "{complaint}");
}

#[test]
fn a_line_of_the_settings_file_that_means_nothing_is_told() {
    let table = [
        ("SECRET_PROXY_WORKRES=2", ["SECRET_PROXY_WORKRES", "--help"]),
        ("WORKERS=2", ["WORKERS", "--help"]),
        ("workers two", ["line", "NAME=value"]),
    ];
    for (line, [word, next]) in table {
        let output = Proxy::builder().prepare(settings_file(line.to_owned())).start_refused();
        assert_complaint(&output, USAGE, &["settings.env", word, next]);
    }
}

#[test]
fn what_a_daemon_cannot_start_with_is_named() {
    let elsewhere = TempDir::new().expect("a folder");
    let notes = text(&elsewhere.path().join("notes"));
    fs::write(&notes, "precious").expect("written");
    let below = format!("{notes}/below");
    let port = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let taken = port.local_addr().expect("its address").to_string();
    let table = [
        ("--listen", &taken, &[taken.as_str(), "taken", "--listen"][..]),
        ("--listen", &format!("127.0.0.1:0,{taken}"), &[&taken, "taken", "--listen"]),
        ("--dir", &notes, &[&notes, "move it away"]),
        ("--dir", &below, &[&below, "choose another"]),
        // Not even root can make a folder here.
        ("--dir", &"/proc/secret-proxy-test".to_owned(), &["/proc/secret-proxy-test", "choose another"]),
    ];
    for (flag, value, words) in table {
        assert_complaint(&Proxy::builder().arg(flag).arg(value).start_refused(), NOT_WELL, words);
    }
    assert_eq!(fs::read_to_string(&notes).expect("still there"), "precious");
}

#[test]
fn roots_that_cannot_be_read_are_named() {
    let elsewhere = TempDir::new().expect("a folder");
    let notes = text(&elsewhere.path().join("notes"));
    fs::write(&notes, "no certificate").expect("written");
    for file in [format!("{notes}.pem"), notes] {
        let output = Proxy::builder().arg("--upstream-ca").arg(&file).start_refused();
        assert_complaint(&output, USAGE, &[&file, "--upstream-ca", "PEM"]);
    }
}

#[test]
fn a_secrets_file_that_others_may_read_is_not_read() {
    let canary = Canary::new();
    let proxy = Proxy::builder().canary(&canary).start();
    let path = checked(&proxy, &format!("A={}\n", canary.value()), 0o644);
    assert_complaint(&proxy.cli(&["check", &path]), NOT_WELL, &[&path, "others may read", "chmod 600"]);
}

#[test]
fn what_is_not_there_is_told_with_the_way_to_it() {
    let proxy = Proxy::builder().start();
    assert!(proxy.stop().success());
    let table = [
        (&["status"][..], ["no daemon", "secret-proxy run"]),
        (&["reload"], ["no daemon", "secret-proxy run"]),
        (&["why", "0123456789abcdef"], ["no record with id 0123456789abcdef", "audit.log"]),
        (&["check", "/nowhere/secrets.env"], ["/nowhere/secrets.env", "no such file"]),
        (&["ca", "--dir", "/nowhere"], ["no CA in /nowhere", "secret-proxy run"]),
    ];
    for (words, complaint) in table {
        assert_complaint(&proxy.cli(words), NOT_WELL, &complaint);
    }
}

#[test]
fn what_stands_in_the_way_of_our_files_is_named_and_left_alone() {
    let file = |path: &Path| fs::write(path, "precious");
    let folder = |path: &Path| fs::create_dir(path);
    let link = |path: &Path| symlink(path.with_file_name("precious"), path);
    let dangling_link = |path: &Path| symlink(path.with_file_name("nowhere"), path);
    stands_in_the_way("audit.log", folder);
    stands_in_the_way("audit.log", link);
    stands_in_the_way("audit.log", dangling_link);
    stands_in_the_way("lock", dangling_link);
    stands_in_the_way("status.sock", file);
    stands_in_the_way("ca", file);
}

fn stands_in_the_way(name: &str, put: impl FnOnce(&Path) -> std::io::Result<()>) {
    let folder = TempDir::new().expect("a folder");
    loosen(folder.path(), 0o700);
    loosen(&folder.path().join("precious"), 0o644);
    let path = folder.path().join(name);
    put(&path).expect("something stands in the way");
    let before = contents(folder.path());
    let output = Proxy::builder().arg("--dir").arg(&text(folder.path())).start_refused();
    assert_complaint(&output, NOT_WELL, &[&text(&path)]);
    let after = contents(folder.path());
    assert!(before.iter().all(|entry| after.contains(entry)), "before: {before:?}\nafter: {after:?}");
    assert!(!folder.path().join("nowhere").exists(), "a link was followed");
}

#[test]
fn a_damaged_or_exposed_authority_is_told_and_not_replaced() {
    let mode = |file, mode| move |ca: &Path| fs::set_permissions(ca.join(file), Permissions::from_mode(mode));
    let garbage = |file| move |ca: &Path| fs::write(ca.join(file), "garbage");
    let missing = |file| move |ca: &Path| fs::remove_file(ca.join(file));
    authority_is_refused(mode("ca-key.pem", 0o644), &["ca-key.pem", "644", "chmod 600"]);
    authority_is_refused(garbage("ca-cert.pem"), &["ca-cert.pem", "not PEM", "restore it"]);
    authority_is_refused(garbage("ca-key.pem"), &["ca-key.pem", "not a private key", "restore it"]);
    authority_is_refused(missing("ca-key.pem"), &["ca-key.pem", "missing", "restore it"]);
}

fn authority_is_refused(spoil: impl FnOnce(&Path) -> std::io::Result<()>, words: &[&str]) {
    let proxy = Proxy::builder().start();
    assert!(proxy.stop().success());
    let ca = proxy.dir().join("ca");
    spoil(&ca).expect("the authority is spoilt");
    let before = contents(&ca);
    assert_complaint(&proxy.cli(&["run"]), NOT_WELL, words);
    assert_eq!(contents(&ca), before);
}

/// What is in a folder: path, kind and mode, and the bytes if it has any.
fn contents(folder: &Path) -> Vec<(PathBuf, u32, Option<Vec<u8>>)> {
    let paths = fs::read_dir(folder).expect("readable").map(|entry| entry.expect("readable").path());
    let mode = |path: &Path| fs::symlink_metadata(path).expect("there").permissions().mode();
    let mut all: Vec<_> = paths.map(|path| (path.clone(), mode(&path), fs::read(&path).ok())).collect();
    all.sort();
    all
}

#[test]
fn a_second_daemon_on_a_folder_is_refused_and_the_first_goes_on() {
    let proxy = Proxy::builder().start();
    assert_complaint(&proxy.cli(&["run"]), NOT_WELL, &[&text(proxy.dir()), "already runs", "stop it first"]);
    assert_eq!(proxy.status()["pid"], proxy.pid());
}

#[test]
fn a_folder_that_is_too_open_is_tightened_with_a_warning() {
    is_tightened("", 0o755, 0o700);
}

#[test]
fn a_log_that_is_too_open_is_tightened_with_a_warning() {
    is_tightened("audit.log", 0o644, 0o600);
    is_tightened("proxy.log", 0o644, 0o600);
}

fn is_tightened(name: &'static str, given: u32, wanted: u32) {
    let proxy = Proxy::builder().prepare(move |dir| loosen(&dir.join(name), given)).start();
    let path = proxy.dir().join(name);
    assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, wanted, "{name}");
    let (warnings, path) = (proxy.stderr_text(), text(&path));
    let warning = format!("{}: mode tightened from {given:o} to {wanted:o}", path.trim_end_matches('/'));
    assert!(warnings.contains(&warning), "no warning of {path}: {warnings}");
}

/// Gives a file or folder this mode; a file that is not there is made.
fn loosen(path: &Path, mode: u32) {
    let there = if path.exists() { Ok(()) } else { fs::write(path, "precious") };
    there.and_then(|()| fs::set_permissions(path, Permissions::from_mode(mode))).expect("ours");
}
