//! Promise: what a person can get wrong is told in one line that names the thing and the next step,
//! by the documented exit code, and nothing of theirs is overwritten.

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Output;
use std::time::Duration;

use tempfile::TempDir;

use crate::support::{Canary, Proxy, ProxyBuilder};

/// How long anything in these tests may take.
pub(crate) const WITHIN: Duration = Duration::from_secs(10);

/// Bad usage or settings.
const USAGE: i32 = 2;

/// `run` cannot start, or the thing asked about is not well.
const NOT_WELL: i32 = 1;

/// A flag, a value that it cannot have, and what the complaint says to do instead.
const BAD_VALUES: [(&str, &str, &str); 14] = [
    ("--listen", "nonsense", "such as 127.0.0.1:17329"),
    ("--listen", "127.0.0.1:99999", "such as 127.0.0.1:17329"),
    ("--listen", "0.0.0.0:0", "--listen-anywhere"),
    ("--listen", "[::]:0", "--listen-anywhere"),
    ("--secrets-ttl", "soon", "such as 300s"),
    ("--approval-wait", "5 parsecs", "such as 300s"),
    ("--allow-net", "127.0.0.0/40", "such as 127.0.0.0/8"),
    ("--deny-private", "maybe", "true"),
    ("--resolve", "api.example.test:443", "NAME:PORT:ADDRESS"),
    ("--resolve", "api.example.test:443:localhost", "NAME:PORT:ADDRESS"),
    ("--max-sessions", "0", "from 1 to"),
    ("--max-sessions", "many", "from 1 to"),
    ("--workers", "0", "from 1 to"),
    ("--log", "info[", "invalid filter"),
];

/// One line on stderr, with all of these words in it, and this exit code.
#[track_caller]
fn assert_complaint(output: &Output, code: i32, words: &[&str]) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "the exit code, with: {text}");
    assert_eq!((text.lines().count(), text.ends_with('\n')), (1, true), "one line: {text}");
    assert!(text.starts_with("secret-proxy: "), "who complains: {text}");
    for word in words {
        assert!(text.contains(word), "no {word:?} in: {text}");
    }
}

/// A proxy that is given a setting in one of the three ways.
fn given(source: &str, flag: &str, value: &'static str) -> ProxyBuilder {
    let variable = format!("SECRET_PROXY_{}", flag.trim_start_matches('-').replace('-', "_").to_uppercase());
    match source {
        "flag" => Proxy::builder().arg(flag).arg(value),
        "environment" => Proxy::builder().env(&variable, value),
        _ => Proxy::builder().without_env(&variable).prepare(settings_file(format!("{variable}='{value}'\n"))),
    }
}

/// Writes DIR/settings.env, for [`ProxyBuilder::prepare`].
pub(crate) fn settings_file(text: impl Into<String>) -> impl FnOnce(&Path) + 'static {
    let text = text.into();
    move |dir| fs::write(dir.join("settings.env"), text).expect("settings.env is written")
}

/// A file beside DIR, as `check FILE` is given.
pub(crate) fn checked(proxy: &Proxy, text: &str, mode: u32) -> String {
    let path = proxy.dir().with_file_name("checked.env");
    fs::write(&path, text).expect("written");
    fs::set_permissions(&path, Permissions::from_mode(mode)).expect("ours");
    path.display().to_string()
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
            assert_complaint(&given(source, flag, value).start_refused(), USAGE, &[flag, value, next]);
        }
    }
}

#[test]
fn an_unknown_flag_is_named_and_leads_to_the_help() {
    let output = Proxy::builder().arg("--frobnicate").start_refused();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(USAGE), "{complaint}");
    assert!(complaint.lines().next().is_some_and(|first| first.contains("--frobnicate")), "{complaint}");
    assert!(complaint.contains("--help"), "{complaint}");
}

#[test]
fn a_line_of_the_settings_file_that_means_nothing_is_told() {
    let table = [
        ("SECRET_PROXY_WORKRES=2\n", &["settings.env", "SECRET_PROXY_WORKRES", "--help"][..]),
        ("WORKERS=2\n", &["settings.env", "WORKERS", "--help"]),
        ("# two threads\nworkers two\n", &["settings.env", "NAME=value"]),
    ];
    for (line, words) in table {
        assert_complaint(&Proxy::builder().prepare(settings_file(line)).start_refused(), USAGE, words);
    }
}

