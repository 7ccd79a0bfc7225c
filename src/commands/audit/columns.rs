//! Rows for a person: time (UTC), verdict, method, host, path, secrets, reason, id.

use std::fmt::Write;

use policy::record::{Attempt, Event, Notice, Outcome, Record};

use crate::terminal::escape::visible;

/// The columns after time and verdict: initial and maximum width of each. A column grows with its texts; a text
/// beyond the maximum is shown whole and moves the rest of its row.
const WIDTHS: [(usize, usize); 6] = [(6, 8), (20, 40), (20, 48), (12, 40), (0, 64), (16, 16)];
/// Hosts and reasons are always shown whole; a path that is longer ends in this.
const CUT: char = '…';
const PATH_MAX: usize = 80;

const GREEN: &str = "32";
const RED: &str = "31";
const YELLOW: &str = "33";
const DIM: &str = "2";

/// Aligns the cells of rows.
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
        let (verdict, colour, cells) = match &record.event {
            // Not about a request: no version of the daemon writes such a line.
            Event::Attempt(attempt) if attempt.host.is_empty() => {
                ("note", DIM, attempt.reason.as_deref().map(visible).unwrap_or_default())
            }
            Event::Attempt(attempt) if attempt.blocked => ("refused", RED, self.cells(attempt)),
            Event::Attempt(attempt) => ("permitted", GREEN, self.cells(attempt)),
            Event::Notice(notice) if notice.outcome == Outcome::NotSent => {
                let unsent =
                    Attempt { reason: Some(notice.reason.clone()), id: notice.id.clone(), ..Attempt::default() };
                ("not sent", YELLOW, self.cells(&unsent))
            }
            Event::Notice(notice) if notice.outcome == Outcome::RefusedTogether => {
                ("refused", RED, self.cells(&together(notice)))
            }
            Event::Notice(notice) => ("chain", DIM, in_words(notice)),
        };
        let mut row = format!("{}  ", visible(&record.timestamp));
        self.paint(&mut row, &format!("{verdict:9}"), colour);
        let _ = write!(row, "  {cells}");
        row.truncate(row.trim_end().len());
        row
    }

    fn paint(&self, row: &mut String, text: &str, colour: &str) {
        let _ = if self.colour { write!(row, "\x1b[{colour}m{text}\x1b[0m") } else { write!(row, "{text}") };
    }

    fn cells(&mut self, attempt: &Attempt<'_>) -> String {
        let secrets: Vec<String> = attempt.secrets.iter().map(|name| visible(name)).collect();
        let mut cells = [
            visible(&attempt.method),
            host(attempt),
            cut(visible(&attempt.path)),
            secrets.join(","),
            attempt.reason.as_deref().map(visible).unwrap_or_default(),
            visible(&attempt.id),
        ];
        for ((cell, width), (_, widest)) in cells.iter_mut().zip(&mut self.widths).zip(WIDTHS) {
            let length = cell.chars().count();
            *width = length.min(widest).max(*width);
            cell.extend(std::iter::repeat_n(' ', width.saturating_sub(length)));
        }
        cells.join("  ")
    }
}

/// Refusals without records of their own, as one that has no method and no path.
fn together<'a>(notice: &Notice<'a>) -> Attempt<'a> {
    let hosts: Vec<String> = notice.hosts.iter().map(|it| format!("{} ({})", &*it.host, it.count)).collect();
    let reason = format!("{} requests: {}", notice.count.unwrap_or_default(), &*notice.reason);
    Attempt {
        secrets: notice.secrets.clone(),
        host: hosts.join(", ").into(),
        reason: Some(reason.into()),
        id: notice.id.clone(),
        ..Attempt::default()
    }
}

/// What happened to the chain.
fn in_words(notice: &Notice<'_>) -> String {
    let reason = visible(&notice.reason);
    match notice.outcome {
        Outcome::ChainStart => format!("a new chain starts: {reason}"),
        Outcome::Pruned => {
            let through = notice.through.as_ref().map_or(0, |through| through.seq);
            format!("records up to {through} were deleted: {reason}")
        }
        Outcome::TornLine => format!("a torn line was cut: {reason}"),
        Outcome::NotSent | Outcome::RefusedTogether | Outcome::Other => reason,
    }
}

/// The host, with scheme and port where they are not the usual ones.
fn host(attempt: &Attempt<'_>) -> String {
    let host = visible(&attempt.host);
    let (scheme, usual) = if &*attempt.scheme == "http" { ("http://", 80) } else { ("", 443) };
    match attempt.port {
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
                "chain      a new chain starts: the file was gone",
            ),
            (
                json!({"outcome": "pruned", "reason": "20 are kept", "through": {"seq": 7, "hash": ""}}),
                "up to 7 were deleted: 20 are kept",
            ),
            (json!({"outcome": "torn_line", "reason": "r"}), "a torn line was cut: r"),
            (
                json!({"outcome": "refused_together", "reason": "too many", "count": 9, "id": "1", "secrets": ["A"],
                       "hosts": [{"host": "evil.example", "count": 9}]}),
                "evil.example (9)",
            ),
            (
                json!({"outcome": "refused_together", "reason": "too many", "count": 9, "id": "1"}),
                "9 requests: too many",
            ),
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
