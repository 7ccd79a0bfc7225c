//! Attacks the promise that a record is one line of JSON in the order that people parse, and that nothing
//! a client sends can end a line, move a terminal's cursor or grow without bound.
//!
//! References: `serde_json` reads every line back; [`reference::json_line`] reads the keys in order, names
//! the characters that may not appear, and cuts long texts in its own way. [`Record::read`] must give the very
//! record that was written. The time, the id and the hash are the daemon's own words and plain here. The path
//! without its query and the hash of the line before are made in `actors` and not reached.

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
