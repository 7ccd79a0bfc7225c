//! A program whose standard output is the text.
//!
//! It runs in a process group of its own, without a shell, input or error output, and with a small environment. Only
//! exit status 0 counts. Whatever is left of the group is killed when the read ends, in whatever way.

use std::env;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncReadExt;
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use super::error::{ProgramFailure, ReadError, UnsafeMount};
use super::glance::{Glance, Version};
use super::source::{Content, OnProgress, Read, Source};
use super::text::{Text, buffer, make_room};
use super::watch::{OnChange, Watch};
use crate::limits::{PROGRAM_LAST_OUTPUT, PROGRAM_TIMEOUT, SECRETS_BYTES_MAX};

/// The variables that a program gets, as they are here.
pub(super) const VARIABLES: [&str; 5] = ["PATH", "HOME", "USER", "LANG", "TMPDIR"];
/// How much is read at a time: what a pipe holds on most systems.
const PIECE: usize = 64 * 1024;

/// Where the error output of a program goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ErrorOutput {
    /// Nowhere: it may hold secrets.
    Discarded,
    /// To the terminal of the person who has it run.
    Shown,
}

/// A program at a path.
pub(super) struct Program {
    path: PathBuf,
    errors: ErrorOutput,
}

impl Program {
    pub(super) fn at(path: &Path, errors: ErrorOutput) -> Self {
        Self { path: path.to_owned(), errors }
    }
}

impl Source for Program {
    fn glance(&self) -> Result<Glance, ReadError> {
        glance(&self.path, "program")
    }

    fn read(&self, _: OnProgress) -> Read {
        let (path, errors) = (self.path.clone(), self.errors);
        Box::pin(async move {
            let glance = glance(&path, "program")?;
            Ok(Content { text: output(Command::new(path), errors).await?, glance })
        })
    }

    fn watch(&self, on_change: OnChange) -> Watch {
        Watch::of(self.path.clone(), on_change)
    }
}

/// How a program stands. It is looked at where a link leads to: package managers make links.
pub(super) fn glance(path: &Path, kind: &'static str) -> Result<Glance, ReadError> {
    let found = fs::metadata(path)?;
    check(&found).map_err(ReadError::Unsafe)?;
    Ok(Glance { kind, is_eager: false, is_shared: false, note: None, version: Version::of_file(&found) })
}

/// Only its owner or root may decide what runs.
fn check(found: &Metadata) -> Result<(), UnsafeMount> {
    let (ours, owner) = (rustix::process::geteuid().as_raw(), found.uid());
    match found {
        _ if !found.is_file() => Err(UnsafeMount::NoProgram),
        _ if owner != ours && owner != 0 => Err(UnsafeMount::OtherOwner),
        _ if found.permissions().mode() & 0o022 != 0 => Err(UnsafeMount::OpenProgram),
        _ => Ok(()),
    }
}

/// What a program prints, if it ends well and in time.
pub(super) async fn output(mut command: Command, errors: ErrorOutput) -> Result<Text, ReadError> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).current_dir("/").process_group(0);
    command.stderr(if errors == ErrorOutput::Shown { Stdio::inherit() } else { Stdio::null() });
    let cannot_run = |error: io::Error| ReadError::Program(ProgramFailure::CannotRun(error.kind()));
    let mut running = Running::start(clean(&mut command)).map_err(cannot_run)?;
    timeout(PROGRAM_TIMEOUT, running.text()).await.unwrap_or(Err(ReadError::Program(ProgramFailure::TookTooLong)))
}

/// Keeps the variables that were set for it, and those of [`VARIABLES`].
fn clean(command: &mut Command) -> &mut Command {
    let own: Vec<_> =
        command.as_std().get_envs().filter_map(|(name, value)| Some((name.into(), value?.into()))).collect();
    let kept = VARIABLES.iter().filter_map(|name| Some((std::ffi::OsString::from(name), env::var_os(name)?)));
    let all: Vec<(std::ffi::OsString, std::ffi::OsString)> = kept.chain(own).collect();
    command.env_clear().envs(all)
}

/// A program that runs, with all its children.
struct Running {
    child: Child,
    stdout: ChildStdout,
    group: Option<Pid>,
    text: Text,
}

impl Running {
    fn start(command: &mut Command) -> io::Result<Self> {
        let mut child = command.kill_on_drop(true).spawn()?;
        let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        let stdout = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(Self { child, stdout, group, text: buffer(PIECE) })
    }

    async fn text(&mut self) -> Result<Text, ReadError> {
        let mut is_open = true;
        let status = loop {
            let end = tokio::select! {
                biased;
                read = read_some(&mut self.stdout, &mut self.text), if is_open => {
                    is_open = read?;
                    None
                }
                status = self.child.wait() => Some(status?),
            };
            if let Some(status) = end {
                break status;
            }
        };
        self.kill_group();
        failure(status).map_or(Ok(()), Err)?;
        // Its own output is in the pipe by now. A child that has left the group may keep the pipe open.
        while is_open {
            let read = timeout(PROGRAM_LAST_OUTPUT, read_some(&mut self.stdout, &mut self.text)).await;
            is_open = read.unwrap_or(Ok(false))?;
        }
        Ok(std::mem::take(&mut self.text))
    }

    /// Once: later, its number may be that of another group.
    fn kill_group(&mut self) {
        if let Some(group) = self.group.take() {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill_group();
    }
}

/// Whether there may be more.
async fn read_some(stdout: &mut ChildStdout, text: &mut Text) -> Result<bool, ReadError> {
    let held = text.len();
    make_room(text, PIECE.min((SECRETS_BYTES_MAX + 1).saturating_sub(held)));
    let mut piece = Text::new(vec![0; PIECE]);
    let read = stdout.read(&mut piece).await?;
    if held + read > SECRETS_BYTES_MAX {
        return Err(ReadError::TooLarge);
    }
    text.extend_from_slice(piece.get(..read).unwrap_or_default());
    Ok(read > 0)
}

fn failure(status: ExitStatus) -> Option<ReadError> {
    let failure = match (status.success(), status.code(), status.signal()) {
        (true, ..) => return None,
        (_, Some(code), _) => ProgramFailure::Ended(code),
        (_, None, signal) => ProgramFailure::Signal(signal.unwrap_or_default()),
    };
    Some(ReadError::Program(failure))
}

#[cfg(test)]
pub(super) mod tests;
