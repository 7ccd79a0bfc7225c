//! Child processes with a deadline and bounded output.

use std::future::pending;
use std::io;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

/// Output bytes that are kept of a child that is expected to print little.
const OUTPUT_MAX: usize = 256 * 1024;
/// A child that has ended may leave its pipes open to children of its own: what they print is not waited for.
const LAST_OUTPUT: Duration = Duration::from_millis(200);

/// What a child gets, and how much is read of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dialogue<'input> {
    /// Written to its stdin, which then stays open.
    pub(crate) input: &'input [u8],
    /// Ends it once its stdout says all that is wanted.
    pub(crate) is_enough: fn(&[u8]) -> bool,
    /// Bytes that are read of each of its outputs.
    pub(crate) bytes_max: usize,
}

impl Default for Dialogue<'_> {
    fn default() -> Self {
        Self { input: b"", is_enough: |_| false, bytes_max: OUTPUT_MAX }
    }
}

/// A child that has ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) end: End,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
}

/// How it ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum End {
    Succeeded,
    /// With its exit code, if no signal ended it.
    Failed(Option<i32>),
    /// It had said enough, and was killed.
    Enough,
    /// It took too long, and was killed.
    TimedOut,
}

impl Ran {
    pub(crate) fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    pub(crate) fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }
}

/// Runs a program without input.
pub(crate) async fn run(command: Command, limit: Duration) -> io::Result<Ran> {
    converse(command, Dialogue::default(), limit).await
}

/// The same for a caller that has no runtime.
pub(crate) fn run_blocking(command: Command, dialogue: Dialogue<'_>, limit: Duration) -> io::Result<Ran> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(converse(command, dialogue, limit))
}

/// Runs a program. It is killed if this is dropped.
pub(crate) async fn converse(command: Command, dialogue: Dialogue<'_>, limit: Duration) -> io::Result<Ran> {
    let mut running = Running::start(command, &dialogue)?;
    let end = timeout(limit, running.end(&dialogue)).await.unwrap_or(Ok(End::TimedOut))?;
    let _ = running.child.kill().await;
    Ok(Ran { end, stdout: running.stdout.bytes, stderr: running.stderr.bytes })
}

struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Output<ChildStdout>,
    stderr: Output<ChildStderr>,
}

impl Running {
    fn start(mut command: Command, dialogue: &Dialogue<'_>) -> io::Result<Self> {
        let stdin = if dialogue.input.is_empty() { Stdio::null() } else { Stdio::piped() };
        command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn()?;
        let stdout = Output::new(child.stdout.take(), dialogue.bytes_max);
        let stderr = Output::new(child.stderr.take(), dialogue.bytes_max);
        Ok(Self { stdin: child.stdin.take(), child, stdout, stderr })
    }

    /// Waits until it has ended, or has said enough.
    async fn end(&mut self, dialogue: &Dialogue<'_>) -> io::Result<End> {
        if let Some(stdin) = &mut self.stdin {
            // It may have ended already, as its status shows.
            let _ = stdin.write_all(dialogue.input).await;
        }
        loop {
            tokio::select! {
                status = self.child.wait() => {
                    let _ = timeout(LAST_OUTPUT, self.drain()).await;
                    return status.map(|it| if it.success() { End::Succeeded } else { End::Failed(it.code()) });
                }
                () = self.stdout.read() => if (dialogue.is_enough)(&self.stdout.bytes) { return Ok(End::Enough) },
                () = self.stderr.read() => {}
            }
        }
    }

    /// Reads both outputs to their ends.
    async fn drain(&mut self) {
        while self.stdout.stream.is_some() || self.stderr.stream.is_some() {
            tokio::select! {
                () = self.stdout.read() => {}
                () = self.stderr.read() => {}
            }
        }
    }
}

/// An output of a child, and what was read of it.
struct Output<Stream> {
    /// Until its end, or until the bound is reached.
    stream: Option<Stream>,
    bytes: Vec<u8>,
    bytes_max: usize,
}

impl<Stream: AsyncRead + Unpin> Output<Stream> {
    fn new(stream: Option<Stream>, bytes_max: usize) -> Self {
        Self { stream, bytes: Vec::new(), bytes_max }
    }

    /// Reads a piece; never returns after the end. Nothing is lost if this is dropped.
    async fn read(&mut self) {
        let Some(stream) = &mut self.stream else { return pending().await };
        let mut piece = [0; 4096];
        let length = stream.read(&mut piece).await.unwrap_or_default();
        self.bytes.extend_from_slice(piece.get(..length).unwrap_or_default());
        self.bytes.truncate(self.bytes_max);
        if length == 0 || self.bytes.len() == self.bytes_max {
            self.stream = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    const SOON: Duration = Duration::from_secs(30);

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    #[tokio::test]
    async fn a_child_that_does_not_end_is_killed() {
        let ran = run(shell("echo a; exec sleep 600"), Duration::from_millis(500)).await.expect("started");
        assert_eq!((ran.end, ran.stdout()), (End::TimedOut, "a\n".to_owned()));
    }

    #[tokio::test]
    async fn what_a_child_prints_is_bounded() {
        // It ends only because nobody reads on.
        let ran = run(shell("yes"), SOON).await.expect("started");
        assert_eq!(ran.stdout.len(), OUTPUT_MAX);
        let ran = run(shell("echo a; echo b >&2; exit 3"), SOON).await.expect("started");
        assert_eq!((ran.end, ran.stdout(), ran.stderr()), (End::Failed(Some(3)), "a\n".to_owned(), "b\n".to_owned()));
        assert!(run(Command::new("/nowhere"), SOON).await.is_err());
    }

    #[tokio::test]
    async fn a_pipe_that_outlives_the_child_is_not_waited_for() {
        let begun = Instant::now();
        let ran = run(shell("sleep 20 & echo a"), SOON).await.expect("started");
        assert_eq!((ran.end, ran.stdout()), (End::Succeeded, "a\n".to_owned()));
        assert!(begun.elapsed() < Duration::from_secs(15));
    }

    #[test]
    fn a_child_that_has_answered_is_ended() {
        let dialogue =
            Dialogue { input: b"question\n", is_enough: |said| said.ends_with(b"!\n"), ..Dialogue::default() };
        let command = shell("read asked; echo \"$asked!\"; exec sleep 600");
        let ran = run_blocking(command, dialogue, SOON).expect("started");
        assert_eq!((ran.end, ran.stdout()), (End::Enough, "question!\n".to_owned()));
    }
}
