//! A terminal that keeps its output.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::process::{Command, Stdio};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// Runs a program that ends by itself, with its stdout on a terminal.
pub fn shown_by(command: &mut Command) -> Vec<u8> {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&terminal).and_then(|()| unlockpt(&terminal)).expect("a terminal of ours");
    let name = ptsname(&terminal, Vec::new()).expect("it has a name");
    let side = File::options().read(true).write(true).open(OsStr::from_bytes(name.to_bytes())).expect("opened");
    let mut child = command.stdin(Stdio::null()).stdout(side).stderr(Stdio::null()).spawn().expect("started");
    // The terminal ends when its other side is closed.
    command.stdout(Stdio::null());
    let mut shown = Vec::new();
    // Linux reports the end as an error.
    let _ = File::from(terminal).read_to_end(&mut shown);
    child.wait().expect("a child of ours");
    shown
}
