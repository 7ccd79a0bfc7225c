//! The mirror of the audit: each record on a line of the log.
//!
//! It goes round the library's formatting, which costs more than the record itself, and all records that were
//! written together are handed over together.

use std::fmt::{self, Write as _};
use std::io::Write as _;

use actors::mirror::{Mirror, Shown};
use tracing::{Level, enabled};
use tracing_appender::non_blocking::NonBlocking;

use super::clock;

/// What stands before each: people grep for it, and filters name it.
const TARGET: &str = "secret-proxy-audit";

/// A mirror that writes there what the filter lets through: refusals as warnings, all else as information.
pub(super) fn into(writer: NonBlocking) -> Mirror {
    Mirror::new(move |records| {
        let (warns, informs) = (enabled!(target: TARGET, Level::WARN), enabled!(target: TARGET, Level::INFO));
        let wanted = records.iter().filter(|record| if record.refused { warns } else { informs });
        // Writing into a text cannot fail, and a log that takes nothing harms nobody.
        if let Ok(text) = lines(wanted)
            && !text.is_empty()
        {
            let _ = writer.clone().write_all(text.as_bytes());
        }
    })
}

/// The records, as the lines of the log look.
fn lines<'a>(records: impl Iterator<Item = &'a Shown<'a>>) -> Result<String, fmt::Error> {
    let mut text = String::new();
    for Shown { refused, line } in records {
        clock::write_now(&mut text)?;
        writeln!(text, " {:>5} {TARGET}: {line}", if *refused { Level::WARN } else { Level::INFO })?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_record_is_a_line_of_its_own_with_its_level() {
        let records = [Shown { refused: false, line: "{\"seq\":1}" }, Shown { refused: true, line: "{\"seq\":2}" }];
        let text = lines(records.iter()).expect("written");
        let ends: Vec<_> = text.lines().filter_map(|line| Some(line.split_once('Z')?.1)).collect();
        assert_eq!(ends, ["  INFO secret-proxy-audit: {\"seq\":1}", "  WARN secret-proxy-audit: {\"seq\":2}"]);
    }
}
