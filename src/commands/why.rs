//! `why ID`: the records behind the id that a client got.

use std::io;
use std::process::ExitCode;

use actors::folder::Folder;
use actors::trail::Trail;
use clap::Args;
use memchr::memmem::Finder;
use policy::record::Record;

use super::audit;
use super::audit::page::{Form, Page};
use crate::settings::{FolderArgs, folder_path};
use crate::terminal::failure::Failure;

const ID_DIGITS: usize = 16;

#[derive(Args, Debug)]
pub(crate) struct WhyArgs {
    #[command(flatten)]
    folder: FolderArgs,

    /// Id of the refusal: 16 hex digits
    #[arg(value_name = "ID")]
    id: String,
}

pub(crate) fn main(arguments: &WhyArgs) -> Result<ExitCode, Failure> {
    let id = arguments.id.trim().to_ascii_lowercase();
    if id.len() != ID_DIGITS || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Failure::usage(format!(
            "'{id}' is not an id: it is the {ID_DIGITS} hex digits of x-secret-proxy-id"
        )));
    }
    let mut trail = audit::open(&Folder::at(&folder_path(&arguments.folder)?))?;
    match show(&mut trail, &id) {
        Err(error) => return audit::interrupted(error).map(|()| ExitCode::SUCCESS),
        Ok(true) => return Ok(ExitCode::SUCCESS),
        Ok(false) => {}
    }
    Err(Failure::not_well(format!("no record with id {id} in {}", trail.live_path().display())))
}

/// Shows the records with the id as JSON, and returns whether there are any.
fn show(trail: &mut Trail, id: &str) -> io::Result<bool> {
    // Most lines need no reading as JSON.
    let finder = Finder::new(id);
    let mut page = Page::new(Form::of_stdout(true), None);
    let mut found = false;
    while trail.advance()? {
        let Some(line) = trail.line().filter(|line| finder.find(line.text).is_some()) else { continue };
        let record = Record::read(line.text).filter(|record| record.id() == id);
        if let Some(record) = record {
            found = true;
            page.show(line.text, &record)?;
        }
    }
    page.turn()?;
    Ok(found)
}
