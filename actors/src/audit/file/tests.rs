//! The file alone.

mod keeping;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::super::carry::{Kept, carry};
use super::*;

const ROTATION: AuditRotation = AuditRotation { bytes_max: u64::MAX, keep: None };

struct Stage {
    folder: TempDir,
    rotation: AuditRotation,
}

impl Stage {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder"), rotation: ROTATION }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("audit.log")
    }

    fn open(&self) -> AuditFile {
        AuditFile::open(&self.path(), self.rotation, None, "t").expect("opened")
    }

    /// The records of all files, in the order of their numbers, which must be without gaps from `first`.
    fn records(&self, first: u64) -> Vec<Value> {
        let mut lines = BTreeMap::new();
        for entry in fs::read_dir(self.folder.path()).expect("a folder").flatten() {
            for line in fs::read_to_string(entry.path()).expect("readable").lines() {
                let record: Value = serde_json::from_str(line).expect("JSON");
                lines.insert(record["seq"].as_u64().expect("a number"), (line.to_owned(), record));
            }
        }
        let mut expected = first..;
        let mut head: Option<Head> = None;
        for (seq, (line, record)) in &lines {
            assert_eq!(expected.next(), Some(*seq));
            if let Some(head) = head {
                assert_eq!(record["prev"], head.hash.to_string(), "{line}");
            }
            head = Head::of(line.as_bytes());
        }
        lines.into_values().map(|(_, record)| record).collect()
    }

    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).expect("a folder").flatten();
        let mut names: Vec<_> = entries.map(|entry| entry.file_name().into_string().expect("text")).collect();
        names.sort();
        names
    }
}

fn append(audit: &mut AuditFile, number: u64) {
    let mut records = [Record::new("t", Event::not_sent(number.to_string(), "a test"))];
    let written = audit.append(&mut records).expect("written");
    let lines: Vec<_> = written.lines().collect();
    assert_eq!(lines.iter().map(|line| Record::read(line.as_bytes())).collect::<Vec<_>>(), records.map(Some));
}

/// What the owner does after each write.
fn prune(stage: &Stage, audit: &mut AuditFile) {
    let Some(keep) = audit.take_prune() else { return };
    if let Some(carried) = carry(&stage.path(), keep, Kept::default()).expect("readable") {
        audit.delete("t", carried).expect("written");
    }
}

#[test]
fn the_chain_goes_on_after_a_restart() {
    let stage = Stage::new();
    (1..=3).for_each(|number| append(&mut stage.open(), number));
    assert_eq!(stage.records(1).len(), 3);
    assert_eq!(fs::metadata(stage.path()).expect("there").mode() & 0o777, 0o600);
}

#[test]
fn a_torn_line_is_cut_and_noted() {
    let stage = Stage::new();
    append(&mut stage.open(), 1);
    let mut text = fs::read(stage.path()).expect("readable");
    text.extend_from_slice(b"{\"half\":");
    fs::write(stage.path(), text).expect("written");
    append(&mut stage.open(), 2);
    let records = stage.records(1);
    assert_eq!((records.len(), &records[1]["outcome"]), (3, &json!("torn_line")));
    assert!(records[1]["id"].is_string());
}

#[test]
fn a_chain_that_cannot_go_on_starts_anew_and_says_so() {
    let stage = Stage::new();
    append(&mut stage.open(), 1);
    let text = fs::read_to_string(stage.path()).expect("readable");
    fs::write(stage.path(), format!("{text}not a record\n")).expect("written");
    append(&mut stage.open(), 2);
    let text = fs::read_to_string(stage.path()).expect("readable");
    let note: Value = serde_json::from_str(text.lines().nth(2).expect("a note")).expect("JSON");
    assert_eq!((&note["outcome"], &note["prev"], &note["seq"]), (&json!("chain_start"), &json!(""), &json!(2)));
}

#[test]
fn a_renamed_or_removed_file_is_left_and_the_chain_goes_on_in_the_new_one() {
    let stage = Stage::new();
    let mut audit = stage.open();
    append(&mut audit, 1);
    fs::rename(stage.path(), stage.path().with_extension("log.1")).expect("renamed");
    append(&mut audit, 2);
    assert_eq!(stage.records(1).len(), 2);
    fs::remove_file(stage.path()).expect("removed");
    append(&mut audit, 3);
    assert_eq!(fs::read_to_string(stage.path()).expect("there").lines().count(), 1);
}

#[test]
fn the_chain_goes_on_after_a_restart_right_after_a_rotation() {
    let stage = Stage::new();
    append(&mut stage.open(), 1);
    fs::rename(stage.path(), stage.path().with_extension("log.1")).expect("renamed");
    append(&mut stage.open(), 2);
    assert_eq!(stage.records(1).len(), 2);
}

