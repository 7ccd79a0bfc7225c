//! Attacks the promise that a record is one line of JSON in the order that people parse, and that nothing
//! a client sends can end a line, move a terminal's cursor or grow without bound.
//!
//! References: `serde_json` reads every line back; [`reference::json_line`] reads the keys in order, names
//! the characters that may not appear, and cuts long texts in its own way. The time, the id and the hash
//! are the daemon's own words and plain here. The path without its query and the hash of the line before are
//! made in `actors` and not reached.
//!
//! [`Record::read`] must return the very record that was written.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use policy::record::{self, Attempt, Event, Notice, Outcome, Record, Through};
use reference::json_line::{self, kept, kept_names};
use serde_json::{Value, json};

const TIMESTAMP: &str = "2026-02-04T12:34:56Z";
const ID: &str = "0123456789abcdef";
/// A character of one byte takes at most six in JSON.
const FIELD_MAX: usize = 6 * 1024;
const METHOD_MAX: usize = 6 * 64;
const NAMES_MAX: usize = 6 * 2048 + 16;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    names: Vec<&'a str>,
    /// Names as a client could send very many of.
    more: u8,
    method: &'a str,
    host: &'a str,
    path: Text<'a>,
    reason: Option<Text<'a>>,
    port: u16,
    tls: bool,
    seq: u64,
    prev: u32,
}

/// A text that may be made long.
#[derive(Arbitrary, Debug)]
struct Text<'a> {
    text: &'a str,
    times: u8,
}

impl Text<'_> {
    /// Some are much longer than what is kept.
    fn written(&self) -> String {
        let times = if self.times < 240 { 1 } else { 4096 / self.text.len().max(1) };
        self.text.repeat(times)
    }
}

fuzz_target!(|input: Input<'_>| {
    let prev = format!("{:08x}", input.prev);
    check_record(&input, &prev);
    let reason = input.path.written();
    check_not_sent(&reason, input.seq, &prev);
    check_note(&reason, input.seq, &prev);
});

fn check_record(input: &Input<'_>, prev: &str) {
    let names: Vec<&str> = input
        .names
        .iter()
        .copied()
        .cycle()
        .take(input.names.len() + usize::from(input.more.saturating_sub(128)))
        .collect();
    let (path, reason) = (input.path.written(), input.reason.as_ref().map(Text::written));
    let scheme = if input.tls { "https" } else { "http" };
    let attempt = Attempt {
        secrets: record::bounded_names(names.iter().copied()),
        method: record::bounded_method(input.method),
        host: record::bounded(input.host),
        path: record::bounded(&path),
        blocked: reason.is_some(),
        reason: reason.as_deref().map(record::bounded),
        id: ID.into(),
        port: Some(input.port),
        scheme: scheme.into(),
        tunnel: !input.tls,
    };
    let line = written(Event::Attempt(attempt), input.seq, prev);
    let mut expected = vec![
        ("timestamp", json!(TIMESTAMP)),
        ("secrets", json!(kept_names(&names))),
        ("method", json!(kept(input.method, 64))),
        ("host", json!(kept(input.host, 1024))),
        ("path", json!(kept(&path, 1024))),
        ("blocked", json!(reason.is_some())),
    ];
    expected.extend(reason.map(|reason| ("reason", json!(kept(&reason, 1024)))));
    expected.extend([("id", json!(ID)), ("port", json!(input.port)), ("scheme", json!(scheme))]);
    expected.extend((!input.tls).then(|| ("tunnel", json!(true))));
    check_line(&line, expected, input.seq, prev);
    assert!(line.len() <= NAMES_MAX + METHOD_MAX + 3 * FIELD_MAX + 512, "{} bytes", line.len());
}

fn check_not_sent(reason: &str, seq: u64, prev: &str) {
    let expected = vec![
        ("timestamp", json!(TIMESTAMP)),
        ("id", json!(ID)),
        ("outcome", json!("not_sent")),
        ("reason", json!(kept(reason, 1024))),
    ];
    let line = written(Event::not_sent(ID, reason), seq, prev);
    assert!(line.len() <= FIELD_MAX + 512, "{} bytes", line.len());
    check_line(&line, expected, seq, prev);
}

fn check_note(reason: &str, seq: u64, prev: &str) {
    let pruned = seq.is_multiple_of(3);
    let (outcome, word) = match seq % 3 {
        0 => (Outcome::Pruned, "pruned"),
        1 => (Outcome::ChainStart, "chain_start"),
        _ => (Outcome::TornLine, "torn_line"),
    };
    let through = pruned.then(|| Through { seq, hash: prev.into() });
    let notice = Notice { through, ..Notice::new(ID, outcome, reason) };
    let line = written(Event::Notice(notice), seq, prev);
    let mut expected =
        vec![("timestamp", json!(TIMESTAMP)), ("id", json!(ID)), ("outcome", json!(word)), ("reason", json!(reason))];
    expected.extend(pruned.then(|| ("through", json!({"seq": seq, "hash": prev}))));
    check_line(&line, expected, seq, prev);
}

/// The line, which must read back as the record that was written.
fn written(event: Event<'_>, seq: u64, prev: &str) -> String {
    let record = Record { seq: Some(seq), prev: Some(prev.into()), ..Record::new(TIMESTAMP, event) };
    let mut line = Vec::new();
    record.add_line(&mut line);
    assert_eq!(Record::read(line.trim_ascii_end()).as_ref(), Some(&record));
    String::from_utf8(line).expect("text")
}

/// One line, one object, these fields in this order, and the place in the chain at its end.
fn check_line(line: &str, mut expected: Vec<(&str, Value)>, seq: u64, prev: &str) {
    expected.extend([("seq", json!(seq)), ("prev", json!(prev))]);
    let body = line.strip_suffix('\n').expect("a line end");
    assert!(!body.chars().any(json_line::is_hostile), "{body:?}");
    let keys: Vec<&str> = expected.iter().map(|(key, _)| *key).collect();
    assert_eq!(json_line::keys(body), keys);
    let read: Value = serde_json::from_str(body).expect("JSON");
    let expected: serde_json::Map<String, Value> =
        expected.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    assert_eq!(read, Value::Object(expected));
}
