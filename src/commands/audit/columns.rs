//! A record as a row for a person: time (UTC), verdict, method, host, path, secrets, reason, id.

use std::fmt::Write;

use crate::terminal::escape::visible;
use crate::trail::record::{Outcome, Record, Text};

/// The columns after time and verdict, and how wide each is at first and at most. A column grows with
/// what is in it; a longer text is shown whole and moves the rest of its row.
const WIDTHS: [(usize, usize); 6] = [(6, 8), (20, 40), (20, 48), (12, 40), (0, 64), (16, 16)];
/// Hosts and reasons are always shown whole; a path that is longer ends in this.
const CUT: char = '…';
const PATH_MAX: usize = 80;

const GREEN: &str = "32";
const RED: &str = "31";
const YELLOW: &str = "33";
const DIM: &str = "2";

/// Sets rows one under another.
pub(in crate::commands) struct Columns {
    colour: bool,
    widths: [usize; 6],
}

impl Columns {
    pub(super) fn new(colour: bool) -> Self {
        Self { colour, widths: WIDTHS.map(|(first, _)| first) }
    }

    /// One row, without a line end. No text of the record acts on the terminal.
    pub(super) fn row(&mut self, record: &Record<'_>) -> String {
        let (verdict, colour) = verdict(record);
        let mut row = format!("{}  ", visible(&record.timestamp));
        self.paint(&mut row, &format!("{verdict:9}"), colour);
        let cells = note(record).unwrap_or_else(|| self.cells(record).join("  "));
        let _ = write!(row, "  {cells}");
        row.truncate(row.trim_end().len());
        row
    }

    fn paint(&self, row: &mut String, text: &str, colour: &str) {
        let _ = if self.colour { write!(row, "\x1b[{colour}m{text}\x1b[0m") } else { write!(row, "{text}") };
    }

    fn cells(&mut self, record: &Record<'_>) -> [String; 6] {
        let shown = |text: &Option<Text<'_>>| text.as_deref().map(visible).unwrap_or_default();
        let secrets: Vec<String> = record.secrets.iter().map(|name| visible(name)).collect();
        let mut cells = [
            shown(&record.method),
            host(record),
            cut(shown(&record.path)),
            secrets.join(","),
            shown(&record.reason),
            shown(&record.id),
        ];
        for ((cell, width), (_, widest)) in cells.iter_mut().zip(&mut self.widths).zip(WIDTHS) {
            let length = cell.chars().count();
            *width = length.min(widest).max(*width);
            cell.extend(std::iter::repeat_n(' ', width.saturating_sub(length)));
        }
        cells
    }
}

fn verdict(record: &Record<'_>) -> (&'static str, &'static str) {
    match record.outcome {
        None if record.host.is_none() => ("note", DIM),
        None if record.blocked => ("refused", RED),
        None => ("permitted", GREEN),
        Some(Outcome::NotSent) => ("not sent", YELLOW),
        Some(_) => ("chain", DIM),
    }
}

/// A record that is not about a request, in words.
fn note(record: &Record<'_>) -> Option<String> {
    let reason = record.reason.as_deref().map(visible).unwrap_or_default();
    Some(match record.outcome {
        None if record.host.is_some() => return None,
        Some(Outcome::NotSent) => return None,
        Some(Outcome::ChainStart) => format!("starts anew: {reason}"),
        Some(Outcome::Pruned) => {
            let through = record.through.as_ref().map_or(0, |through| through.seq);
            format!("records up to {through} were deleted: {reason}")
        }
        Some(Outcome::TornLine) => {
            format!("a torn line was cut, {} bytes: {reason}", record.bytes.unwrap_or_default())
        }
        Some(Outcome::Other) | None => reason,
    })
}

/// What is not usual about the destination is shown: cleartext, another port.
fn host(record: &Record<'_>) -> String {
    let host = record.host.as_deref().map(visible).unwrap_or_default();
    let (scheme, usual) = if record.scheme.as_deref() == Some("http") { ("http://", 80) } else { ("", 443) };
    match record.port {
        Some(port) if port != usual => format!("{scheme}{host}:{port}"),
        _ => format!("{scheme}{host}"),
    }
}

