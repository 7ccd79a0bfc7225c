//! Promise: a tunnel keeper finds out by a question that only the proxy can answer; it opens no secret,
//! leaves no process behind, and tells in one line what a person can get wrong.
//!
//! Here ssh is a script. What it does with a real one is in [`crate::vm::sshd`].

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Output;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Canary, FileOpens, Proxy, ProxyBuilder, eventually};

const WITHIN: Duration = Duration::from_secs(20);

/// What a keeper says of itself, and what it gets to know for that.
fn tell(proxy: &Proxy) -> Value {
    let report = json!({"ask": "tunnel", "instance": "work", "mode": "dedicated", "state": "up",
                        "since": "2026-02-04T12:34:56Z", "last_error": null});
    proxy.ask(&report).expect("answered")
}

/// Sends one request as it stands, and gives the whole answer.
async fn raw(proxy: &Proxy, request: &str) -> String {
    let mut wire = proxy.client().raw().await.expect("connected");
    wire.send(request.to_owned()).await.expect("sent");
    String::from_utf8_lossy(&wire.read_rest().await.expect("an answer")).into_owned()
}

/// A question under the key, made by the product's own code in another process would be the keeper itself:
/// here it is made again by hand, from what the documentation says.
fn question(key: &str) -> (String, String) {
    let imprint = |text: &str| {
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, key.as_bytes());
        crate::support::canary::hex(aws_lc_rs::hmac::sign(&key, text.as_bytes()).as_ref())
    };
    let number = "5".repeat(64);
    let path = format!("/.secret-proxy/tunnel/{number}/{}", imprint(&format!("ask {number}")));
    (path, imprint(&format!("answer {number}")))
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_question_is_answered_to_the_holder_of_the_key_and_touches_no_secret() {
    let proxy = Proxy::builder().secrets_fifo().start();
    let mut opens = FileOpens::of(&proxy.secrets_path());
    let key = tell(&proxy)["key"].as_str().expect("a key").to_owned();
    let (path, answer) = question(&key);
    let heard = raw(&proxy, &get(&path)).await;
    assert!(heard.starts_with("HTTP/1.1 200 OK\r\n") && heard.ends_with(&format!("\r\n\r\n{answer}\n")), "{heard}");
    assert_eq!((opens.count().unwrap_or(0), proxy.status()["secrets"]["state"].as_str()), (0, Some("idle")));
    assert!(proxy.audit_lines().is_empty());
    // The key is told to keepers, and to nobody else.
    assert!(!proxy.status().to_string().contains(&key) && !proxy.log_text().contains(&key));
    // Another run has another one.
    assert!(proxy.stop().success());
    proxy.launch();
    assert_ne!(tell(&proxy)["key"], key);
    assert!(raw(&proxy, &get(&path)).await.starts_with("HTTP/1.1 400 "));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_key_the_reserved_path_is_as_any_other() {
    let proxy = Proxy::builder().start();
    let (path, answer) = question(tell(&proxy)["key"].as_str().expect("a key"));
    let ordinary = raw(&proxy, &get("/")).await;
    assert!(ordinary.starts_with("HTTP/1.1 400 "), "{ordinary}");
    let (number, imprint) = path.rsplit_once('/').expect("two parts");
    let guesses = [
        get("/.secret-proxy/tunnel/"),
        get(&format!("{number}/")),
        get(&format!("{number}/{}", "0".repeat(imprint.len()))),
        get(&format!("{number}/{}", imprint.to_uppercase())),
        get(&format!("/.secret-proxy/tunnel/{}/{imprint}", "6".repeat(64))),
        get(&format!("{path}0")),
        get(&format!("{path}?")),
        get(&format!("{path}/")),
        get(&path).replace("GET", "HEAD"),
        get(&path).replace("GET", "OPTIONS"),
        get(&path).replace("Host: x\r\n", "Host: x\r\nContent-Length: 1\r\n") + "x",
    ];
    for guess in guesses {
        let heard = raw(&proxy, &guess).await;
        let expected = if guess.starts_with("HEAD") { ordinary.split_inclusive("\r\n\r\n").next() } else { None };
        assert_eq!(heard, expected.unwrap_or(&ordinary), "{guess}");
    }
    // Nor does it lead anywhere as a destination.
    let absolute = raw(&proxy, &get(&format!("http://127.0.0.1:1{path}"))).await;
    assert!(!absolute.contains(&answer) && !absolute.starts_with("HTTP/1.1 200"), "{absolute}");
}

#[test]
fn status_tells_of_tunnels_and_of_keepers_that_fell_silent() {
    let proxy = Proxy::builder().secret("API_KEY", &Canary::new(), "api.example.test").start();
    tell(&proxy);
    let tunnel = &proxy.status()["tunnels"][0];
    let since = "2026-02-04T12:34:56Z";
    let expected = json!({"instance": "work", "mode": "dedicated", "state": "up", "since": since, "last_error": null});
    assert_eq!(*tunnel, expected);
    let shown = String::from_utf8(proxy.cli(&["status"]).stdout).expect("text");
    assert!(shown.contains(&format!("tunnel      work: up since {since} (dedicated)")), "{shown}");
    eventually(WITHIN, "it has fallen silent", || proxy.status()["tunnels"][0]["state"] == "silent");
    let shown = String::from_utf8(proxy.cli(&["status"]).stdout).expect("text");
    assert!(shown.contains("work: silent") && shown.contains("is it running?"), "{shown}");
}

/// A folder with programs of this name and text, and nothing else.
fn programs(scripts: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    for (name, script) in scripts {
        let path = folder.path().join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("ours");
    }
    folder
}

/// A proxy whose commands find these programs and Lima's folder.
fn with_programs(folder: &Path) -> ProxyBuilder {
    let home = folder.join("lima/work");
    fs::create_dir_all(&home).and_then(|()| fs::write(home.join("ssh.config"), "")).expect("written");
    let text = |path: &Path| path.display().to_string();
    Proxy::builder().env("PATH", &text(folder)).env("LIMA_HOME", &text(&folder.join("lima"))).unix_listener()
}

/// One line on stderr, with these words, and this exit code.
#[track_caller]
fn complains(output: &Output, code: i32, words: &[&str]) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), text.lines().count()), (Some(code), 1), "{text}");
    for word in words {
        assert!(text.contains(word), "no {word:?} in: {text}");
    }
}

