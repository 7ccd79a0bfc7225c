//! What the system says of a process: only root may look at one that forbids it, and only on Linux.

use std::fs;

/// How many descriptors are open.
pub fn descriptors(pid: u32) -> Option<usize> {
    Some(fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count())
}

/// Memory of its own that is in use, in KiB: not the pages of the program's file, of which the system brings in
/// more with each line of code that is first run.
pub fn own_kib(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}

/// Whether this is root, who may mount and give files away.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
