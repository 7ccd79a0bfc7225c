//! Files that are not what they are taken for.

use std::fs;
use std::path::Path;

use super::{NOT_WELL, USAGE, assert_complaint, checked, text};
use crate::support::{Proxy, fifo};

/// Nobody may ever write into it.
#[test]
fn a_settings_file_that_is_a_pipe_is_not_waited_for() {
    let pipe = |dir: &Path| fifo::make(&dir.join("settings.env"));
    let output = Proxy::builder().prepare(pipe).start_refused();
    assert_complaint(&output, USAGE, &["settings.env", "not a regular file", "move it away"]);
    let folder = |dir: &Path| fs::create_dir(dir.join("settings.env")).expect("made");
    let output = Proxy::builder().prepare(folder).start_refused();
    assert_complaint(&output, USAGE, &["settings.env", "not a regular file", "move it away"]);
}

#[test]
fn what_check_cannot_read_is_told_with_what_helps() {
    let proxy = Proxy::builder().start();
    let large = checked(&proxy, &"# x\n".repeat(300_000), 0o600);
    let output = proxy.cli(&["check", &large]);
    assert_complaint(&output, NOT_WELL, &[&large, "larger than", "only secrets and their hosts"]);
    assert!(!String::from_utf8_lossy(&output.stderr).contains("mode 600"));
    let folder = text(proxy.dir());
    let output = proxy.cli(&["check", &folder]);
    assert_complaint(&output, NOT_WELL, &[&folder, "neither a regular file nor a pipe", "name a file in it"]);
    assert!(!String::from_utf8_lossy(&output.stderr).contains("move it away"));
}
