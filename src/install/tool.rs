//! Running `launchctl` and `systemctl`.

use std::io::ErrorKind;
use std::process::{Command, Output, Stdio};

use crate::terminal::failure::Failure;

/// When files are taken away: they go in any case.
const GONE: &str = "its files are removed all the same; what of it still runs ends when you log out";

/// One of the two, with the words that each call begins with.
#[derive(Debug)]
pub(super) struct Tool {
    pub(super) program: &'static str,
    pub(super) first: &'static [&'static str],
    /// What a person can do when a call fails.
    pub(super) advice: &'static str,
    /// What a person can do when there is no such program.
    pub(super) absent: &'static str,
}

impl Tool {
    /// The same, to take away what it was told of.
    pub(super) const fn for_removal(self) -> Self {
        Self { advice: GONE, absent: GONE, ..self }
    }

    /// Runs it; that it fails is told in one line.
    pub(super) fn run(&self, words: &[&str]) -> Result<(), Failure> {
        let output = self.output(words)?;
        if output.status.success() { Ok(()) } else { Err(self.failed(words, &reason(&output))) }
    }

    /// What it prints, or nothing if it fails, which is an answer too.
    pub(super) fn ask(&self, words: &[&str]) -> Result<Option<String>, Failure> {
        let output = self.output(words)?;
        Ok(output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned()))
    }

    fn output(&self, words: &[&str]) -> Result<Output, Failure> {
        let mut command = Command::new(self.program);
        let command = command.args(self.first).args(words).stdin(Stdio::null());
        command.output().map_err(|error| {
            let advice = if error.kind() == ErrorKind::NotFound { self.absent } else { self.advice };
            self.complaint(words, &error.kind().to_string(), advice)
        })
    }

    pub(super) fn failed(&self, words: &[&str], reason: &str) -> Failure {
        self.complaint(words, reason, self.advice)
    }

    fn complaint(&self, words: &[&str], reason: &str, advice: &str) -> Failure {
        let all: Vec<&str> = [self.program].iter().chain(self.first).chain(words).copied().collect();
        Failure::not_well(format!("'{}' failed ({reason}): {advice}", all.join(" ")))
    }
}

/// The last line of what it said that is not about another command, or else its exit code.
fn reason(output: &Output) -> String {
    let (errors, text) = (String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
    let last =
        text.lines().chain(errors.lines()).map(str::trim).rfind(|line| !line.is_empty() && !line.starts_with("See "));
    last.map_or_else(|| output.status.to_string(), str::to_owned)
}
