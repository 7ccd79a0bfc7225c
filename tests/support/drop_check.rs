//! The checks at the end of every end-to-end test.
//!
//! When a proxy is dropped, no canary may be found in
//! - any file of DIR but the secrets files: audit, logs, CA, settings;
//! - stdout and stderr of the daemon and of every program that the test ran;
//! - any answer on `status.sock`;
//! - any byte that a client of this proxy received, unless the test said `allow_reflection`.
//!
//! No owner may have restarted, because a panic in an actor does not fail a test by itself. The daemon must
//! not have ended. A test can allow both.

use std::fs;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Value, json};

use super::daemon::Daemon;
use super::eventually::poll;
use super::process::in_words;
use super::proxy::Proxy;
use super::transcript::{Source, Transcript};

const STATUS_WITHIN: Duration = Duration::from_secs(3);

/// Ends the daemon. Panics if the check fails, unless the test has failed already.
pub(super) fn end(proxy: &Proxy) {
    if std::thread::panicking() {
        // A lock poisoned by the same panic must not cause a second panic; dropping the process ends it in any
        // case.
        return;
    }
    let mut problems = Vec::new();
    look_at_life(proxy, &mut problems);
    look_at_end(proxy, &mut problems);
    look_for_canaries(proxy, &mut problems);
    if !problems.is_empty() {
        let problems = proxy.home.transcript.mask(&problems.join("\n- "));
        panic!("the drop check failed:\n- {problems}\n{}", proxy.diagnosis());
    }
}

fn look_at_life(proxy: &Proxy, problems: &mut Vec<String>) {
    if proxy.with_daemon(Daemon::ended_by_itself) {
        problems.push("secret-proxy ended by itself".to_owned());
    }
    if proxy.with_daemon(Daemon::has_ended) {
        return;
    }
    let status = poll(STATUS_WITHIN, || proxy.ask(&json!({"ask": "status"})));
    if proxy.home.expect_restarts || proxy.faulted.load(Ordering::SeqCst) {
        return;
    }
    match status {
        Some(status) => look_for_restarts(&status, problems),
        None => problems.push("status.sock does not answer any more".to_owned()),
    }
}

fn look_for_restarts(status: &Value, problems: &mut Vec<String>) {
    let subsystems = status["subsystems"].as_array().map_or(&[][..], Vec::as_slice);
    if subsystems.is_empty() {
        problems.push("status names no subsystems".to_owned());
    }
    for subsystem in subsystems {
        if subsystem["restarts"].as_u64() != Some(0) {
            problems.push(format!("a restart that the test did not bring about: {subsystem}"));
        }
    }
}

fn look_at_end(proxy: &Proxy, problems: &mut Vec<String>) {
    let ended = proxy.with_daemon(Daemon::end);
    // The daemon must stop at SIGTERM, with success.
    if let Some(status) = ended.filter(|status| !status.success()) {
        problems.push(format!("at SIGTERM secret-proxy ended with {}", in_words(status)));
    }
}

fn look_for_canaries(proxy: &Proxy, problems: &mut Vec<String>) {
    let transcript = &proxy.home.transcript;
    let printed = proxy.with_daemon(|daemon| [daemon.stdout(), daemon.stderr()]);
    for (name, text) in ["stdout", "stderr"].into_iter().zip(printed) {
        transcript.record(Source::Product, format!("{name} of the daemon"), &text);
    }
    look_in_folder(transcript, &proxy.home.dir, &proxy.secrets_path());
    for (source, find) in transcript.finds() {
        if source == Source::Product || !proxy.home.allow_reflection {
            problems.push(format!("a canary was found: {find}"));
        }
    }
}

fn look_in_folder(transcript: &Transcript, folder: &Path, secrets: &Path) {
    let entries = fs::read_dir(folder).expect("a folder of the proxy can be read");
    for entry in entries {
        let entry = entry.expect("a folder of the proxy can be read");
        let kind = entry.file_type().expect("a file of the proxy has a type");
        let path = entry.path();
        if kind.is_dir() && entry.file_name() != "namespaces" {
            look_in_folder(transcript, &path, secrets);
        } else if kind.is_file() && path != secrets {
            // Sockets, FIFOs (`open` would wait for a writer) and links are not read.
            let text = fs::read(&path).expect("a file of the proxy can be read");
            transcript.record(Source::Product, format!("the file {}", path.display()), &text);
        }
    }
}
