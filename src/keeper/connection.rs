//! A connection of our own, which holds the forward as long as it lives.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStderr, Command};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::ssh_error::Trouble;
use crate::vm::child::run;
use crate::vm::ssh::Ssh;

/// How long ssh may take until it shares the connection: connecting is limited to 10 s by itself.
const OPENED: Duration = Duration::from_secs(20);
/// How often it is looked whether it does.
const LOOK: Duration = Duration::from_millis(20);
/// How long ssh may take to end.
const ENDED: Duration = Duration::from_secs(3);
/// What is kept of what ssh says, in bytes.
const TAIL: usize = 2048;
/// How long the last of it may take to arrive.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// ssh ends with us even when we are killed: then the pipe that we hold closes, and what waits for that ends it;
/// a line instead says that it has ended. A stopped one would not notice. What waits is there before ssh is, and the
/// shell becomes ssh: whatever ends in between, nothing is left.
const GUARD: &str = r#"exec 3<&0
{ read -r _ <&3 || { kill $$; kill -CONT $$; }; } >/dev/null 2>&1 &
exec "$@" </dev/null 3<&-"#;

/// ssh, sharing its connection with nobody but us. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Connection {
    /// The socket by which we share it.
    pub(super) control: PathBuf,
    ended: watch::Receiver<Option<Trouble>>,
    stop: oneshot::Sender<()>,
    watching: JoinHandle<()>,
}

impl Connection {
    /// Connects. That the forward is refused may show only after this.
    pub(super) async fn open(ssh: &Ssh, control: &Path, forward: &str) -> Result<Self, Trouble> {
        clear(ssh, control).await;
        let mut command = guarded(&ssh.program);
        command.args(ssh.hold(control, forward));
        let child = command.spawn().map_err(|error| Trouble::Other(format!("ssh cannot be started: {error}")))?;
        let (stop, stopped) = oneshot::channel();
        let (sender, ended) = watch::channel(None);
        let watching = tokio::spawn(watch(child, stopped, sender));
        let connection = Self { control: control.into(), ended, stop, watching };
        let opened = timeout(OPENED, connection.shares()).await;
        match opened {
            Ok(Ok(())) => Ok(connection),
            Ok(Err(trouble)) => Err(trouble),
            Err(_) => {
                connection.end().await;
                Err(Trouble::Silent(format!("ssh has not got in within {} s", OPENED.as_secs())))
            }
        }
    }

    async fn shares(&self) -> Result<(), Trouble> {
        loop {
            tokio::select! {
                trouble = self.ended() => return Err(trouble),
                () = sleep(LOOK) => if self.control.exists() { return Ok(()) },
            }
        }
    }

    /// Waits for its end, and tells what ssh said last.
    pub(super) async fn ended(&self) -> Trouble {
        let mut ended = self.ended.clone();
        let trouble = ended.wait_for(Option::is_some).await.ok().and_then(|trouble| trouble.clone());
        trouble.unwrap_or_else(|| Trouble::Other("ssh is not watched any more".to_owned()))
    }

    /// Ends it, and waits for that.
    pub(super) async fn end(self) {
        drop(self.stop);
        let _ = self.watching.await;
        let _ = fs::remove_file(&self.control);
    }
}

/// What an earlier keeper left would keep ssh from sharing.
async fn clear(ssh: &Ssh, control: &Path) {
    if control.exists() {
        run(ssh.command(ssh.end_own(control)), ENDED).await;
        let _ = fs::remove_file(control);
    }
}

fn guarded(program: &Path) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", GUARD, "sh"]).arg(program);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// Reads along until ssh ends, or is to end.
async fn watch(mut child: Child, mut stop: oneshot::Receiver<()>, ended: watch::Sender<Option<Trouble>>) {
    let (mut guard, stderr) = (child.stdin.take(), child.stderr.take());
    let mut said = Vec::new();
    if let Some(mut stderr) = stderr {
        tokio::select! {
            _ = &mut stop => {}
            _ = child.wait() => {}
            () = read_along(&mut stderr, &mut said) => {}
        }
        let _ = timeout(LAST_WORDS, read_along(&mut stderr, &mut said)).await;
    }
    if let (Ok(Some(_)), Some(guard)) = (child.try_wait(), &mut guard) {
        // Its number may be another's by now.
        let _ = guard.write_all(b"\n").await;
    }
    drop(guard);
    if timeout(ENDED, child.wait()).await.is_err() {
        let _ = child.kill().await;
    }
    ended.send_replace(Some(Trouble::from_words(&String::from_utf8_lossy(&said))));
}

/// Keeps the last words: the VM can make ssh complain without end.
async fn read_along(stderr: &mut ChildStderr, said: &mut Vec<u8>) {
    let mut piece = [0; TAIL];
    while let Ok(length @ 1..) = stderr.read(&mut piece).await {
        said.extend_from_slice(piece.get(..length).unwrap_or_default());
        said.drain(..said.len().saturating_sub(TAIL));
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
                sleep(LOOK).await;
            }
        };
        (child, timeout(OPENED, telling).await.expect("it tells its number"))
    }

    async fn ends(number: u32) {
        let ending = async {
            let pid = i32::try_from(number).ok().and_then(Pid::from_raw).expect("a number of a process");
            while test_kill_process(pid) != Err(Errno::SRCH) {
                sleep(LOOK).await;
            }
        };
        timeout(OPENED, ending).await.expect("it is ended");
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
        assert!(timeout(OPENED, child.wait()).await.is_ok(), "it is ended");
        let (mut child, _) = started(folder.path()).await;
        let mut guard = child.stdin.take().expect("a pipe");
        guard.write_all(b"\n").await.expect("told");
        drop(guard);
        assert!(timeout(Duration::from_millis(300), child.wait()).await.is_err(), "it lives");
    }
}
