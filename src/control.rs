//! Asking the daemon over its status socket: one JSON line there, one back.

use std::io::{BufRead, BufReader, Error, ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use actors::folder::Folder;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::typed::Typed;

const PATIENCE: Duration = Duration::from_secs(5);

/// Asks and waits for the answer.
pub(crate) fn ask(folder: &Folder, question: &str) -> Result<Value, Failure> {
    put(folder, &json!({ "ask": question }))
}

/// Asks something that is more than a word.
pub(crate) fn put(folder: &Folder, question: &Value) -> Result<Value, Failure> {
    let socket = folder.status_socket();
    let answer = converse(&socket, question).map_err(|error| unanswered(folder, &error))?;
    match answer.get("error").and_then(Value::as_str) {
        Some(error) => Err(Failure::not_well(Typed::new(folder).told(error))),
        None => Ok(answer),
    }
}

/// Who may not get to the socket cannot know whether a daemon runs.
fn unanswered(folder: &Folder, error: &Error) -> Failure {
    let socket = folder.status_socket();
    let shown = socket.display();
    if error.kind() == ErrorKind::PermissionDenied {
        let step = "see to the owner and mode of its folder";
        return Failure::not_well(format!("{shown}: this user may not get to it: {step}"));
    }
    let start = Typed::new(folder).ours("run");
    Failure::not_well(format!("no daemon answers on {shown}: start it with {start}"))
}

fn converse(socket: &std::path::Path, question: &Value) -> std::io::Result<Value> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(format!("{question}\n").as_bytes())?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer)?;
    Ok(serde_json::from_str(&answer)?)
}
