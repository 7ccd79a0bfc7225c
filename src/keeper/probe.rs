//! Asks the proxy a question, through the VM by ssh or over a local socket.

use std::process::Stdio;
use std::time::Duration;

use actors::tunnels::probe::Question;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::process::Command;
use tokio::time::timeout;

use super::event::Probe;
use super::forward::LocalEnd;
use super::ssh_error::SshError;

/// The proxy's answer has some 200 bytes. The VM may send what it likes.
const ANSWER_MAX: usize = 4096;
/// What is read of ssh's own errors, in bytes.
const ERROR_MAX: u64 = 64 * 1024;
/// How long ssh may take to end after its output did.
const LAST_OUTPUT: Duration = Duration::from_secs(1);
/// ssh's words for a port in the VM that it is not led to.
const REFUSED: [&str; 3] = ["Session open refused", "open failed", "stdio forwarding failed"];

/// Asks, and reads until it is clear whether the proxy answers.
pub(super) async fn ask(
    writer: &mut (impl AsyncWrite + Unpin),
    reader: &mut (impl AsyncRead + Unpin),
    question: &Question,
) -> Probe {
    let request = format!("GET {} HTTP/1.1\r\nHost: secret-proxy\r\nConnection: close\r\n\r\n", question.path);
    // The other side may have answered without reading to the end.
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

/// Asks on this side of the tunnel.
pub(super) async fn ask_local(local_end: &LocalEnd, question: &Question) -> Probe {
    match local_end {
        LocalEnd::Unix(path) => match UnixStream::connect(path).await {
            Ok(stream) => ask_stream(stream, question).await,
            Err(_) => Probe::Nothing,
        },
        LocalEnd::Tcp(address) => match TcpStream::connect(address).await {
            Ok(stream) => ask_stream(stream, question).await,
            Err(_) => Probe::Nothing,
        },
    }
}

async fn ask_stream(stream: impl AsyncRead + AsyncWrite, question: &Question) -> Probe {
    let (mut reader, mut writer) = tokio::io::split(stream);
    ask(&mut writer, &mut reader, question).await
}

fn is_answer(heard: &[u8], question: &Question) -> bool {
    heard.starts_with(b"HTTP/1.1 200 ") && heard.ends_with(format!("\r\n\r\n{}", question.answer).as_bytes())
}

/// Asks through ssh.
pub(super) async fn ask_by(mut command: Command, question: &Question, limit: Duration) -> Probe {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return Probe::Lost(SshError::Other(format!("cannot start ssh: {error}"))),
    };
    let (Some(mut writer), Some(mut reader)) = (child.stdin.take(), child.stdout.take()) else {
        return Probe::Nothing;
    };
    match timeout(limit, ask(&mut writer, &mut reader, question)).await {
        Err(_) => Probe::Timeout,
        Ok(Probe::Nothing) => {
            drop((writer, reader));
            // A master may hold the pipe open for ever.
            let error = timeout(LAST_OUTPUT, to_end(child.stderr.take())).await.unwrap_or_default();
            unanswered(&error)
        }
        Ok(probe) => probe,
    }
}

async fn to_end(stream: Option<impl AsyncRead + Unpin>) -> String {
    let mut bytes = Vec::new();
    if let Some(stream) = stream {
        let _ = stream.take(ERROR_MAX).read_to_end(&mut bytes).await;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// No byte came: because of the VM's port, or of ssh itself?
fn unanswered(said: &str) -> Probe {
    if REFUSED.iter().any(|part| said.contains(part)) {
        Probe::Refused
    } else if said.trim().is_empty() {
        Probe::Nothing
    } else {
        Probe::Lost(SshError::from_stderr(said))
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
                Probe::Lost(SshError::from_stderr("Control socket connect(/x): No such file"))
            }),
        ];
        for (script, expected) in table {
            assert_eq!(met(script).await, expected, "{script}");
        }
    }
}