fn cut(path: String) -> String {
    if path.chars().count() <= PATH_MAX {
        return path;
    }
    path.chars().take(PATH_MAX - 1).chain([CUT]).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row(columns: &mut Columns, line: &str) -> String {
        columns.row(&Record::read(line.as_bytes()).expect("a record"))
    }

    const PERMIT: &str = r#"{"timestamp":"2026-02-04T12:34:56Z","secrets":["API_KEY","B"],"method":"POST","host":"api.example.com","path":"/v1/messages","blocked":false,"id":"0123456789abcdef","port":443,"scheme":"https"}"#;
    const REFUSAL: &str = r#"{"timestamp":"2026-02-04T12:34:57Z","secrets":["API_KEY"],"method":"GET","host":"evil.example","path":"/","blocked":true,"reason":"Host 'evil.example' not allowed for API_KEY","id":"fedcba9876543210","port":8080,"scheme":"http"}"#;

    #[test]
    fn rows_stand_one_under_another() {
        let mut columns = Columns::new(false);
        let rows = [REFUSAL, PERMIT].map(|line| row(&mut columns, line));
        for words in [
            ["refused", "permitted"],
            ["GET", "POST"],
            ["http://evil.example:8080", "api.example.com"],
            ["API_KEY", "API_KEY,B"],
            ["fedcba9876543210", "0123456789abcdef"],
        ] {
            let places: Vec<_> = words.iter().zip(&rows).map(|(word, row)| row.find(word)).collect();
            assert!(places[0].is_some() && places[0] == places[1], "{words:?} in\n{}", rows.join("\n"));
        }
        assert!(rows[0].contains("  Host 'evil.example' not allowed for API_KEY  "), "{}", rows[0]);
    }

    #[test]
    fn colour_is_only_where_it_is_wanted() {
        assert!(!row(&mut Columns::new(false), REFUSAL).contains('\u{1b}'));
        let coloured = row(&mut Columns::new(true), REFUSAL);
        assert!(coloured.contains("\u{1b}[31mrefused  \u{1b}[0m"), "{coloured:?}");
    }

    #[test]
    fn what_is_not_a_request_is_told_in_words() {
        let table = [
            (json!({"outcome": "not_sent", "reason": "Gone", "id": "1"}), "not sent  "),
            (
                json!({"outcome": "chain_start", "reason": "the file was gone"}),
                "chain      starts anew: the file was gone",
            ),
            (
                json!({"outcome": "pruned", "reason": "20 are kept", "through": {"seq": 7, "hash": ""}}),
                "up to 7 were deleted: 20 are kept",
            ),
            (json!({"outcome": "torn_line", "reason": "r", "bytes": 12}), "a torn line was cut, 12 bytes: r"),
            (json!({"reason": "something"}), "note       something"),
        ];
        for (mut record, expected) in table {
            record["timestamp"] = "2026-02-04T12:34:56Z".into();
            let row = row(&mut Columns::new(false), &record.to_string());
            assert!(row.contains(expected), "{expected:?} in {row}");
        }
    }

    /// JSON hides controls from the terminal only until it is decoded.
    #[test]
    fn no_field_acts_on_the_terminal() {
        let hostile = "\u{1b}[2J\u{9b}2J\u{202e}\u{7}\r\n\u{200b}";
        let mut record = json!({"timestamp": hostile, "secrets": [hostile], "reason": hostile, "id": hostile});
        let mut shown = vec![row(&mut Columns::new(false), &record.to_string())];
        for field in ["method", "host", "path", "scheme"] {
            record[field] = hostile.into();
        }
        shown.push(row(&mut Columns::new(false), &record.to_string()));
        for row in shown {
            assert!(row.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{row:?}");
            assert!(row.contains("\\u{1b}[2J\\u{9b}2J\\u{202e}"), "{row}");
        }
    }

    #[test]
    fn a_long_path_is_cut_and_a_long_host_is_not() {
        let long = "a".repeat(200);
        let record =
            json!({"timestamp": "t", "host": format!("{long}.example"), "path": format!("/{long}"), "id": "1"});
        let row = row(&mut Columns::new(false), &record.to_string());
        assert!(row.contains(&format!("{long}.example")) && !row.contains(&format!("/{long}")) && row.contains(CUT));
    }
}