#[test]
fn what_a_person_can_get_wrong_is_told_in_one_line() {
    let folder = programs(&[("ssh", "exit 255")]);
    let proxy = with_programs(folder.path()).start();
    let config = folder.path().join("lima/work/ssh.config").display().to_string();
    let long = format!("/tmp/{}", "x".repeat(90));
    let table = [
        (&["play"][..], 1, &["no Lima VM is called play", "limactl list", "--ssh-config"][..]),
        (&["-work"], 2, &["unexpected argument", "--help"]),
        (&["work", "--host=x"], 2, &["--ssh-config", "--help"]),
        (&["work", "--mode=fast"], 2, &["'fast'", "dedicated, shared", "--help"]),
        (&["work", "--guest-port=0"], 2, &["'0'", "--help"]),
        (&[], 2, &["<VM>", "--help"]),
        (&["../work"], 2, &["'../work' is not the name of a VM", "letters"]),
        (&["work\nplay"], 2, &["is not the name of a VM"]),
        (&["work", "--ssh-config=/nowhere", "--host=vm"], 2, &["--ssh-config: cannot read /nowhere", "ssh -F"]),
        (&["work", "--ssh-config", &config, "--host=-oProxyCommand=x"], 2, &["--host: '-oProxyCommand=x'"]),
        (&["work", "--dir", &long], 2, &["too long", "--dir"]),
        (&["work", "--dir=/tmp/${HOME}"], 2, &["ssh does not accept the path", "--dir"]),
    ];
    for (words, code, complaint) in table {
        complains(&proxy.cli(&[&["tunnel"], words].concat()), code, complaint);
    }
    assert!(!Path::new(&long).exists());
}

#[test]
fn without_ssh_it_says_so() {
    let folder = programs(&[]);
    let proxy = with_programs(folder.path()).start();
    complains(&proxy.cli(&["tunnel", "work"]), 1, &["ssh is in no folder of PATH", "install OpenSSH"]);
}

#[test]
fn what_limactl_says_counts() {
    let table = [
        (r#"echo '{"name":"work","status":"Stopped"}'"#, "vm-stopped", "limactl start work"),
        (r#"echo '{"name":"work","status":"Running"}'"#, "unreachable", "no route"),
        ("echo 'a format of tomorrow'", "unreachable", "no route"),
        ("exec /bin/sleep 600", "unreachable", "no route"),
    ];
    for (limactl, state, error) in table {
        let folder = programs(&[("ssh", "echo 'ssh: no route' >&2; exit 255"), ("limactl", limactl)]);
        let proxy = with_programs(folder.path()).start();
        let _keeper = proxy.cli_running(&["tunnel", "work"]);
        eventually(WITHIN, state, || {
            let tunnel = &proxy.status()["tunnels"][0];
            tunnel["state"] == state && tunnel["last_error"].as_str().is_some_and(|said| said.contains(error))
        });
    }
}

/// Every ssh hangs, and does not end when it is asked to.
#[test]
fn ssh_that_hangs_is_ended_with_the_keeper_by_whatever_signal() {
    for (signal, mode) in [(Signal::TERM, "dedicated"), (Signal::TERM, "shared"), (Signal::INT, "dedicated")] {
        let folder = programs(&[("ssh", "echo $$ >> \"$0.pids\"\nexec /bin/sleep 600")]);
        let proxy = with_programs(folder.path()).secrets_fifo().start();
        let mut opens = FileOpens::of(&proxy.secrets_path());
        let mut keeper = proxy.cli_running(&["tunnel", "work", &format!("--mode={mode}")]);
        let pids = || fs::read_to_string(folder.path().join("ssh.pids")).unwrap_or_default();
        eventually(WITHIN, "ssh is started", || !pids().is_empty());
        keeper.signal(signal);
        assert_eq!(keeper.wait(Duration::from_secs(8)).and_then(|status| status.code()), Some(0), "{signal:?} {mode}");
        let lives = |pid: &str| Path::new(&format!("/proc/{pid}")).exists();
        eventually(WITHIN, "no ssh is left", || !pids().lines().any(lives));
        assert_eq!(proxy.status()["tunnels"], json!([]));
        assert_eq!(opens.count().unwrap_or(0), 0);
    }
}

#[test]
fn a_second_keeper_of_a_vm_is_refused_and_the_first_goes_on() {
    let folder = programs(&[("ssh", "exit 255")]);
    let proxy = with_programs(folder.path()).start();
    let mut first = proxy.cli_running(&["tunnel", "work"]);
    eventually(WITHIN, "it has begun", || proxy.status()["tunnels"][0]["state"] == "unreachable");
    let pid = first.pid().to_string();
    complains(&proxy.cli(&["tunnel", "work"]), 1, &["already keeps the tunnel into work", &pid, "stop it first"]);
    assert!(first.ended().is_none());
}
