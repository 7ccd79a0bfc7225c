//! No argument controls the terminal that its complaint is printed on.

use std::process::Command;

use crate::support::proxy::program;

/// An id comes from a VM, and a name from anybody.
#[test]
fn no_argument_acts_on_the_terminal() {
    let hostile = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}1m\r\nsecret-proxy: all is well\u{202e}\u{200b}x";
    let lines: [&[&str]; 12] = [
        &["why", hostile],
        &[hostile],
        &["status", hostile],
        &["run", "--listen", hostile],
        &["audit", "--host", hostile],
        &["audit", "--secret", hostile],
        &["audit", "--since", hostile],
        &["audit", "-n", hostile],
        &["check", hostile],
        &["env", "--ca", hostile],
        &["tunnel", hostile],
        &["status", "--dir", hostile],
    ];
    for line in lines {
        let folder = tempfile::tempdir().expect("a folder");
        let output = Command::new(program())
            .args(line)
            .env("HOME", folder.path())
            .env("XDG_RUNTIME_DIR", folder.path())
            .output()
            .expect("it runs");
        let text = String::from_utf8([output.stdout, output.stderr].concat()).expect("text");
        let acts = text.chars().find(|it| *it != '\n' && (it.is_control() || "\u{202e}\u{200b}".contains(*it)));
        assert_eq!((acts, text.lines().count()), (None, 1), "{line:?}: {text:?}");
    }
}
