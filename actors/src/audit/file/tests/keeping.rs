//! Records that are kept of deleted files.

use policy::record::Attempt;

use super::*;
use crate::folder::Folder;
use crate::trail::{Trail, verify};

fn refuse(audit: &mut AuditFile, path: &str) {
    let attempt = Attempt { path: path.to_owned().into(), blocked: true, ..Attempt::default() };
    audit.append(&mut [Record::new("t", Event::Attempt(attempt))]).expect("written");
}

/// As the flood of a VM does it that wants the record of its theft to be gone.
#[test]
fn what_tells_on_a_client_outlives_the_file_that_it_stood_in() {
    let rotation = AuditRotation { bytes_max: 1, keep: Some(1) };
    let stage = Stage { rotation, ..Stage::new() };
    let mut audit = stage.open();
    for number in 1..=9 {
        if number % 4 == 1 {
            refuse(&mut audit, &format!("/steal/{number}"));
        }
        append(&mut audit, number);
        prune(&stage, &mut audit);
    }
    let kept = fs::read_to_string(trail::kept(&stage.path())).expect("there");
    let told = |outcome: &str| kept.lines().filter(|line| line.contains(outcome)).count();
    assert!(["/steal/1", "/steal/5"].iter().all(|path| told(path) == 1), "{kept}");
    assert!(told("not_sent") == 0 && told("pruned") > 0, "{kept}");
    let mut trail = Trail::open(&Folder::at(stage.folder.path())).expect("readable");
    let found = verify(&mut trail, None).expect("readable");
    assert!(found.faults.is_empty(), "{:?}", found.faults);
}

/// The copy is made, and then the daemon is killed before it deletes.
#[test]
fn what_was_kept_already_is_not_kept_twice() {
    let rotation = AuditRotation { bytes_max: 1, keep: Some(1) };
    let stage = Stage { rotation, ..Stage::new() };
    let mut audit = stage.open();
    refuse(&mut audit, "/steal");
    (2..=3).for_each(|number| append(&mut audit, number));
    let verified = || {
        let mut trail = Trail::open(&Folder::at(stage.folder.path())).expect("readable");
        verify(&mut trail, None).expect("readable").faults
    };
    let first = carry(&stage.path(), 1, Kept::default()).expect("readable").expect("a file too many");
    assert_eq!(verified(), [], "it stands in both");
    OpenOptions::new()
        .append(true)
        .open(trail::kept(&stage.path()))
        .and_then(|mut it| it.write_all(b"{\"ha"))
        .expect("torn");
    let again = carry(&stage.path(), 1, Kept::default()).expect("readable").expect("a file too many");
    assert_eq!((first.kept, again.kept.sum.records), (again.kept, 1));
    audit.delete("t", again).expect("written");
    assert_eq!(verified(), []);
}

#[test]
fn whoever_touches_what_is_kept_is_found_out() {
    let rotation = AuditRotation { bytes_max: 1, keep: Some(1) };
    let stage = Stage { rotation, ..Stage::new() };
    let mut audit = stage.open();
    ["/a", "/b"].iter().for_each(|path| refuse(&mut audit, path));
    (3..=5).for_each(|number| append(&mut audit, number));
    prune(&stage, &mut audit);
    let path = trail::kept(&stage.path());
    let whole = fs::read_to_string(&path).expect("there");
    let lines: Vec<_> = whole.lines().collect();
    let verified = |text: &str| {
        fs::write(&path, text).expect("written");
        let mut trail = Trail::open(&Folder::at(stage.folder.path())).expect("readable");
        verify(&mut trail, None).expect("readable").faults
    };
    assert_eq!((verified(&whole), lines.len()), (vec![], 2));
    let added = lines[1].replace("\"seq\":2", "\"seq\":3");
    for text in [
        String::new(),
        format!("{}\n", lines[0]),
        format!("{}\n{}\n", lines[1], lines[0]),
        whole.replace("/b", "/c"),
        format!("{whole}{added}\n"),
        format!("{whole}no record\n"),
    ] {
        assert_eq!(verified(&text).len(), 1, "{text}");
    }
    fs::remove_file(&path).expect("there");
    let mut trail = Trail::open(&Folder::at(stage.folder.path())).expect("readable");
    assert_eq!(verify(&mut trail, None).expect("readable").faults.len(), 1, "it is gone");
}

/// A person removed the trail: numbers start again at 1, below those of the kept records.
#[test]
fn what_has_the_number_of_a_kept_record_is_kept_too() {
    let rotation = AuditRotation { bytes_max: 1, keep: Some(1) };
    let stage = Stage { rotation, ..Stage::new() };
    for round in 1..=2 {
        let mut audit = stage.open();
        refuse(&mut audit, &format!("/round/{round}"));
        (2..=3).for_each(|number| append(&mut audit, number));
        prune(&stage, &mut audit);
        let trail = stage.files().into_iter().filter(|name| name.starts_with("audit.log"));
        trail.for_each(|name| fs::remove_file(stage.folder.path().join(name)).expect("there"));
    }
    let kept = fs::read_to_string(trail::kept(&stage.path())).expect("there");
    let seqs = kept.lines().map(|line| Record::read(line.as_bytes()).expect("a record").seq);
    assert_eq!(seqs.collect::<Vec<_>>(), [Some(1), Some(1)], "{kept}");
}