#[test]
fn roots_that_cannot_be_read_are_named() {
    let elsewhere = TempDir::new().expect("a folder");
    let prose = elsewhere.path().join("prose.pem");
    fs::write(&prose, "not a certificate\n").expect("written");
    for path in [elsewhere.path().join("missing.pem"), prose, elsewhere.path().to_path_buf()] {
        let output = Proxy::builder().arg("--upstream-ca").arg(&text(&path)).start_refused();
        assert_complaint(&output, NOT_WELL, &["--upstream-ca", &text(&path), "PEM"]);
    }
}

#[test]
fn a_secrets_file_that_cannot_be_used_is_told_by_line_and_not_quoted() {
    let canary = Canary::new();
    let proxy = Proxy::builder().canary(&canary).start();
    let table = [
        ("A=?\nB=\"?\n", 0o600, ["line 2", "never closed"]),
        ("A=?\n\n?\n", 0o600, ["line 3", "'=' must follow"]),
        ("A=?\nA=?2\n", 0o600, ["line 2", "another value"]),
        ("A=? # key\n", 0o600, ["line 1", "quote the value"]),
        ("A=?\n", 0o644, ["others may read", "chmod 600"]),
    ];
    for (lines, mode, words) in table {
        let path = checked(&proxy, &lines.replace('?', canary.value()), mode);
        assert_complaint(&proxy.cli(&["check", &path]), NOT_WELL, &[&path, words[0], words[1]]);
    }
    assert_complaint(&proxy.cli(&["check", "/nowhere/s.env"]), NOT_WELL, &["/nowhere/s.env", "no such file"]);
}

#[test]
fn an_id_without_a_record_is_told() {
    let proxy = Proxy::builder().start();
    let output = proxy.cli(&["why", "0123456789abcdef"]);
    assert_complaint(&output, NOT_WELL, &["no record", "0123456789abcdef", "audit.log"]);
}

#[test]
fn without_a_daemon_the_way_to_start_one_is_told() {
    let proxy = Proxy::builder().start();
    assert!(proxy.stop().success());
    for words in [&["status"][..], &["status", "--json"], &["reload"]] {
        assert_complaint(&proxy.cli(words), NOT_WELL, &["no daemon", "status.sock", "secret-proxy run"]);
    }
}

#[test]
fn a_taken_port_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("its address").to_string();
    let both = format!("127.0.0.1:0,{address}");
    for listen in [&address, &both] {
        let output = Proxy::builder().arg("--listen").arg(listen).start_refused();
        assert_complaint(&output, NOT_WELL, &[&address, "taken", "--listen"]);
    }
}

#[test]
fn a_folder_that_cannot_be_used_is_named() {
    let elsewhere = TempDir::new().expect("a folder");
    let file = elsewhere.path().join("notes");
    fs::write(&file, "precious").expect("written");
    let table = [
        (text(&file), "move it away"),
        (text(&file.join("below")), "choose another"),
        // Not even root can make a folder here.
        ("/proc/secret-proxy-test".to_owned(), "choose another"),
    ];
    for (folder, next) in table {
        let output = Proxy::builder().env("SECRET_PROXY_DIR", &folder).start_refused();
        assert_complaint(&output, NOT_WELL, &[&folder, next]);
    }
    assert_eq!(fs::read_to_string(&file).expect("still there"), "precious");
}

/// What stands where a file of ours should be.
#[derive(Clone, Copy, Debug)]
enum Way {
    File,
    Folder,
    Link,
    DanglingLink,
}

#[test]
fn what_stands_in_the_way_of_our_files_is_named_and_left_alone() {
    let table = [
        ("audit.log", Way::Folder),
        ("audit.log", Way::Link),
        ("audit.log", Way::DanglingLink),
        ("proxy.log", Way::Folder),
        ("proxy.log", Way::Link),
        ("lock", Way::DanglingLink),
        ("status.sock", Way::File),
        ("status.sock", Way::Link),
        ("ca", Way::File),
    ];
    for (name, way) in table {
        println!("{name}: {way:?}");
        stands_in_the_way(name, way);
    }
}

