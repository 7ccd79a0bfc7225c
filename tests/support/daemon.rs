//! The daemon's process across launches, and whether its end was expected.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, ExitStatus};

use super::process::{Process, in_words};

/// The current run of the daemon, if there is one.
#[derive(Default)]
pub struct Daemon {
    process: Option<Process>,
    end_is_meant: bool,
    /// The TCP address of this run.
    pub address: Option<SocketAddr>,
}

impl Daemon {
    /// Starts a run. The output of all runs goes to one pair of files.
    pub fn spawn(&mut self, command: &mut Command, folder: &Path) {
        assert!(self.has_ended(), "the daemon is running already");
        let process = Process::spawn(command, folder, "run");
        self.process = Some(process.expect("the built secret-proxy can be started"));
        self.end_is_meant = false;
        self.address = None;
    }

    /// The process, after a launch.
    pub fn process(&mut self) -> &mut Process {
        self.process.as_mut().expect("the daemon has been launched")
    }

    /// Whether no process runs.
    pub fn has_ended(&mut self) -> bool {
        self.process.as_mut().is_none_or(|process| process.ended().is_some())
    }

    /// Expects the end of the process from now on.
    pub fn forget_end(&mut self) {
        self.end_is_meant = true;
    }

    /// Whether the process ended unexpectedly.
    pub fn ended_by_itself(&mut self) -> bool {
        self.process.is_some() && self.has_ended() && !self.end_is_meant
    }

    /// Ends the process. Returns its exit status if it was running.
    pub fn end(&mut self) -> Option<ExitStatus> {
        if self.has_ended() {
            return None;
        }
        self.process.as_mut().map(Process::end)
    }

    /// The output so far, stdout and stderr.
    pub fn stdout(&self) -> Vec<u8> {
        self.process.as_ref().map(Process::stdout).unwrap_or_default()
    }

    /// The stderr so far.
    pub fn stderr(&self) -> Vec<u8> {
        self.process.as_ref().map(Process::stderr).unwrap_or_default()
    }

    /// The state for messages: running, or the exit status.
    pub fn state(&mut self) -> String {
        let ended = self.process.as_mut().and_then(Process::ended);
        ended.map_or_else(|| "running".to_owned(), in_words)
    }
}
