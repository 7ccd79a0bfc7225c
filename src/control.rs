//! Asking the daemon over its status socket: one JSON line there, one back.

pub(crate) mod identify;

use std::io::{BufRead, BufReader, Error, ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use actors::folder::Folder;
use actors::hint::{Advice, Hint};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::settings;
use crate::terminal::failure::Failure;

const PATIENCE: Duration = Duration::from_secs(5);

/// Asks and waits for the answer.
pub(crate) fn ask(folder: &Folder, question: &str) -> Result<Value, Failure> {
    put(folder, &json!({ "ask": question }))
}

/// Asks something that is more than a word.
pub(crate) fn put(folder: &Folder, question: &Value) -> Result<Value, Failure> {
    let socket = folder.status_socket();
    let answer = converse(&socket, question).map_err(|error| unanswered(folder, &error))?;
    match Advice::deserialize(&answer) {
        Ok(advice) => Err(Failure::from(advice).within(&settings::hints(folder))),
        Err(_) => Ok(answer),
    }
}

/// Permission denied says nothing about whether a daemon runs.
fn unanswered(folder: &Folder, error: &Error) -> Failure {
    let socket = folder.status_socket();
    let shown = socket.display();
    if error.kind() == ErrorKind::PermissionDenied {
        return Failure::not_well(format!("{shown}: permission denied")).hint("check the owner and mode of its folder");
    }
    let failure = Failure::not_well(format!("no daemon answers on {shown}"));
    failure.hint(Hint::run("run")).within(&settings::hints(folder))
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
