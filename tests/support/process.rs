//! Child processes that always end, with their output in files.
//!
//! A pipe could fill, and ssh masters keep inherited pipes open for ever.

use std::fs::File;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::eventually::poll;

/// The time between SIGTERM and SIGKILL.
const END_WITHIN: Duration = Duration::from_secs(5);

/// A child process. Dropping it ends it: SIGTERM, five seconds, SIGKILL.
pub struct Process {
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
    ended: Option<ExitStatus>,
}

impl Process {
    /// Starts `command` with empty stdin. Its output is appended to `folder/LABEL.out` and `.err`.
    pub fn spawn(command: &mut Command, folder: &Path, label: &str) -> io::Result<Self> {
        let stdout = appending(&folder.join(format!("{label}.out")))?;
        Self::spawn_into(stdout.into(), command, folder, label)
    }

    /// The same with another stdout.
    pub fn spawn_into(out: Stdio, command: &mut Command, folder: &Path, label: &str) -> io::Result<Self> {
        let stdout = folder.join(format!("{label}.out"));
        let stderr = folder.join(format!("{label}.err"));
        let child = command.stdin(Stdio::null()).stdout(out).stderr(appending(&stderr)?).spawn()?;
        Ok(Self { child, stdout, stderr, ended: None })
    }

    /// Starts `command` with its own stdin and stdout.
    pub fn adopt(command: &mut Command, folder: &Path, label: &str) -> io::Result<Self> {
        let (stdout, stderr) = (folder.join(format!("{label}.out")), folder.join(format!("{label}.err")));
        let child = command.stderr(appending(&stderr)?).spawn()?;
        Ok(Self { child, stdout, stderr, ended: None })
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The stdout so far.
    pub fn stdout(&self) -> Vec<u8> {
        std::fs::read(&self.stdout).unwrap_or_default()
    }

    /// The stderr so far.
    pub fn stderr(&self) -> Vec<u8> {
        std::fs::read(&self.stderr).unwrap_or_default()
    }

    /// The exit status, after the end of the process.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().expect("a child of ours can be waited for");
        }
        self.ended
    }

    /// Waits for the end of the process.
    pub fn wait(&mut self, within: Duration) -> Option<ExitStatus> {
        poll(within, || self.ended())
    }

    /// Sends a signal, unless the process has ended: another process may have its id then.
    pub fn signal(&mut self, signal: Signal) {
        if self.ended().is_none() {
            // The process may have ended since. It is then a zombie of this process, and no error.
            let _ = kill_process(Pid::from_child(&self.child), signal);
        }
    }

    /// Ends the process by SIGTERM, or by SIGKILL after the time limit.
    pub fn end(&mut self) -> ExitStatus {
        // A stopped process would not see SIGTERM.
        self.signal(Signal::CONT);
        self.signal(Signal::TERM);
        self.wait(END_WITHIN).unwrap_or_else(|| self.kill())
    }

    /// Ends the process by SIGKILL.
    pub fn kill(&mut self) -> ExitStatus {
        self.signal(Signal::KILL);
        self.wait(END_WITHIN).expect("a killed process ends")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.ended().is_none() {
            self.end();
        }
    }
}

/// Runs `command` to its end, or kills it at the limit; the status then names the signal.
pub fn output(command: &mut Command, folder: &Path, label: &str, within: Duration) -> io::Result<Output> {
    let mut process = Process::spawn(command, folder, label)?;
    let status = process.wait(within).unwrap_or_else(|| process.kill());
    Ok(Output { status, stdout: process.stdout(), stderr: process.stderr() })
}

/// The text of an exit status.
pub fn in_words(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => status.to_string(),
    }
}

fn appending(path: &Path) -> io::Result<File> {
    File::options().create(true).append(true).open(path)
}
