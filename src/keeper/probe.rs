//! The question itself, put by whatever leads to the proxy: ssh through the VM, or a socket on this side.

use std::process::Stdio;
use std::time::Duration;

use actors::tunnels::probe::Question;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::process::Command;
use tokio::time::timeout;

use super::event::Probe;
use super::ssh_error::Trouble;
use crate::vm::child::words;

/// The proxy's answer has some 200 bytes. The VM may send what it likes.
const ANSWER_MAX: usize = 4096;
/// How long ssh may take to end when the answer has.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// ssh's words for a port in the VM that it is not led to.
const REFUSED: [&str; 3] = ["Session open refused", "open failed", "stdio forwarding failed"];

/// Asks, and reads until it is clear who answers.
pub(super) async fn ask(
    writer: &mut (impl AsyncWrite + Unpin),
    reader: &mut (impl AsyncRead + Unpin),
    question: &Question,
) -> Probe {
    let request = format!("GET {} HTTP/1.1\r\nHost: secret-proxy\r\nConnection: close\r\n\r\n", question.path);
    // Who hangs up before it has read may have answered.
    let _ = writer.write_all(request.as_bytes()).await;
    let _ = writer.flush().await;
    let mut heard = Vec::new();
    let mut piece = [0; 1024];
    while heard.len() < ANSWER_MAX {
        match reader.read(&mut piece).await {
            Ok(0) | Err(_) => break,
            Ok(length) => heard.extend_from_slice(piece.get(..length).unwrap_or_default()),
        }
        if is_answer(&heard, question) {
            return Probe::Ours;
        }
    }
    if heard.is_empty() { Probe::Nothing } else { Probe::Other }
}

fn is_answer(heard: &[u8], question: &Question) -> bool {
    heard.starts_with(b"HTTP/1.1 200 ") && heard.ends_with(format!("\r\n\r\n{}", question.answer).as_bytes())
}

/// Asks through ssh.
pub(super) async fn ask_by(mut command: Command, question: &Question, limit: Duration) -> Probe {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return Probe::Lost(Trouble::Other(format!("ssh cannot be started: {error}"))),
    };
    let (Some(mut writer), Some(mut reader)) = (child.stdin.take(), child.stdout.take()) else {
        return Probe::Nothing;
    };
    match timeout(limit, ask(&mut writer, &mut reader, question)).await {
        Err(_) => Probe::Timeout,
        Ok(Probe::Nothing) => {
            drop((writer, reader));
            // A master may hold the pipe open for ever.
            let said = timeout(LAST_WORDS, words(child.stderr.take())).await.unwrap_or_default();
            nothing(&said)
        }
        Ok(probe) => probe,
    }
}

/// No byte came: because of the VM's port, or of ssh itself?
fn nothing(said: &str) -> Probe {
    if REFUSED.iter().any(|part| said.contains(part)) {
        Probe::Refused
    } else if said.trim().is_empty() {
        Probe::Nothing
    } else {
        Probe::Lost(Trouble::from_words(said))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question() -> Question {
        Question { path: "/ask".to_owned(), answer: "yes\n".to_owned() }
    }

    async fn met(script: &str) -> Probe {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        ask_by(command, &question(), Duration::from_millis(500)).await
    }

    #[tokio::test]
    async fn table_of_what_a_question_meets() {
        let table = [
            ("read x; printf 'HTTP/1.1 200 OK\\r\\na: b\\r\\n\\r\\nyes\\n'; sleep 9", Probe::Ours),
            ("printf 'HTTP/1.1 200 OK\\r\\n\\r\\nno\\n'", Probe::Other),
            ("printf 'HTTP/1.1 403 no\\r\\n\\r\\nyes\\n'", Probe::Other),
            ("printf 'yes\\n'", Probe::Other),
            ("yes", Probe::Other),
            ("exit 0", Probe::Nothing),
            ("sleep 600", Probe::Timeout),
            ("echo 'stdio forwarding request failed: Session open refused by peer' >&2; exit 255", Probe::Refused),
            ("echo 'Control socket connect(/x): No such file' >&2; exit 255", {
                Probe::Lost(Trouble::from_words("Control socket connect(/x): No such file"))
            }),
        ];
        for (script, expected) in table {
            assert_eq!(met(script).await, expected, "{script}");
        }
    }
}
