//! A 1Password Environment, read by `op` with the token of a service account.
//!
//! The token stands in a file that nobody else may read. It goes to `op` alone, in the environment.

use std::env;
use std::fs::{Metadata, OpenOptions, symlink_metadata};
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustix::fs::OFlags;
use tokio::process::Command;
use zeroize::Zeroizing;

use super::env_lines;
use super::error::{ProgramFailure, ReadError, TokenFailure};
use super::glance::Glance;
use super::program::{ErrorOutput, glance, output};
use super::source::{Content, OnProgress, Read, Source};
use super::watch::{OnChange, Watch};
use crate::secret_store::settings::OnePasswordSettings;

const KIND: &str = "1password";
const TOKEN: &str = "OP_SERVICE_ACCOUNT_TOKEN";
/// Far more than a token has.
const TOKEN_BYTES_MAX: u64 = 16 * 1024;
/// Where package managers put `op`: launchd and systemd give a short `PATH`.
const FOLDERS: [&str; 3] = ["/opt/homebrew/bin", "/usr/local/bin", "/usr/bin"];

/// An Environment, by its ID.
#[derive(Clone)]
pub(super) struct OnePassword {
    environment: String,
    settings: OnePasswordSettings,
    errors: ErrorOutput,
    /// Whether this `op` has the command `environment read`, once that is known.
    reads_environments: Arc<OnceLock<bool>>,
}

impl OnePassword {
    pub(super) fn new(environment: String, settings: OnePasswordSettings, errors: ErrorOutput) -> Self {
        Self { environment, settings, errors, reads_environments: Arc::default() }
    }

    async fn read(self) -> Result<Content, ReadError> {
        let program = self.program()?;
        let glance = glance(&program, KIND)?;
        let token = token(&self.settings.token_file)?;
        let text = if self.reads_environments(&program).await? {
            let mut command = with_token(&program, &token);
            command.args(["environment", "read", &self.environment]);
            output(command, self.errors).await?
        } else {
            let mut command = with_token(&program, &token);
            command.args(["run", "--no-masking", "--environment", &self.environment, "--", "/usr/bin/env", "-0"]);
            env_lines::from_nul_separated(&output(command, self.errors).await?, &[TOKEN])
        };
        Ok(Content { text, glance })
    }

    fn program(&self) -> Result<PathBuf, ReadError> {
        let named = &self.settings.program;
        if named.components().count() > 1 {
            return Ok(named.clone());
        }
        let path = env::var_os("PATH").unwrap_or_default();
        let folders = env::split_paths(&path).chain(FOLDERS.map(PathBuf::from));
        let found = folders.map(|folder| folder.join(named)).find(|it| it.is_absolute() && it.is_file());
        found.ok_or(ReadError::Program(ProgramFailure::CannotRun(std::io::ErrorKind::NotFound)))
    }

    /// Asks `op` once for the help of the command, which needs neither a token nor the network.
    async fn reads_environments(&self, program: &Path) -> Result<bool, ReadError> {
        if let Some(known) = self.reads_environments.get() {
            return Ok(*known);
        }
        let mut command = Command::new(program);
        command.args(["environment", "read", "--help"]);
        let known = match output(command, ErrorOutput::Discarded).await {
            Ok(_) => true,
            Err(ReadError::Program(ProgramFailure::Ended(_))) => false,
            Err(error) => return Err(error),
        };
        Ok(*self.reads_environments.get_or_init(|| known))
    }
}

impl Source for OnePassword {
    fn glance(&self) -> Result<Glance, ReadError> {
        glance(&self.program()?, KIND)
    }

    fn read(&self, _: OnProgress) -> Read {
        Box::pin(self.clone().read())
    }

    fn watch(&self, on_change: OnChange) -> Watch {
        Watch::of(self.settings.token_file.clone(), on_change)
    }
}

fn with_token(program: &Path, token: &str) -> Command {
    let mut command = Command::new(program);
    command.env(TOKEN, token);
    command
}

/// The token, which nobody else may read.
fn token(path: &Path) -> Result<Zeroizing<String>, ReadError> {
    let missing = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => ReadError::Token(TokenFailure::Missing),
        kind => ReadError::Token(TokenFailure::Unreadable(kind)),
    };
    check(&symlink_metadata(path).map_err(missing)?)?;
    // What is opened may be another file by now: no link is followed, and a pipe is not waited for.
    let flags = i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits()).unwrap_or_default();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(missing)?;
    check(&file.metadata().map_err(missing)?)?;
    let mut text = Zeroizing::new(String::with_capacity(usize::try_from(TOKEN_BYTES_MAX).unwrap_or_default()));
    file.take(TOKEN_BYTES_MAX).read_to_string(&mut text).map_err(missing)?;
    let token = Zeroizing::new(text.trim().to_owned());
    if token.is_empty() || token.contains(char::is_control) {
        return Err(ReadError::Token(TokenFailure::NoToken));
    }
    Ok(token)
}

fn check(found: &Metadata) -> Result<(), ReadError> {
    let failure = match found {
        _ if !found.is_file() => TokenFailure::NoFile,
        _ if found.uid() != rustix::process::geteuid().as_raw() => TokenFailure::OtherOwner,
        _ if found.permissions().mode() & 0o077 != 0 => TokenFailure::Open,
        _ => return Ok(()),
    };
    Err(ReadError::Token(failure))
}

#[cfg(test)]
mod tests;
