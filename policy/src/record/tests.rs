//! Golden lines, and that each line reads back as what was written.

use proptest::prelude::*;

use super::one_line::acts_on_terminals;
use super::*;

const TIMESTAMP: &str = "2026-02-04T12:34:57Z";
const ID: &str = "0123456789abcdef";

fn line(event: Event<'_>, seq: u64, prev: &str) -> String {
    let mut line = Vec::new();
    Record { seq: Some(seq), prev: Some(prev.into()), ..Record::new(TIMESTAMP, event) }.add_line(&mut line);
    String::from_utf8(line).expect("text")
}

fn attempt(path: &str) -> Attempt<'static> {
    Attempt {
        secrets: vec!["ANTHROPIC_API_KEY".into()],
        method: "POST".into(),
        host: "evil.com".into(),
        path: bounded(path),
        blocked: true,
        reason: Some("Host 'evil.com' not allowed for ANTHROPIC_API_KEY".into()),
        id: ID.into(),
        port: Some(443),
        scheme: "https".into(),
        ..Attempt::default()
    }
}

fn notice(outcome: Outcome, reason: &str, through: Option<Through<'static>>) -> Event<'static> {
    Event::Notice(Notice { through, ..Notice::new(ID, outcome, bounded(reason)) })
}

/// Every kind of line that the daemon writes. People and programs parse them: they never change.
fn golden() -> [(Event<'static>, &'static str); 9] {
    let permit = Attempt { blocked: false, reason: None, ..attempt("/") };
    let together = Notice {
        count: Some(12),
        hosts: vec![Destination { host: "evil.com".into(), count: 9 }],
        secrets: vec!["A".into()],
        ..Notice::new(ID, Outcome::RefusedTogether, "too many")
    };
    let kept = Kept { records: 2, hash: "ef".into() };
    let kept = Notice { kept: Some(kept), ..Notice::new(ID, Outcome::Pruned, "as the settings say") };
    let (together, kept) = (Event::Notice(together), Event::Notice(kept));
    let tunnel = Attempt { secrets: Vec::new(), method: "CONNECT".into(), tunnel: true, ..attempt("") };
    [
        (
            Event::Attempt(attempt("/steal")),
            "\"secrets\":[\"ANTHROPIC_API_KEY\"],\"method\":\"POST\",\"host\":\"evil.com\",\"path\":\"/steal\",\
             \"blocked\":true,\"reason\":\"Host 'evil.com' not allowed for ANTHROPIC_API_KEY\",\
             \"id\":\"0123456789abcdef\",\"port\":443,\"scheme\":\"https\"",
        ),
        (
            Event::Attempt(permit),
            "\"secrets\":[\"ANTHROPIC_API_KEY\"],\"method\":\"POST\",\"host\":\"evil.com\",\"path\":\"/\",\
             \"blocked\":false,\"id\":\"0123456789abcdef\",\"port\":443,\"scheme\":\"https\"",
        ),
        (
            Event::Attempt(tunnel),
            "\"secrets\":[],\"method\":\"CONNECT\",\"host\":\"evil.com\",\"path\":\"\",\"blocked\":true,\
             \"reason\":\"Host 'evil.com' not allowed for ANTHROPIC_API_KEY\",\"id\":\"0123456789abcdef\",\
             \"port\":443,\"scheme\":\"https\",\"tunnel\":true",
        ),
        (
            Event::not_sent(ID, "Upstream could not be reached"),
            "\"id\":\"0123456789abcdef\",\"outcome\":\"not_sent\",\"reason\":\"Upstream could not be reached\"",
        ),
        (
            notice(Outcome::ChainStart, "the last line has no place", None),
            "\"id\":\"0123456789abcdef\",\"outcome\":\"chain_start\",\"reason\":\"the last line has no place\"",
        ),
        (
            notice(Outcome::TornLine, "the last line was torn", None),
            "\"id\":\"0123456789abcdef\",\"outcome\":\"torn_line\",\"reason\":\"the last line was torn\"",
        ),
        (
            notice(Outcome::Pruned, "as the settings say", Some(Through { seq: 6, hash: "cd".into() })),
            "\"id\":\"0123456789abcdef\",\"outcome\":\"pruned\",\"reason\":\"as the settings say\",\
             \"through\":{\"seq\":6,\"hash\":\"cd\"}",
        ),
        (
            kept,
            "\"id\":\"0123456789abcdef\",\"outcome\":\"pruned\",\"reason\":\"as the settings say\",\
             \"kept\":{\"records\":2,\"hash\":\"ef\"}",
        ),
        (
            together,
            "\"id\":\"0123456789abcdef\",\"outcome\":\"refused_together\",\"reason\":\"too many\",\"count\":12,\
             \"hosts\":[{\"host\":\"evil.com\",\"count\":9}],\"secrets\":[\"A\"]",
        ),
    ]
}

#[test]
fn what_a_client_can_have_at_will_is_no_evidence() {
    let kept: Vec<_> = golden().iter().map(|(event, _)| event.is_evidence()).collect();
    assert_eq!(kept, [true, false, true, false, true, true, true, true, true]);
    let refusals: Vec<_> = golden().iter().map(|(event, _)| event.refusals()).collect();
    assert_eq!(refusals, [1, 0, 1, 0, 0, 0, 0, 0, 12]);
}

#[test]
fn each_kind_of_line_has_its_fields_in_the_order_that_people_parse() {
    for (event, fields) in golden() {
        let expected = format!("{{\"timestamp\":\"{TIMESTAMP}\",{fields},\"seq\":7,\"prev\":\"ab\"}}\n");
        assert_eq!(line(event, 7, "ab"), expected);
    }
}

#[test]
fn each_kind_of_line_reads_back_as_it_was_written() {
    for (event, _) in golden() {
        let line = line(event.clone(), 7, "ab");
        let read = Record::read(line.trim_end().as_bytes()).expect("a record");
        assert_eq!(read, Record { seq: Some(7), prev: Some("ab".into()), ..Record::new(TIMESTAMP, event) });
    }
}

#[test]
fn later_versions_and_older_scripts_are_read() {
    let later = r#"{"timestamp":"t","outcome":"praised","by":{"whom":[1]},"seq":1,"prev":""}"#;
    let record = Record::read(later.as_bytes()).expect("a record");
    assert_eq!((record.notice().map(|notice| notice.outcome), record.seq), (Some(Outcome::Other), Some(1)));
    let older = r#"{"timestamp":"t","secrets":[],"host":"h","blocked":false,"vm":null}"#;
    let record = Record::read(older.as_bytes()).expect("a record");
    assert_eq!(record.attempt().map(|attempt| &*attempt.host), Some("h"));
    assert_eq!((record.seq, record.prev), (None, None));
    for other in ["{}", "[]", "", "{\"timestamp\":\"t\",\"blocked\":\"yes\"}", "{\"timestamp\":\"t\""] {
        assert_eq!(Record::read(other.as_bytes()), None, "{other}");
    }
}

#[test]
fn nothing_in_a_record_is_invisible() {
    for hidden in "\u{ad}\u{34f}\u{3164}\u{180e}\u{200b}\u{2800}\u{fe0f}\u{e0041}\u{e0101}".chars() {
        let line = line(Event::Attempt(attempt(&format!("/a{hidden}b"))), 1, "");
        assert!(line.is_ascii(), "{line}");
    }
}

#[test]
fn long_fields_are_cut_with_a_marker() {
    let long = "é".repeat(FIELD_BYTES_MAX);
    let cut = bounded(&long);
    assert!(cut.len() <= FIELD_BYTES_MAX && cut.ends_with(CUT_MARKER));
    assert_eq!(bounded_method(&"A".repeat(65)).len(), METHOD_BYTES_MAX);
}

#[test]
fn many_or_long_names_make_no_long_record() {
    let few = ["A", "ANTHROPIC_API_KEY"];
    assert_eq!(bounded_names(few.into_iter()), few.map(Text::from));
    for names in [vec!["A".repeat(1933); 32], vec!["A".to_owned(); 10_000]] {
        let kept = bounded_names(names.iter().map(String::as_str));
        assert!(kept.iter().map(|name| name.len()).sum::<usize>() <= NAMES_BYTES_MAX + CUT_MARKER.len());
        assert_eq!(kept.last(), Some(&CUT_MARKER.into()));
    }
}

proptest! {
    #[test]
    fn every_record_is_one_line_that_reads_back(path in any::<String>()) {
        let line = line(Event::Attempt(attempt(&path)), 1, "");
        let body = line.strip_suffix('\n').expect("a line end");
        prop_assert!(!body.chars().any(|c| c.is_control() || acts_on_terminals(c)));
        let read = Record::read(body.as_bytes()).expect("a record");
        prop_assert_eq!(read.event, Event::Attempt(attempt(&path)));
        let json: serde_json::Value = serde_json::from_str(body).expect("JSON");
        prop_assert_eq!(json["path"].as_str(), Some(&*bounded(&path)));
    }
}
