//! Attacks the promises about the secrets file: what it says is read strictly and literally, a malformed
//! line spoils the whole, and no error or problem holds text of a value.
//!
//! References: [`reference::secrets_text`] for names, lines and values (values are seen by the one way
//! that the product has: a request that is allowed to carry them), [`reference::hosts`] for allowlists,
//! and for a file that the fuzzer builds itself (inputs that start with a zero byte) what it was built
//! from. That texts for people hold nothing of a value is shown by a second file that differs in its
//! values alone: all texts must be the same.

#![no_main]

use arbitrary::{Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;
use policy::secrets::companions::BadHosts;
use policy::secrets::file::{self, Malformed};
use policy::secrets::fingerprint::TableFingerprint;
use policy::secrets::lint::Problem;
use policy::secrets::secret::{BadValue, SecretValue};
use policy::secrets::table::{Fault, Table};
use reference::built_file::{self, Line, build};
use reference::hosts::{self, Place};
use reference::product;
use reference::secrets_text::{self, Entry};
use reference::world::{self, Outcome};

/// All that an error may say beside its line.
const SENTENCES: [&str; 8] = [
    "the line does not start with a name",
    "'=' must follow the name",
    "' #' in a value without quotes could be a comment",
    "the value has a quote at its end only",
    "the quote that opens here is never closed",
    "unknown escape in double quotes (known: \\\\ \\\" \\$ \\n \\r \\t)",
    "only a comment may follow the closing quote",
    "this name stands above with another value",
];

type Read = Result<Table, Malformed>;

fuzz_target!(|data: &[u8]| {
    match data.split_first() {
        Some((0, rest)) => {
            if let Ok(lines) = Vec::<Line<'_>>::arbitrary(&mut Unstructured::new(rest)) {
                check_built(&lines);
            }
        }
        _ => check(data),
    }
});

fn check(text: &[u8]) {
    let read = Table::read(text);
    match (&read, secrets_text::read(text)) {
        (Ok(table), Ok(entries)) => {
            check_entries(text, &entries);
            check_table(table, &entries);
        }
        (Err(malformed), Err(line)) => {
            assert_eq!(malformed.line, line);
            let said = malformed.to_string();
            let cause = said.strip_prefix(&format!("line {line}: ")).expect("a line");
            assert!(SENTENCES.contains(&cause), "{said}");
            let before = text.split_inclusive(|byte| *byte == b'\n').take(line - 1).map(<[u8]>::len).sum();
            assert!(file::parse(&text[..before]).is_ok(), "an earlier line is the malformed one");
        }
        (read, expected) => panic!("the product says {read:?}, the reference {expected:?}"),
    }
    check_variants(text, &read);
}

/// Reading again says the same, and so do the same lines with a byte order mark or with CRLF.
fn check_variants(text: &[u8], first: &Read) {
    let mut variants = vec![text.to_vec()];
    if !text.starts_with("\u{feff}".as_bytes()) {
        variants.push(["\u{feff}".as_bytes(), text].concat());
    }
    // Line ends inside quotes are part of the value, and make long values longer.
    if !text.contains(&b'\r') && text.len() < world::VALUE_BYTES_MAX / 2 {
        let lines = text.split_inclusive(|byte| *byte == b'\n');
        let crlf = |line: &[u8]| line.strip_suffix(b"\n").map_or(line.to_vec(), |line| [line, b"\r\n"].concat());
        variants.push(lines.flat_map(crlf).collect());
    }
    let seen = shown(first);
    for variant in variants {
        let again = Table::read(&variant);
        assert_eq!(shown(&again), seen);
        if let (Ok(one), Ok(other)) = (first, &again) {
            assert!(TableFingerprint::of(one).matches(other) && TableFingerprint::of(other).matches(one));
        }
    }
}

fn check_entries(text: &[u8], expected: &[Entry]) {
    let entries = file::parse(text).expect("the table was read");
    let found: Vec<_> = entries.iter().map(|entry| (entry.line, entry.name.to_string())).collect();
    let expected: Vec<_> = expected.iter().map(|entry| (entry.line, entry.name.clone())).collect();
    assert_eq!(found, expected);
    // Nothing of the text may be used once a line of it is malformed.
    let spoiled = [text, b"\n=\n"].concat();
    assert!(Table::read(&spoiled).is_err(), "a malformed line was passed over");
}