#[test]
fn a_full_file_is_moved_aside_under_the_number_of_its_first_record() {
    let rotation = AuditRotation { bytes_max: 1, keep: None };
    let stage = Stage { rotation, ..Stage::new() };
    let mut audit = stage.open();
    (1..=3).for_each(|number| append(&mut audit, number));
    assert_eq!(stage.files(), ["audit.log", "audit.log.000000000001", "audit.log.000000000002"]);
    append(&mut stage.open(), 4);
    assert_eq!(stage.records(1).len(), 4);
}

#[test]
fn what_is_deleted_is_named_first() {
    let rotation = AuditRotation { bytes_max: 1, keep: Some(2) };
    let stage = Stage { rotation, ..Stage::new() };
    let mut audit = stage.open();
    let mut deleted = None;
    for number in 1..=5 {
        append(&mut audit, number);
        prune(&stage, &mut audit);
        deleted = deleted.or_else(|| {
            let text = fs::read_to_string(stage.path()).expect("readable");
            text.lines().find(|line| line.contains("pruned")).map(str::to_owned)
        });
    }
    let kept = trail::kept(&stage.path());
    assert_eq!(fs::metadata(&kept).expect("there").mode() & 0o777, 0o600);
    fs::remove_file(kept).expect("there");
    assert_eq!(stage.files().len(), 3, "{:?}", stage.files());
    let note: Value = serde_json::from_str(&deleted.expect("a note")).expect("JSON");
    assert_eq!(note["through"]["seq"], 1);
    let oldest = stage.files()[1].rsplit('.').next().and_then(|it| it.parse().ok()).expect("a number");
    stage.records(oldest);
}

#[test]
fn a_chain_goes_on_from_the_last_record_though_its_file_is_gone() {
    let stage = Stage::new();
    let mut audit = stage.open();
    (1..=3).for_each(|number| append(&mut audit, number));
    let head = audit.head();
    fs::remove_file(stage.path()).expect("removed");
    append(&mut AuditFile::open(&stage.path(), ROTATION, head, "t").expect("opened"), 4);
    let records = stage.records(4);
    assert_eq!((records.len(), &records[0]["prev"]), (1, &json!(head.expect("a record").hash.to_string())));
}

#[test]
fn an_older_file_in_its_place_starts_a_chain_with_numbers_of_its_own() {
    let stage = Stage::new();
    let mut audit = stage.open();
    append(&mut audit, 1);
    let older = fs::read(stage.path()).expect("readable");
    append(&mut audit, 2);
    fs::write(stage.path(), older).expect("written");
    let mut audit = AuditFile::open(&stage.path(), ROTATION, audit.head(), "t").expect("opened");
    append(&mut audit, 3);
    let text = fs::read_to_string(stage.path()).expect("readable");
    let note: Value = serde_json::from_str(text.lines().nth(1).expect("a note")).expect("JSON");
    assert_eq!((&note["outcome"], &note["seq"], &note["prev"]), (&json!("chain_start"), &json!(3), &json!("")));
    assert_eq!(audit.chain.seq, 4);
}

#[test]
fn numbers_go_on_behind_those_of_files_that_were_moved_aside() {
    let stage = Stage::new();
    append(&mut stage.open(), 1);
    fs::rename(stage.path(), stage.path().with_extension("log.1")).expect("renamed");
    fs::write(stage.path(), "not a record\n").expect("written");
    assert_eq!(stage.open().chain.seq, 2);
}

#[test]
fn a_file_that_was_emptied_in_place_is_moved_aside_under_the_number_that_it_then_begins_with() {
    let rotation = AuditRotation { bytes_max: 1, keep: None };
    let stage = Stage { rotation: ROTATION, ..Stage::new() };
    let mut audit = stage.open();
    (1..=3).for_each(|number| append(&mut audit, number));
    File::options().write(true).truncate(true).open(stage.path()).expect("emptied");
    append(&mut audit, 4);
    audit.rotation = rotation;
    append(&mut audit, 5);
    assert_eq!(stage.files(), ["audit.log", "audit.log.000000000004"]);
}

#[test]
fn nothing_is_deleted_that_no_record_tells_of() {
    let rotation = AuditRotation { bytes_max: 1, keep: Some(1) };
    let stage = Stage { rotation, ..Stage::new() };
    let mut audit = stage.open();
    (1..=3).for_each(|number| append(&mut audit, number));
    let carried = carry(&stage.path(), 1, Kept::default()).expect("readable").expect("a file too many");
    audit.file = File::open(stage.path()).expect("to be read alone");
    assert!(audit.delete("t", carried).is_err(), "what is half written must be cut");
    assert_eq!(stage.files().len(), 4, "{:?}", stage.files());
}
