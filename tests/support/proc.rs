//! The figures of a process in `/proc`, on Linux; for a process that is not dumpable, root only.

use std::fs;

/// The number of open descriptors.
pub fn descriptors(pid: u32) -> Option<usize> {
    Some(fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count())
}

/// Private resident memory, in KiB, without the pages of the program's file: the system loads more of these as
/// further code runs.
pub fn own_kib(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}

/// Whether this is root, who may mount and give files away.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
