//! `audit`: shows the trail to people and to programs, and verifies it.

mod columns;
mod filter;
pub(super) mod page;
mod since;
mod verify;

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use actors::folder::Folder;
use actors::trail::{Line, Trail};
use clap::Args;
use policy::record::Record;

use self::filter::{Filter, FilterArgs};
use self::page::{Form, Page};
use crate::settings::{self, FolderArgs, folder_path};
use crate::terminal::failure::Failure;
use crate::terminal::output::stdout_intact;

/// The interval between two looks for new records.
const PAUSE: Duration = Duration::from_millis(200);

#[derive(Args, Debug)]
pub(crate) struct AuditArgs {
    #[command(flatten)]
    folder: FolderArgs,

    /// Continue with new records as they are written
    #[arg(short, long)]
    follow: bool,

    #[command(flatten)]
    filter: FilterArgs,

    /// Show only the last N matching records
    #[arg(short = 'n', long, value_name = "N")]
    limit: Option<usize>,

    /// Print JSON lines on a terminal too
    #[arg(long)]
    json: bool,

    /// Verify the hash chain of all files instead of printing records, and name the first line that breaks it
    #[arg(long, conflicts_with_all = ["follow", "blocked", "secret", "host", "since", "limit"])]
    verify: bool,

    /// Verify that the chain still contains this head, which --verify printed before
    #[arg(long, requires = "verify", value_name = "SEQ:HASH")]
    head: Option<String>,
}

pub(crate) fn main(arguments: &AuditArgs) -> Result<ExitCode, Failure> {
    let filter = Filter::new(&arguments.filter).map_err(Failure::usage)?;
    let pinned = arguments.head.as_deref().map(verify::head).transpose()?;
    let folder = Folder::at(&folder_path(&arguments.folder)?);
    let mut trail = open(&folder)?;
    if arguments.verify {
        return verify::main(&mut trail, &settings::hints(&folder), pinned, arguments.json);
    }
    let page = Page::new(Form::of_stdout(arguments.json), arguments.limit);
    let mut reading = Reading { filter, page, broken: 0 };
    match reading.run(&mut trail, arguments.follow) {
        Err(error) => interrupted(error).map(|()| ExitCode::SUCCESS),
        Ok(()) if reading.broken > 0 => Ok(ExitCode::FAILURE),
        Ok(()) => Ok(ExitCode::SUCCESS),
    }
}

/// Why not everything was shown. A reader that closes the pipe, as `head` does, is no failure.
pub(super) fn interrupted(error: io::Error) -> Result<(), Failure> {
    if stdout_intact()? { Err(Failure::not_well(error)) } else { Ok(()) }
}

/// Opens the trail, and names its files that cannot be read.
pub(super) fn open(folder: &Folder) -> Result<Trail, Failure> {
    let trail = Trail::open(folder).map_err(Failure::not_well)?;
    trail.passed_over().iter().for_each(|note| err!("secret-proxy: {note}"));
    if trail.is_empty() {
        let path = trail.live_path();
        return Err(Failure::not_well(format!("no records yet: there is no {}", path.display())));
    }
    Ok(trail)
}

/// Reads the trail through the filter onto the page.
struct Reading {
    filter: Filter,
    page: Page,
    broken: u64,
}

impl Reading {
    fn run(&mut self, trail: &mut Trail, follow: bool) -> io::Result<()> {
        loop {
            while trail.advance()? {
                trail.line().map_or(Ok(()), |line| self.read(&line))?;
            }
            self.page.turn()?;
            if !follow || self.page.reader_leaves_within(PAUSE) {
                return Ok(());
            }
            trail.look_for_more()?;
        }
    }

    fn read(&mut self, line: &Line<'_>) -> io::Result<()> {
        if !self.filter.may_want(line.text) {
            if !has_the_shape_of_json(line.text) {
                self.pass_over(line);
            }
            return Ok(());
        }
        match Record::read(line.text) {
            Some(record) if self.filter.wants(&record) => self.page.show(line.text, &record),
            Some(_) => Ok(()),
            None => {
                self.pass_over(line);
                Ok(())
            }
        }
    }

    /// Names a line that is not a record, and goes on.
    fn pass_over(&mut self, line: &Line<'_>) {
        self.broken += 1;
        err!("secret-proxy: {}: is not a record and is passed over", line.place);
    }
}

/// A quick check of a line that is not shown.
fn has_the_shape_of_json(line: &[u8]) -> bool {
    line.starts_with(b"{") && line.ends_with(b"}")
}
