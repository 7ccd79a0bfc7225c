//! CPU time and memory of a process, as the system counts them.

use std::time::Duration;

#[cfg(target_os = "linux")]
use self::linux as system;
#[cfg(not(target_os = "linux"))]
use self::ps as system;
use crate::Broken;

/// The resources that a process has used.
#[derive(Clone, Copy, Debug, Default)]
pub struct Used {
    /// User and system time since its start.
    pub cpu: Duration,
    /// Resident memory, in KiB.
    pub resident: u64,
    /// The anonymous part of the resident memory, in KiB; 0 if the system does not report it.
    pub own: u64,
    /// The peak of resident memory, in KiB; 0 if the system does not report it.
    pub peak: u64,
    /// Open descriptors; 0 if the system does not report them.
    pub descriptors: usize,
}

/// Measures a process.
///
/// # Errors
/// There is no process with this id.
pub fn used(pid: u32) -> Result<Used, Broken> {
    system::used(pid)
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;

    use super::{Broken, Duration, Used};

    pub(super) fn used(pid: u32) -> Result<Used, Broken> {
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count);
        let field = |name| field(&status, name);
        let (resident, own, peak) = (field("VmRSS:")?, field("RssAnon:")?, field("VmHWM:")?);
        Ok(Used { cpu: cpu(pid)?, resident, own, peak, descriptors })
    }

    /// In nanoseconds, where `stat` counts in hundredths of a second. A thread that ended is not counted, but
    /// none that serves requests does.
    fn cpu(pid: u32) -> Result<Duration, Broken> {
        let mut total = 0;
        for task in fs::read_dir(format!("/proc/{pid}/task"))? {
            let text = fs::read_to_string(task?.path().join("schedstat")).unwrap_or_default();
            total += text.split(' ').next().and_then(|it| it.parse::<u64>().ok()).unwrap_or_default();
        }
        Ok(Duration::from_nanos(total))
    }

    fn field(status: &str, name: &str) -> Result<u64, Broken> {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).ok_or("not in /proc/PID/status")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }
}

/// In hundredths of a second: windows should be long.
#[cfg(not(target_os = "linux"))]
mod ps {
    use std::process::Command;

    use super::{Broken, Duration, Used};

    pub(super) fn used(pid: u32) -> Result<Used, Broken> {
        let output = Command::new("ps").args(["-o", "rss=,time=", "-p", &pid.to_string()]).output()?;
        let text = String::from_utf8(output.stdout)?;
        let mut fields = text.split_whitespace();
        let resident = fields.next().ok_or("no such process")?.parse()?;
        let (minutes, seconds) = fields.next().and_then(|time| time.rsplit_once(':')).ok_or("no time")?;
        let minutes: f64 = minutes.rsplit(':').next().unwrap_or(minutes).parse()?;
        Ok(Used {
            cpu: Duration::from_secs_f64(minutes * 60.0 + seconds.parse::<f64>()?),
            resident,
            own: 0,
            peak: 0,
            descriptors: 0,
        })
    }
}
