//! Hardens the process before it touches a secret.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit, umask};
use secmem_proc::components;

/// Variables that libraries read and that must have no effect: they could add trusted roots, write TLS keys to a
/// file, or redirect connections.
const NO_EFFECT: [&str; 12] = [
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "SSLKEYLOGFILE",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "RUST_LOG",
];

/// Files are for this user alone.
pub(crate) fn private_files() {
    umask(Mode::from_raw_mode(0o077));
}

/// Restarts the process without the variables that must have no effect, if any is set. The environment of a running
/// process cannot be changed safely.
pub(crate) fn clean_environment() -> io::Result<()> {
    let set: Vec<&str> = NO_EFFECT.into_iter().filter(|name| std::env::var_os(name).is_some()).collect();
    if set.is_empty() {
        return Ok(());
    }
    let mut command = Command::new(std::env::current_exe()?);
    command.args(std::env::args_os().skip(1));
    for name in set {
        command.env_remove(name);
    }
    // Returns only if it failed.
    Err(command.exec())
}

/// No core dumps, and no debugger of the same user: `PR_SET_DUMPABLE` on Linux, `PT_DENY_ATTACH` on macOS.
pub(crate) fn keep_memory_private() -> secmem_proc::Result {
    components::disable_core_dumps_rlimit().and(components::disable_tracing_prctl())
}

/// Descriptors reserved for files, sockets and the runtime.
const DESCRIPTORS_KEPT: u64 = 128;

/// `OPEN_MAX` of macOS's `sys/syslimits.h`.
const OPEN_MAX: u64 = 10_240;

/// Raises the limit of descriptors to the maximum. Returns how many client connections they allow: each may have one
/// upstream connection.
pub(crate) fn raise_descriptor_limit() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raise = |to| setrlimit(Resource::Nofile, Rlimit { current: to, maximum: limit.maximum });
    // macOS names no limit as the hard one and takes no more than this.
    let _ = raise(limit.maximum).or_else(|_| raise(Some(OPEN_MAX)));
    let allowed = getrlimit(Resource::Nofile).current;
    let sessions = allowed.map_or(u64::MAX, |allowed| allowed.saturating_sub(DESCRIPTORS_KEPT) / 2);
    usize::try_from(sessions).unwrap_or(usize::MAX).max(1)
}
