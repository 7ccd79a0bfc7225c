//! Records on standard output: unchanged lines of the file, or columns for a person.

use std::collections::VecDeque;
use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};
use std::thread;
use std::time::Duration;

use policy::record::Record;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::columns::Columns;
use crate::terminal::escape::visible_json;
use crate::terminal::output::note_failure;

const BUFFER_BYTES: usize = 64 * 1024;

/// How a record is written.
pub(in crate::commands) enum Form {
    /// JSON, byte for byte as in the file.
    Lines,
    /// JSON for a terminal.
    VisibleLines,
    /// For a person.
    Columns(Columns),
}

impl Form {
    /// JSON, unless standard output is a terminal.
    pub(in crate::commands) fn of_stdout(json: bool) -> Self {
        match (io::stdout().is_terminal(), json) {
            (false, _) => Self::Lines,
            (true, true) => Self::VisibleLines,
            (true, false) => Self::Columns(Columns::new(wants_colour())),
        }
    }
}

/// See no-color.org.
fn wants_colour() -> bool {
    let is = |name: &str, unwanted: &dyn Fn(&str) -> bool| std::env::var(name).is_ok_and(|value| unwanted(&value));
    !is("NO_COLOR", &|value| !value.is_empty()) && !is("TERM", &|value| value == "dumb")
}

/// Stdout.
pub(in crate::commands) struct Page {
    form: Form,
    out: BufWriter<StdoutLock<'static>>,
    /// The last lines, while the end is not reached and only so many are asked for.
    held: Option<(usize, VecDeque<Vec<u8>>)>,
}

impl Page {
    pub(in crate::commands) fn new(form: Form, limit: Option<usize>) -> Self {
        let out = BufWriter::with_capacity(BUFFER_BYTES, io::stdout().lock());
        Self { form, out, held: limit.map(|limit| (limit, VecDeque::new())) }
    }

    /// Shows a line and the record in it.
    pub(in crate::commands) fn show(&mut self, line: &[u8], record: &Record<'_>) -> io::Result<()> {
        if let Some((limit, lines)) = &mut self.held {
            hold(*limit, lines, line);
            return Ok(());
        }
        let out = &mut self.out;
        let written = match &mut self.form {
            Form::Lines => out.write_all(line),
            Form::VisibleLines => out.write_all(visible_json(&String::from_utf8_lossy(line)).as_bytes()),
            Form::Columns(columns) => out.write_all(columns.row(record).as_bytes()),
        };
        note_failure(written.and_then(|()| out.write_all(b"\n")))
    }

    /// Everything has been read: shows what is held back and flushes.
    pub(in crate::commands) fn turn(&mut self) -> io::Result<()> {
        if let Some((_, lines)) = self.held.take() {
            for line in lines {
                Record::read(&line).map_or(Ok(()), |record| self.show(&line, &record))?;
            }
        }
        note_failure(self.out.flush())
    }

    /// Waits, and returns whether the reader of the output has gone.
    pub(super) fn reader_leaves_within(&self, pause: Duration) -> bool {
        let timeout = Timespec::try_from(pause).ok();
        let mut watched = [PollFd::new(self.out.get_ref(), PollFlags::empty())];
        let came = poll(&mut watched, timeout.as_ref());
        let [watched] = watched;
        let is_gone = watched.revents().intersects(PollFlags::ERR | PollFlags::HUP);
        if !is_gone && came != Ok(0) {
            // Not everything can be watched on every system.
            thread::sleep(pause);
        }
        is_gone
    }
}

fn hold(limit: usize, lines: &mut VecDeque<Vec<u8>>, line: &[u8]) {
    if limit == 0 {
        return;
    }
    let mut kept = if lines.len() == limit { lines.pop_front() } else { None }.unwrap_or_default();
    kept.clear();
    kept.extend_from_slice(line);
    lines.push_back(kept);
}
