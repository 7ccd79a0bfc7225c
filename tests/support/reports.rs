//! The reports of a proxy: status, audit, log, stderr.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Value, json};

use super::daemon::Daemon;
use super::eventually::{eventually, poll};
use super::proxy::Proxy;
use super::transcript::Source;

const WITHIN: Duration = Duration::from_secs(10);

impl Proxy {
    /// The status report.
    pub fn status(&self) -> Value {
        let answer = poll(WITHIN, || self.ask(&json!({"ask": "status"})));
        answer.unwrap_or_else(|| panic!("status.sock does not answer\n{}", self.diagnosis()))
    }

    /// Waits until the status report fulfils the test's condition, and returns the report.
    #[track_caller]
    pub fn status_becomes(&self, what: &str, mut wanted: impl FnMut(&Value) -> bool) -> Value {
        eventually(WITHIN, what, || Some(self.status()).filter(&mut wanted))
    }

    /// The audit records; a line that is not JSON fails the test.
    pub fn audit_lines(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.home.dir.join("audit.log")).unwrap_or_default();
        let parse = |line: &str| {
            let parsed = serde_json::from_str(line);
            parsed.unwrap_or_else(|error| panic!("{error} in the audit line {line:?}"))
        };
        // A line without its end is still being written.
        text.split_inclusive('\n').filter(|line| line.ends_with('\n')).map(parse).collect()
    }

    /// `proxy.log` so far.
    pub fn log_text(&self) -> String {
        std::fs::read_to_string(self.home.dir.join("proxy.log")).unwrap_or_default()
    }

    /// The daemon's stderr so far.
    pub fn stderr_text(&self) -> String {
        String::from_utf8_lossy(&self.with_daemon(|daemon| daemon.stderr())).into_owned()
    }

    /// Makes an owner fail, by the `faults` feature; returns the answer, or null if the answer was lost with the
    /// owner.
    pub fn fault(&self, owner: &str, kind: &str) -> Value {
        self.faulted.store(true, Ordering::SeqCst);
        self.ask(&json!({"ask": "fault", "owner": owner, "kind": kind})).unwrap_or_default()
    }

    /// One question on `status.sock`; none if there is no whole answer.
    pub fn ask(&self, question: &Value) -> Option<Value> {
        self.ask_in(&self.home.dir, question)
    }

    /// The same in a moved folder.
    pub fn ask_in(&self, dir: &Path, question: &Value) -> Option<Value> {
        let mut socket = UnixStream::connect(dir.join("status.sock")).ok()?;
        socket.set_read_timeout(Some(WITHIN)).ok()?;
        socket.write_all(format!("{question}\n").as_bytes()).ok()?;
        let mut line = String::new();
        BufReader::new(socket).read_line(&mut line).ok()?;
        self.home.transcript.record(Source::Product, "an answer of status.sock", line.as_bytes());
        serde_json::from_str(&line).ok()
    }

    /// The daemon's output without canaries, for panic messages.
    pub fn diagnosis(&self) -> String {
        let state = self.with_daemon(Daemon::state);
        let (log, stderr) = (self.log_text(), self.stderr_text());
        let tale = format!("state: {state}\n--- proxy.log\n{log}\n--- stderr\n{stderr}");
        self.home.transcript.mask(&tale)
    }
}
