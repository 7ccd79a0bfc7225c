//! Another program, with an end: its output goes to files, because a pipe may be held open by others, and it is
//! killed when it takes too long or says too much.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// More than the certificates of a whole system take.
const BYTES_MAX: u64 = 8 * 1024 * 1024;
/// What is shown of a complaint, in characters: it may be a hostile VM's.
const COMPLAINT_MAX: usize = 300;
const PAUSE: Duration = Duration::from_millis(10);

/// How it went.
pub(super) struct Ran {
    /// Whether it was ended because it took too long.
    pub(super) late: bool,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
}

impl Ran {
    /// The last line of its complaints.
    pub(super) fn complaint(&self) -> String {
        let text = String::from_utf8_lossy(&self.stderr);
        let last = text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
        last.chars().take(COMPLAINT_MAX).collect()
    }
}

/// Runs it, with `input` on its stdin, which stays open until `enough` of its output is there, or it ends.
pub(super) fn run(command: &mut Command, input: &[u8], limit: Duration, enough: fn(&[u8]) -> bool) -> io::Result<Ran> {
    let (stdout, stderr) = (tempfile::tempfile()?, tempfile::tempfile()?);
    command.stdin(Stdio::piped()).stdout(stdout.try_clone()?).stderr(stderr.try_clone()?);
    let mut child = command.spawn()?;
    let mut stdin = child.stdin.take();
    // It may have ended already, which its status tells.
    let _ = stdin.as_mut().map(|stdin| stdin.write_all(input));
    if input.is_empty() {
        stdin = None;
    }
    let begun = Instant::now();
    let (mut ended, mut late) = (None, false);
    while ended.is_none() && !late && length(&stdout) + length(&stderr) <= BYTES_MAX {
        ended = child.try_wait()?;
        if stdin.is_some() && enough(&contents(&stdout)?) {
            break;
        }
        late = begun.elapsed() >= limit;
        sleep(PAUSE);
    }
    drop(stdin);
    let _ = child.kill();
    let _ = child.wait();
    Ok(Ran { late: late && ended.is_none(), stdout: contents(&stdout)?, stderr: contents(&stderr)? })
}

fn length(file: &File) -> u64 {
    file.metadata().map_or(0, |found| found.len())
}

/// By place, because the child writes where this file stands.
fn contents(file: &File) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(length(file).min(BYTES_MAX)).unwrap_or_default()];
    let read = file.read_at(&mut bytes, 0)?;
    bytes.truncate(read);
    Ok(bytes)
}
