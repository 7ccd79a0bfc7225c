//! `why ID`: the records behind the id that a client got.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind};
use std::process::ExitCode;

use actors::folder::Folder;
use serde_json::Value;

use crate::cli::WhyArgs;
use crate::failure::Failure;
use crate::settings::folder_path;

const ID_DIGITS: usize = 16;

pub(crate) fn main(arguments: &WhyArgs) -> Result<ExitCode, Failure> {
    let id = arguments.id.trim().to_ascii_lowercase();
    if id.len() != ID_DIGITS || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Failure::usage(format!(
            "'{id}' is not an id: it is the {ID_DIGITS} hex digits of x-secret-proxy-id"
        )));
    }
    let path = Folder::at(&folder_path(&arguments.folder)?).audit();
    let fail = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => Failure::not_well(format!("no records yet in {}", path.display())),
        kind => Failure::not_well(format!("{}: {kind}", path.display())),
    };
    let mut found = false;
    for line in BufReader::new(File::open(&path).map_err(fail)?).lines() {
        let line = line.map_err(fail)?;
        if has_id(&line, &id) {
            found = true;
            say!("{line}");
        }
    }
    if found {
        return Ok(ExitCode::SUCCESS);
    }
    Err(Failure::not_well(format!("no record with id {id} in {}", path.display())))
}

fn has_id(line: &str, id: &str) -> bool {
    // Most lines are told apart without reading them as JSON.
    line.contains(id) && serde_json::from_str::<Value>(line).is_ok_and(|record| record["id"] == id)
}