fn check_table(table: &Table, entries: &[Entry]) {
    let named = |name: &str| entries.iter().find(|entry| entry.name == name);
    let mut problems = 0;
    let mut owners = Vec::new();
    for entry in entries {
        if let Some(owner) = entry.name.strip_suffix("_HOSTS") {
            assert!(table.secret(&entry.name).is_none(), "a list of hosts became a secret");
            // A list of hosts has no list of its own, and a list wants a secret.
            problems += usize::from(named(owner).is_none() || owner.ends_with("_HOSTS"));
            continue;
        }
        owners.push(entry.name.as_str());
        problems += check_secret(table, entry, named(&format!("{}_HOSTS", entry.name)));
    }
    let listed: Vec<&str> = table.secrets().iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(listed, owners);
    assert_eq!(table.faults().len(), problems, "{:?}", table.faults());
    table.faults().iter().for_each(|fault| check_fault(fault, entries));
}

/// How many problems it has.
fn check_secret(table: &Table, entry: &Entry, list: Option<&Entry>) -> usize {
    let secret = table.secret(&entry.name).expect("every name is a secret");
    assert_eq!(secret.line, entry.line);
    let value = secret.value.as_ref().map(SecretValue::len);
    match value {
        Ok(length) => assert!(length == entry.value.len() && world::is_sendable(&entry.value)),
        Err(BadValue::Empty) => assert!(entry.value.is_empty()),
        Err(BadValue::TooLong) => assert!(entry.value.len() > world::VALUE_BYTES_MAX),
        Err(BadValue::Control) => assert!(!world::is_sendable(&entry.value)),
    }
    let text = list.map(|list| String::from_utf8(list.value.clone()).ok());
    match (&secret.rules.hosts, text) {
        (Err(BadHosts::Missing), None) | (Err(BadHosts::NotText), Some(None)) => {}
        (hosts, Some(Some(text))) if !text.is_ascii() => assert_ne!(hosts, &Err(BadHosts::Missing)),
        (Err(BadHosts::Entry(..)), Some(Some(text))) => assert_eq!(hosts::parse(&text), None),
        (Ok(allowed), Some(Some(text))) => {
            let expected = hosts::parse(&text).expect("the product read it");
            let mut shown: Vec<String> = expected.iter().map(ToString::to_string).collect();
            shown.sort();
            shown.dedup();
            assert_eq!(allowed.entries(), shown);
            check_value(table, entry, &expected[0].example());
        }
        (hosts, text) => panic!("{hosts:?} for {text:?}"),
    }
    usize::from(value.is_err()) + usize::from(secret.rules.hosts.is_err())
}

/// The only way to see a value: at a place that may receive it.
fn check_value(table: &Table, entry: &Entry, place: &Place) {
    let asked = vec![("x-api-key".to_owned(), format!("<{{{{{}}}}}>", entry.name).into_bytes())];
    let headers = product::headers(&asked).expect("legal");
    match product::outcome(table, table, place, &headers) {
        Outcome::Sent(sent) => assert_eq!(sent[0].1, [b"<", entry.value.as_slice(), b">"].concat()),
        outcome => assert!(!world::is_sendable(&entry.value), "{outcome:?}"),
    }
}

/// It is about an entry, by its line and name. That no text of a value is in its words is what reading with
/// other values shows.
fn check_fault(fault: &Fault, entries: &[Entry]) {
    let name = fault.name.as_str();
    assert!(entries.iter().any(|entry| entry.name == name && entry.line == fault.line), "{fault:?}");
}

/// Everything that people see of a file: problems, and how often each byte stands in what a table prints
/// (sets print in no fixed order).
fn shown(read: &Read) -> (Vec<String>, Vec<usize>) {
    let table = match read {
        Err(malformed) => return (vec![format!("{malformed} {malformed:?}")], Vec::new()),
        Ok(table) => table,
    };
    let mut printed = vec![0; 256];
    format!("{table:?}").bytes().for_each(|byte| printed[usize::from(byte)] += 1);
    let problems = table.faults().iter().map(Problem::from);
    (problems.map(|problem| format!("{} {} {problem:?}", problem.kind, problem.fix())).collect(), printed)
}

fn check_built(lines: &[Line<'_>]) {
    let (text, expected) = build(lines, <[u8]>::to_vec);
    assert_eq!(secrets_text::read(&text), expected, "the reference misreads a file built by rule");
    check(&text);
    // Only the values differ: people must see the same.
    let (other, _) = build(lines, |value| value.iter().map(|byte| built_file::turned(*byte)).collect());
    let seen = |text: &[u8]| (shown(&Table::read(text)), format!("{:?}", file::parse(text)));
    assert_eq!(seen(&text), seen(&other), "a text for people depends on a value");
}
