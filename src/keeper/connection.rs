//! A dedicated ssh connection, which holds the forward as long as it lives.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStderr, Command};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::ssh_error::SshError;
use crate::child::run;
use crate::vm::ssh::Ssh;

/// How long ssh may take to share the connection; its own limit for connecting is 10 s.
const OPEN_TIMEOUT: Duration = Duration::from_secs(20);
/// How often the shared socket is checked meanwhile.
const SOCKET_CHECK_EVERY: Duration = Duration::from_millis(20);
/// How long ssh may take to end.
const END_TIMEOUT: Duration = Duration::from_secs(3);
/// How much of ssh's error output is kept, in bytes.
const TAIL_BYTES: usize = 2048;
/// How long the end of that output may take to arrive.
const TAIL_TIMEOUT: Duration = Duration::from_millis(200);

/// Ends ssh when this process ends, even by a kill: then our end of the pipe closes, and the waiting subshell kills ssh
/// (and continues it, in case it is stopped). A line on the pipe says instead that ssh has ended. The subshell starts
/// before ssh, and the shell becomes ssh: no moment leaves a process behind.
const GUARD: &str = r#"exec 3<&0
{ read -r _ <&3 || { kill $$; kill -CONT $$; }; } >/dev/null 2>&1 &
exec "$@" </dev/null 3<&-"#;

/// ssh, whose connection only we share. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Connection {
    /// The socket by which it is shared.
    pub(super) control: PathBuf,
    ended: watch::Receiver<Option<SshError>>,
    stop: oneshot::Sender<()>,
    watching: JoinHandle<()>,
}

impl Connection {
    /// Connects. A refused forward may show only later.
    pub(super) async fn open(ssh: &Ssh, control: &Path, forward: &str) -> Result<Self, SshError> {
        clear(ssh, control).await;
        let mut command = guarded(&ssh.program);
        command.args(ssh.hold(control, forward));
        let child = command.spawn().map_err(|error| SshError::Other(format!("cannot start ssh: {error}")))?;
        let (stop, stopped) = oneshot::channel();
        let (sender, ended) = watch::channel(None);
        let watching = tokio::spawn(watch(child, stopped, sender));
        let connection = Self { control: control.into(), ended, stop, watching };
        let opened = timeout(OPEN_TIMEOUT, connection.shares()).await;
        match opened {
            Ok(Ok(())) => Ok(connection),
            Ok(Err(error)) => Err(error),
            Err(_) => {
                connection.end().await;
                Err(SshError::Silent(format!("ssh did not connect within {} s", OPEN_TIMEOUT.as_secs())))
            }
        }
    }

    async fn shares(&self) -> Result<(), SshError> {
        loop {
            tokio::select! {
                error = self.ended() => return Err(error),
                () = sleep(SOCKET_CHECK_EVERY) => if self.control.exists() { return Ok(()) },
            }
        }
    }

    /// Waits for its end, and returns ssh's last error.
    pub(super) async fn ended(&self) -> SshError {
        let mut ended = self.ended.clone();
        let error = ended.wait_for(Option::is_some).await.ok().and_then(|error| error.clone());
        error.unwrap_or_else(|| SshError::Other("ssh is no longer watched".to_owned()))
    }

    /// Ends it, and waits for the end.
    pub(super) async fn end(self) {
        drop(self.stop);
        let _ = self.watching.await;
        let _ = fs::remove_file(&self.control);
    }
}

/// Removes the socket of an earlier keeper, which would prevent sharing.
async fn clear(ssh: &Ssh, control: &Path) {
    if control.exists() {
        let _ = run(ssh.command(ssh.end_own(control)), END_TIMEOUT).await;
        let _ = fs::remove_file(control);
    }
}

fn guarded(program: &Path) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", GUARD, "sh"]).arg(program);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// Reads ssh's errors until it ends, or is to end.
async fn watch(mut child: Child, mut stop: oneshot::Receiver<()>, ended: watch::Sender<Option<SshError>>) {
    let (mut guard, stderr) = (child.stdin.take(), child.stderr.take());
    let mut said = Vec::new();
    if let Some(mut stderr) = stderr {
        tokio::select! {
            _ = &mut stop => {}
            _ = child.wait() => {}
            () = read_tail(&mut stderr, &mut said) => {}
        }
        let _ = timeout(TAIL_TIMEOUT, read_tail(&mut stderr, &mut said)).await;
    }
    if let (Ok(Some(_)), Some(guard)) = (child.try_wait(), &mut guard) {
        // Another process may have its number by now.
        let _ = guard.write_all(b"\n").await;
    }
    drop(guard);
    if timeout(END_TIMEOUT, child.wait()).await.is_err() {
        let _ = child.kill().await;
    }
    ended.send_replace(Some(SshError::from_stderr(&String::from_utf8_lossy(&said))));
}

/// Keeps the end of the output, because the VM can make ssh print without end.
async fn read_tail(stderr: &mut ChildStderr, said: &mut Vec<u8>) {
    let mut piece = [0; TAIL_BYTES];
    while let Ok(length @ 1..) = stderr.read(&mut piece).await {
        said.extend_from_slice(piece.get(..length).unwrap_or_default());
        said.drain(..said.len().saturating_sub(TAIL_BYTES));
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use rustix::io::Errno;
    use rustix::process::{Pid, test_kill_process};

    use super::*;

    /// A program that tells its number and never ends, and that number once it runs.
    async fn started(folder: &Path) -> (Child, u32) {
        let (program, told) = (folder.join("ssh"), folder.join("number"));
        let text = format!("#!/bin/sh\necho $$ > {0}.new; mv {0}.new {0}; exec sleep 600\n", told.display());
        fs::write(&program, text).expect("written");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).expect("made a program");
        let child = guarded(&program).spawn().expect("started");
        let telling = async {
            loop {
                if let Ok(number) = fs::read_to_string(&told) {
                    return number.trim().parse().expect("a number");
                }
                sleep(SOCKET_CHECK_EVERY).await;
            }
        };
        (child, timeout(OPEN_TIMEOUT, telling).await.expect("it tells its number"))
    }

    async fn ends(number: u32) {
        let ending = async {
            let pid = i32::try_from(number).ok().and_then(Pid::from_raw).expect("a number of a process");
            while test_kill_process(pid) != Err(Errno::SRCH) {
                sleep(SOCKET_CHECK_EVERY).await;
            }
        };
        timeout(OPEN_TIMEOUT, ending).await.expect("it is ended");
    }

    #[tokio::test]
    async fn to_kill_the_child_is_to_kill_ssh_though_nothing_waits_for_our_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut child, number) = started(folder.path()).await;
        let _guard = child.stdin.take();
        assert_eq!(child.id(), Some(number));
        drop(child);
        ends(number).await;
    }

    #[tokio::test]
    async fn ssh_ends_when_the_pipe_closes_and_not_when_it_is_told_to_be_over() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut child, _) = started(folder.path()).await;
        drop(child.stdin.take());
        assert!(timeout(OPEN_TIMEOUT, child.wait()).await.is_ok(), "it is ended");
        let (mut child, _) = started(folder.path()).await;
        let mut guard = child.stdin.take().expect("a pipe");
        guard.write_all(b"\n").await.expect("told");
        drop(guard);
        assert!(timeout(Duration::from_millis(300), child.wait()).await.is_err(), "it lives");
    }
}
