//! Promise: `secret-proxy demo` demonstrates the proxy within seconds, with any settings of its user, and leaves
//! nothing behind.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::eventually;
use crate::support::process::Process;

const WITHIN: Duration = Duration::from_secs(10);
const VALUE: &str = "sk-ant-made-up-for-the-demo";

/// A demo in a process group of its own, with folders for all that it could leave behind.
struct Demo {
    process: Process,
    /// None once nobody was seen in it: then the id may be another's.
    group: Option<Pid>,
    folders: TempDir,
}

impl Demo {
    fn start() -> Self {
        let folders = TempDir::with_prefix("sp").expect("a folder");
        for name in ["home", "tmp", "output"] {
            fs::create_dir(folders.path().join(name)).expect("a folder");
        }
        let mut command = Command::new(env!("CARGO_BIN_EXE_secret-proxy"));
        command.arg("demo").env_clear().process_group(0);
        command.env("HOME", folders.path().join("home")).env("TMPDIR", folders.path().join("tmp"));
        // Settings and surroundings that a daemon could not work with.
        command.env("SECRET_PROXY_DIR", "/proc/nowhere").env("SECRET_PROXY_LISTEN", "nonsense");
        command.env("HTTPS_PROXY", "http://127.0.0.1:1").env("SSL_CERT_FILE", "/dev/null");
        let process = Process::spawn(&mut command, &folders.path().join("output"), "demo").expect("the demo starts");
        let group = Pid::from_raw(process.pid().cast_signed());
        Self { process, group, folders }
    }

    /// Everything that it printed, stdout and stderr.
    fn printed(&self) -> (String, String) {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        (text(self.process.stdout()), text(self.process.stderr()))
    }

    fn tmp(&self) -> std::path::PathBuf {
        self.folders.path().join("tmp")
    }

    fn assert_nothing_is_left(&mut self) {
        let group = self.group.expect("this is asked once");
        eventually(WITHIN, "no process of the demo is left", || test_kill_process_group(group) == Err(Errno::SRCH));
        self.group = None;
        for folder in [self.tmp(), self.folders.path().join("home")] {
            eventually(WITHIN, "no file of the demo is left", || names(&folder).is_empty());
        }
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        if let Some(group) = self.group {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("readable").map(|entry| entry.expect("readable"));
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn the_demo_shows_the_four_things_and_leaves_nothing() {
    let mut demo = Demo::start();
    let status = demo.process.wait(WITHIN).expect("the demo ends within 10 s");
    let (shown, complaints) = demo.printed();
    assert!(status.success(), "{status}: {complaints}");
    assert_eq!(complaints, "");
    demo.assert_nothing_is_left();

    let line = |words: &[&str]| {
        let found = shown.lines().any(|line| words.iter().all(|word| line.contains(word)));
        assert!(found, "no line with {words:?} in:\n{shown}");
    };
    line(&["client sent", "https://api.anthropic.com", "{{ANTHROPIC_API_KEY}}"]);
    line(&["server received", VALUE]);
    line(&["client got", "200"]);
    line(&["https://evil.example", "{{ANTHROPIC_API_KEY}}"]);
    line(&["server received", "nothing"]);
    line(&["client got", "403"]);
    line(&["Request blocked by secret-proxy policy."]);
}

#[test]
fn the_demo_shows_the_two_audit_lines_as_they_are() {
    let mut demo = Demo::start();
    demo.process.wait(WITHIN).expect("the demo ends within 10 s");
    demo.assert_nothing_is_left();
    let (shown, _) = demo.printed();
    let records = shown.lines().filter_map(|line| serde_json::from_str::<Value>(line.trim()).ok());
    let told: Vec<_> = records.map(|it| (it["host"].clone(), it["blocked"].clone(), it["reason"].clone())).collect();
    let theft = "Host 'evil.example' not allowed for ANTHROPIC_API_KEY";
    assert_eq!(
        told,
        [("api.anthropic.com".into(), false.into(), Value::Null), ("evil.example".into(), true.into(), theft.into()),],
        "{shown}"
    );
}

#[test]
fn a_demo_that_is_ended_by_ctrl_c_leaves_nothing() {
    // It reaches the whole group.
    ended_early(|demo| kill_process_group(demo.group.expect("not left yet"), Signal::INT).expect("signalled"));
}

#[test]
fn a_demo_that_is_killed_by_sigterm_leaves_nothing() {
    ended_early(|demo| demo.process.signal(Signal::TERM));
}

fn ended_early(end: impl FnOnce(&mut Demo)) {
    let mut demo = Demo::start();
    let tmp = demo.tmp();
    let daemon_runs = || names(&tmp).first().is_some_and(|name| tmp.join(name).join("status.sock").exists());
    eventually(WITHIN, "the demo's daemon runs", daemon_runs);
    end(&mut demo);
    demo.process.wait(WITHIN).expect("the demo ends");
    demo.assert_nothing_is_left();
}
