//! Children that end: each has a time limit, and what it prints a bound.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;
use tokio::time::timeout;

/// What is read of a child's output, in bytes.
const OUTPUT_MAX: u64 = 256 * 1024;

/// How a child ended.
#[derive(Debug)]
pub(crate) enum Ran {
    /// By itself.
    Ended { good: bool, stdout: String, stderr: String },
    /// It took too long, and was killed.
    TimedOut,
    /// It could not be started.
    NotStarted(std::io::Error),
}

/// Runs a program without input.
pub(crate) async fn run(mut command: Command, limit: Duration) -> Ran {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return Ran::NotStarted(error),
    };
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let ending = async { tokio::join!(words(out), words(err), child.wait()) };
    // Dropped at the limit, the child is killed.
    match timeout(limit, ending).await {
        Ok((stdout, stderr, status)) => {
            Ran::Ended { good: status.is_ok_and(|status| status.success()), stdout, stderr }
        }
        Err(_) => Ran::TimedOut,
    }
}

/// Reads to the end, or to the bound.
pub(crate) async fn words(stream: Option<impl AsyncRead + Unpin>) -> String {
    let mut bytes = Vec::new();
    if let Some(stream) = stream {
        let _ = stream.take(OUTPUT_MAX).read_to_end(&mut bytes).await;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    #[tokio::test]
    async fn a_child_that_does_not_end_is_killed() {
        let ran = run(shell("sleep 600"), Duration::from_millis(50)).await;
        assert!(matches!(ran, Ran::TimedOut), "{ran:?}");
    }

    #[tokio::test]
    async fn what_a_child_prints_is_bounded() {
        // It ends only because nobody reads on.
        let ran = run(shell("yes"), Duration::from_secs(30)).await;
        assert!(matches!(&ran, Ran::Ended { stdout, .. } if stdout.len() as u64 == OUTPUT_MAX));
        let ran = run(shell("echo a; echo b >&2; exit 3"), Duration::from_secs(5)).await;
        assert!(matches!(&ran, Ran::Ended { good: false, stdout, stderr } if stdout == "a\n" && stderr == "b\n"));
        assert!(matches!(run(Command::new("/nowhere"), Duration::from_secs(5)).await, Ran::NotStarted(_)));
    }
}
