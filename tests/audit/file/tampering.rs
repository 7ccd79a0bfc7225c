//! The verifier of these tests: what it would notice, so that its silence means something.

use std::fs;

use crate::support::audit_chain;
use crate::support::load::Load;

/// What becomes of the lines of the file.
type Tampering = fn(&mut Vec<String>);

const TAMPERINGS: [(&str, Tampering); 7] = [
    ("a record was changed", |lines| lines[1] = lines[1].replace("GET", "PUT")),
    ("a record names another before it", |lines| lines[3] = lines[3].replace("\"prev\":\"", "\"prev\":\"0")),
    ("a record is missing", |lines| drop(lines.remove(1))),
    ("the first records are missing", |lines| drop(lines.drain(..2))),
    ("a record is there twice", |lines| lines.push(lines[3].clone())),
    ("a record is torn", |lines| lines[3].truncate(20)),
    ("a line is no record", |lines| lines.push("something else\n".to_owned())),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_it_is_noticed() {
    let load = Load::start();
    for _ in 0..4 {
        assert_eq!(load.answer("{{API_KEY}}").await, 200);
    }
    assert_eq!(load.account().len(), 4);
    let text = fs::read_to_string(super::path(&load)).expect("readable");
    let elsewhere = tempfile::tempdir().expect("a folder");
    for (what, tamper) in TAMPERINGS {
        let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
        tamper(&mut lines);
        fs::write(elsewhere.path().join("audit.log"), lines.concat()).expect("written");
        let verdict = audit_chain::verify(elsewhere.path());
        assert!(verdict.is_err(), "{what}");
    }
    fs::write(elsewhere.path().join("audit.log"), text).expect("written");
    assert!(audit_chain::verify(elsewhere.path()).is_ok());
}
