//! `why ID`: the records behind the id that a client got.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::process::ExitCode;

use actors::folder::Folder;
use serde_json::Value;

use crate::cli::WhyArgs;
use crate::failure::Failure;
use crate::settings::folder_path;

pub(crate) fn main(arguments: &WhyArgs) -> Result<ExitCode, Failure> {
    let path = Folder::at(&folder_path(&arguments.folder)?).audit();
    let fail = |error: std::io::Error| Failure::not_well(format!("{}: {}", path.display(), error.kind()));
    let mut found = false;
    for line in BufReader::new(File::open(&path).map_err(fail)?).lines() {
        let line = line.map_err(fail)?;
        if has_id(&line, &arguments.id) {
            found = true;
            say!("{line}");
        }
    }
    if found {
        return Ok(ExitCode::SUCCESS);
    }
    Err(Failure::not_well(format!("no record with id {} in {}", arguments.id, path.display())))
}

fn has_id(line: &str, id: &str) -> bool {
    // Most lines are told apart without reading them as JSON.
    line.contains(id) && serde_json::from_str::<Value>(line).is_ok_and(|record| record["id"] == id)
}
