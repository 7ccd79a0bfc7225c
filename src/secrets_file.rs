//! Reading a source of secrets from a command, without a daemon.

use std::path::Path;
use std::time::Duration;

use actors::hint::Hint;
use actors::settings::{OnePasswordSettings, SourceSettings};
use actors::{MountError, MountKind};
use policy::secrets::lint::Lint;
use psl::Psl as _;

/// Reading a pipe may ask its owner for approval.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why the source could not be read.
pub(crate) struct SecretsFileError {
    pub(crate) problem: String,
    pub(crate) fix: Hint,
}

impl SecretsFileError {
    fn of(source: &SourceSettings, error: &MountError) -> Self {
        let fix = match error {
            MountError::Missing => "make it, or name another with secret-proxy check FILE",
            MountError::Unsafe(reason) => reason.fix(),
            MountError::TooLarge => "leave only secrets and their hosts in it",
            MountError::Denied => "chmod 600 it",
            MountError::Program(_) => "run it by hand, and see that it prints NAME=value lines and ends with 0",
            MountError::Other(_) => fix(source),
        };
        Self { problem: error.to_string(), fix: fix.into() }
    }
}

/// The next step for a file or a pipe that is safe to use and gave no text.
fn fix(source: &SourceSettings) -> &'static str {
    match path_of(source).and_then(MountKind::at) {
        Some(MountKind::Pipe) => "have it served: unlock 1Password, and approve",
        Some(MountKind::File) => "run the command again",
        None => "it must be a file of your own with mode 600, or a pipe that is served",
    }
}

/// The path, if the source is a mount.
pub(crate) fn path_of(source: &SourceSettings) -> Option<&Path> {
    match source {
        SourceSettings::Path(path) => Some(path),
        SourceSettings::OnePassword(_) | SourceSettings::Program(_) => None,
    }
}

/// The kind of a source, in the words of `status`; `None` if nothing usable is there.
pub(crate) fn kind_of(source: &SourceSettings) -> Option<&'static str> {
    match source {
        SourceSettings::Path(path) => MountKind::at(path).map(MountKind::as_str),
        SourceSettings::OnePassword(_) => Some("1password"),
        SourceSettings::Program(_) => Some("program"),
    }
}

/// Reads the source once. Says that a pipe may take its time.
pub(crate) fn read(source: &SourceSettings, op: &OnePasswordSettings) -> Result<Lint, SecretsFileError> {
    if kind_of(source) == Some(MountKind::Pipe.as_str()) {
        err!("waiting for {source} to be served, {} s at most", PATIENCE.as_secs());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let failed = |error| SecretsFileError::of(source, &error);
    let runtime = runtime.map_err(|error| failed(MountError::Other(error.to_string())))?;
    let text = runtime.block_on(actors::read_source(source, op, PATIENCE)).map_err(failed)?;
    Ok(Lint::read(&text, &is_public_suffix))
}

/// Whether the list of public suffixes (as of the build) has exactly this name.
fn is_public_suffix(name: &str) -> bool {
    let info = psl::List.find(name.rsplit('.').map(str::as_bytes));
    info.typ.is_some() && info.len == name.len()
}

#[cfg(test)]
mod tests {
    use policy::secrets::lint::{ProblemKind, SuspiciousValue};

    use super::*;

    #[test]
    fn table_of_public_suffixes() {
        for public in ["com", "co.uk", "github.io", "xn--55qx5d.cn", "any.ck", "s3.amazonaws.com", "vercel.app"] {
            assert!(is_public_suffix(public), "{public}");
        }
        for own in
            ["example.com", "a.co.uk", "you.github.io", "amazonaws.com", "www.ck", "nosuchtop", "a.nosuchtop", ""]
        {
            assert!(!is_public_suffix(own), "{own}");
        }
    }

    #[test]
    fn each_value_of_the_example_is_reported_as_one() {
        let lint = Lint::read(include_bytes!("../secrets.env.example"), &is_public_suffix);
        let is_reported = |line| {
            lint.problems().iter().any(|it| it.line == line && it.kind == ProblemKind::Value(SuspiciousValue::Example))
        };
        assert!(lint.secrets().iter().all(|(_, secret)| secret.is_usable() && is_reported(secret.line)));
        assert_eq!(lint.secrets().len(), 7);
    }
}