fn stands_in_the_way(name: &str, way: Way) {
    let folder = TempDir::new().expect("a folder");
    let (path, target) = (folder.path().join(name), folder.path().join("precious"));
    fs::write(&target, "precious").expect("written");
    fs::set_permissions(&target, Permissions::from_mode(0o644)).expect("ours");
    let nowhere = folder.path().join("nowhere");
    match way {
        Way::File => fs::copy(&target, &path).map(drop),
        Way::Folder => fs::create_dir(&path),
        Way::Link => symlink(&target, &path),
        Way::DanglingLink => symlink(&nowhere, &path),
    }
    .expect("something stands in the way");
    let before = fs::symlink_metadata(&path).expect("there").permissions();
    let output = Proxy::builder().env("SECRET_PROXY_DIR", &text(folder.path())).start_refused();
    assert_complaint(&output, NOT_WELL, &[&text(&path)]);
    assert_eq!(fs::symlink_metadata(&path).expect("still there").permissions(), before);
    assert!(!matches!(way, Way::File) || fs::read(&path).is_ok_and(|it| it == b"precious"), "{name} was overwritten");
    assert_eq!(fs::read(&target).expect("still there"), b"precious");
    assert_eq!(fs::metadata(&target).expect("still there").permissions().mode() & 0o777, 0o644);
    assert!(!nowhere.exists(), "a link was followed");
}

#[test]
fn a_damaged_or_exposed_authority_is_told_and_not_replaced() {
    let mode = |file, mode| move |ca: &Path| fs::set_permissions(ca.join(file), Permissions::from_mode(mode));
    let garbage = |file| move |ca: &Path| fs::write(ca.join(file), "garbage");
    let missing = |file| move |ca: &Path| fs::remove_file(ca.join(file));
    authority_is_refused(mode("ca-key.pem", 0o644), &["ca-key.pem", "644", "chmod 600"]);
    authority_is_refused(mode("ca-key.pem", 0o640), &["ca-key.pem", "640", "chmod 600"]);
    authority_is_refused(garbage("ca-cert.pem"), &["ca-cert.pem", "not PEM", "restore it"]);
    authority_is_refused(garbage("ca-key.pem"), &["ca-key.pem", "not a private key", "restore it"]);
    authority_is_refused(missing("ca-key.pem"), &["ca-key.pem", "missing", "restore it"]);
    authority_is_refused(missing("ca-cert.pem"), &["ca-cert.pem", "missing", "restore it"]);
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

/// Names, modes and bytes of the files in a folder.
fn contents(folder: &Path) -> Vec<(String, u32, Vec<u8>)> {
    let entries = fs::read_dir(folder).expect("readable").map(|entry| entry.expect("readable"));
    let mut files: Vec<_> = entries
        .map(|entry| {
            let mode = entry.metadata().expect("there").permissions().mode();
            (entry.file_name().to_string_lossy().into_owned(), mode, fs::read(entry.path()).expect("readable"))
        })
        .collect();
    files.sort();
    files
}

#[test]
fn a_second_daemon_on_a_folder_is_refused_and_the_first_goes_on() {
    let proxy = Proxy::builder().unix_listener().start();
    let before = proxy.status();
    let output = proxy.cli(&["run"]);
    assert_complaint(&output, NOT_WELL, &[&text(proxy.dir()), "already runs", "stop it first", "--dir"]);
    let after = proxy.status();
    assert_eq!((&after["pid"], &after["listeners"]), (&before["pid"], &before["listeners"]));
    UnixStream::connect(proxy.dir().join("proxy.sock")).expect("the first still listens");
}

#[test]
fn files_that_are_too_open_are_tightened_with_a_warning() {
    for (name, given, wanted) in [(".", 0o755, 0o700), ("audit.log", 0o644, 0o600), ("proxy.log", 0o644, 0o600)] {
        let proxy = Proxy::builder().prepare(move |dir| loosen(&dir.join(name), given)).start();
        let found = fs::metadata(proxy.dir().join(name)).expect("there").permissions().mode() & 0o777;
        assert_eq!(found, wanted, "{name}");
        let words = [proxy.dir().join(name).components().as_path().display().to_string(), format!("{given:o}")];
        let warned = |line: &str| words.iter().all(|word| line.contains(word));
        assert!(proxy.stderr_text().lines().any(warned), "no warning of {name}: {}", proxy.stderr_text());
    }
}

fn loosen(path: &Path, mode: u32) {
    if !path.exists() {
        fs::write(path, "").expect("written");
    }
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("ours");
}
