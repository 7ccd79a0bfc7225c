//! Running `launchctl` and `systemctl`.

use std::io::ErrorKind;
use std::time::Duration;

use tokio::process::Command;

use crate::child::{Dialogue, End, Ran, run_blocking};
use crate::terminal::failure::Failure;

/// Stopping a service may take as long as its unit says.
const LIMIT: Duration = Duration::from_secs(300);
/// The hint when files are removed, which happens in any case.
const GONE: &str = "its files are removed all the same; log out to end what still runs";

/// One of the two, with the words that each call begins with.
#[derive(Debug)]
pub(super) struct Tool {
    pub(super) program: &'static str,
    pub(super) first: &'static [&'static str],
    /// A hint for a call that fails.
    pub(super) advice: &'static str,
    /// A hint for a computer without this program.
    pub(super) absent: &'static str,
}

impl Tool {
    /// The same, for uninstalling.
    pub(super) const fn for_removal(self) -> Self {
        Self { advice: GONE, absent: GONE, ..self }
    }

    /// Runs it to its success.
    pub(super) fn run(&self, words: &[&str]) -> Result<(), Failure> {
        let output = self.output(words)?;
        if output.end == End::Succeeded { Ok(()) } else { Err(self.failed(words, &reason(&output))) }
    }

    /// Its output, or nothing if it fails, which is an answer too.
    pub(super) fn ask(&self, words: &[&str]) -> Result<Option<String>, Failure> {
        let output = self.output(words)?;
        Ok((output.end == End::Succeeded).then(|| output.stdout()))
    }

    fn output(&self, words: &[&str]) -> Result<Ran, Failure> {
        let mut command = Command::new(self.program);
        command.args(self.first).args(words);
        run_blocking(command, Dialogue::default(), LIMIT).map_err(|error| {
            let advice = if error.kind() == ErrorKind::NotFound { self.absent } else { self.advice };
            self.failure(words, &error.kind().to_string(), advice)
        })
    }

    pub(super) fn failed(&self, words: &[&str], reason: &str) -> Failure {
        self.failure(words, reason, self.advice)
    }

    fn failure(&self, words: &[&str], reason: &str, advice: &'static str) -> Failure {
        let all: Vec<&str> = [self.program].iter().chain(self.first).chain(words).copied().collect();
        Failure::not_well(format!("'{}' failed ({reason})", all.join(" "))).hint(advice)
    }
}

/// The last line of its output that does not refer to another command, or else its exit code.
fn reason(output: &Ran) -> String {
    let (errors, text) = (output.stderr(), output.stdout());
    let last =
        text.lines().chain(errors.lines()).map(str::trim).rfind(|line| !line.is_empty() && !line.starts_with("See "));
    last.map_or_else(|| without_output(output.end), str::to_owned)
}

fn without_output(end: End) -> String {
    match end {
        End::TimedOut => format!("it took over {} s", LIMIT.as_secs()),
        End::Failed(Some(code)) => format!("exit code {code}"),
        _ => "a signal ended it".to_owned(),
    }
}
