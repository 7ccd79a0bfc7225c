//! Questions to the daemon over its status socket, one JSON line each way.

pub(crate) mod identify;

use std::io::{BufRead, BufReader, Error, ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use actors::folder::Folder;
use actors::hint::{Advice, Hint};
use actors::status::{Question, Report};
use serde::Deserialize as _;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::settings;
use crate::terminal::failure::Failure;

const PATIENCE: Duration = Duration::from_secs(5);

/// The daemon's report on itself.
pub(crate) fn status(folder: &Folder) -> Result<Report, Failure> {
    ask(folder, &Question::Status)
}

/// Asks and waits for the answer.
pub(crate) fn ask<A: DeserializeOwned>(folder: &Folder, question: &Question) -> Result<A, Failure> {
    let socket = folder.status_socket();
    let answer = converse(&socket, question).map_err(|error| unanswered(folder, &error))?;
    if let Ok(advice) = Advice::deserialize(&answer) {
        return Err(Failure::from(advice).within(&settings::hints(folder)));
    }
    A::deserialize(answer).map_err(|_| {
        let failure = Failure::not_well(format!("the daemon on {} is of another version", socket.display()));
        failure.hint("restart it")
    })
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

fn converse(socket: &std::path::Path, question: &Question) -> std::io::Result<Value> {
    let question = serde_json::to_string(question)?;
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(format!("{question}\n").as_bytes())?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer)?;
    Ok(serde_json::from_str(&answer)?)
}
