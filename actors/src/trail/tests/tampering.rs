//! Tests that the chain names every manipulated line.

use serde_json::json;

use super::*;

impl Scene {
    fn check(&self, pinned: Option<Head>) -> Verification {
        verify(&mut self.open(), pinned).expect("read")
    }

    /// The faults, with the names of files only.
    fn faults(&self, pinned: Option<Head>) -> Vec<String> {
        let folder = format!("{}/", fs::canonicalize(self.0.path()).expect("there").display());
        self.check(pinned).faults.iter().map(|fault| fault.to_string().replace(&folder, "")).collect()
    }
}

/// The first fault of these lines, as `LINE: what (seq N)`.
#[track_caller]
fn fault(lines: &[String], pinned: Option<Head>) -> String {
    let scene = Scene::new(&[("audit.log", lines)]);
    let faults = scene.faults(pinned);
    faults.first().expect("a fault").strip_prefix("audit.log:").expect("in that file").to_owned()
}

#[track_caller]
fn assert_blamed(lines: &[String], line: usize, what: &str) {
    let fault = fault(lines, None);
    assert!(fault.starts_with(&format!("{line}: ")) && fault.contains(what), "{fault}, not {line}: {what}");
}

#[test]
fn a_whole_chain_has_no_fault() {
    let all = chain(9);
    let scene = Scene::new(&[("audit.log.1", &all[..4]), ("audit.log.0", &all[4..7]), ("audit.log", &all[7..])]);
    let chain = scene.check(Some(head(5, &all[4])));
    assert!(chain.faults.is_empty() && chain.remarks.is_empty(), "{chain:?}");
    assert_eq!((chain.records, chain.head()), (9, Some(head(9, &all[8]))));
    assert!(Scene::new(&[("audit.log", &[])]).check(None).faults.is_empty());
}

/// With a pinned head, which the last line needs: nothing comes after it.
#[test]
fn any_changed_byte_is_blamed_on_its_line() {
    let all = chain(4);
    let pinned = Some(head(4, &all[3]));
    let text = text(&all);
    let scene = Scene::new(&[]);
    for at in 0..text.len() - 1 {
        let line = 1 + text[..at].matches('\n').count();
        for bit in [1, 0x20] {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= bit;
            fs::write(scene.path("audit.log"), &bytes).expect("written");
            let chain = scene.check(pinned);
            let blamed = chain.faults.first().map(|fault| fault.place.line);
            assert_eq!(blamed, Some(line as u64), "byte {at}, bit {bit}: {:?}", chain.faults);
        }
    }
}

#[test]
fn a_removed_line_is_missed_by_the_next() {
    for gone in 1..=5 {
        let mut lines = chain(5);
        lines.remove(gone - 1);
        match gone {
            1 => assert_blamed(&lines, 1, "the records before this line are missing"),
            5 => assert!(Scene::new(&[("audit.log", &lines)]).faults(None).is_empty()),
            _ => assert_blamed(
                &lines,
                gone,
                &format!("the record {gone} is missing before this line (seq {})", gone + 1),
            ),
        }
    }
    let mut lines = chain(5);
    lines.drain(1..3);
    assert_blamed(&lines, 2, "the records 2 to 3 are missing before this line (seq 4)");
}

#[test]
fn lines_that_changed_places_are_found_at_the_first() {
    for first in 1..=6 {
        for second in first + 1..=6 {
            let mut lines = chain(6);
            lines.swap(first - 1, second - 1);
            assert_blamed(&lines, first, "");
        }
    }
}

#[test]
fn an_added_line_is_blamed_wherever_it_stands() {
    let all = chain(5);
    for at in 1..=5 {
        let prev = if at == 1 { String::new() } else { hash(&all[at - 2]) };
        // One that fits what stands before it, one that fits nothing, a copy, and no record at all.
        let fitting = request(at as u64, &prev).replace('/', "/forged");
        let copy = all[(at + 2) % 5].clone();
        for forged in [fitting, request(77, &hash("x")), copy, "{}".to_owned(), String::new()] {
            let mut lines = all.clone();
            lines.insert(at - 1, forged.clone());
            let fault = fault(&lines, None);
            assert!(fault.starts_with(&format!("{at}: ")), "{forged} at {at}: {fault}");
        }
    }
}

#[test]
fn a_rewritten_line_whose_number_and_prev_are_right_is_named() {
    let mut lines = chain(5);
    lines[2] = request(3, &hash(&lines[1])).replace("api.example.com", "evil.example");
    assert_blamed(&lines, 3, "was changed after it was written (seq 3)");
    // Many at once, as with sed.
    let lines: Vec<_> = chain(5).iter().map(|line| line.replace("api.example.com", "evil.example")).collect();
    assert_blamed(&lines, 1, "was changed after it was written");
}

#[test]
fn a_missing_tail_shows_against_a_pinned_head_only() {
    let all = chain(5);
    let scene = Scene::new(&[("audit.log", &all[..3])]);
    assert_eq!(scene.faults(None), [""; 0]);
    let cut = scene.faults(Some(head(5, &all[4])));
    assert_eq!(cut, ["audit.log:3: the records 4 to 5 are missing after this line (seq 3)"]);
    let empty = Scene::new(&[("audit.log", &[])]).faults(Some(head(5, &all[4])));
    assert_eq!(empty, ["audit.log:0: the records 1 to 5 are missing after this line (seq 0)"]);
    let rewritten: Vec<_> = chain_after(0, "", 1).into_iter().chain(chain_after(1, &hash(&all[0]), 4)).collect();
    assert_eq!(rewritten, all);
    let other = chain_after(0, &"0".repeat(64), 6);
    let replaced = Scene::new(&[("audit.log", &other)]).faults(Some(head(5, &all[4])));
    assert!(replaced[0].starts_with("audit.log:5: is not the record that was pinned"), "{replaced:?}");
}

#[test]
fn a_removed_file_is_missed() {
    let all = chain(6);
    let files =
        [("audit.log.000000000001", &all[..2]), ("audit.log.000000000003", &all[2..4]), ("audit.log", &all[4..])];
    let faults = [
        "audit.log.000000000003:1: the records before this line are missing",
        "audit.log:1: the records 3 to 4 are missing before this line (seq 5)",
        "audit.log.000000000003:2: the records 5 to 6 are missing after this line (seq 4)",
    ];
    for (gone, fault) in faults.iter().enumerate() {
        let scene = Scene::new(&files);
        fs::remove_file(scene.path(files[gone].0)).expect("removed");
        let found = scene.faults(Some(head(6, &all[5])));
        assert!(found[0].starts_with(fault), "{found:?}");
    }
}

fn pruned(through: u64, hash: &str, seq: u64, prev: &str) -> String {
    let anchor = json!({"timestamp": "t", "id": "0", "outcome": "pruned", "reason": "20 files are kept",
                        "through": {"seq": through, "hash": hash}, "seq": seq, "prev": prev});
    anchor.to_string()
}

#[test]
fn records_that_were_deleted_on_purpose_are_noted() {
    let old = chain(4);
    let mut lines = chain_after(2, &hash(&old[1]), 2);
    assert_eq!(lines, old[2..]);
    let with = |through, hash: &str| {
        let anchor = pruned(through, hash, 5, &last_hash(&lines));
        let after = chain_after(5, &self::hash(&anchor), 2);
        Scene::new(&[("audit.log.000000000003", &lines), ("audit.log", &[vec![anchor], after].concat())])
    };
    let (first, second) = (head(1, &old[0]), head(2, &old[1]));
    let scene = with(2, &hash(&old[1]));
    let chain = scene.check(Some(second));
    assert!(chain.faults.is_empty(), "{:?}", chain.faults);
    assert_eq!(chain.remarks[0].what, "the records up to 2 were deleted on purpose: 20 files are kept");
    assert!(scene.faults(Some(first))[0].contains("the pinned record was deleted on purpose"));
    // An anchor for other records does not help.
    for scene in [with(1, &hash(&old[1])), with(2, &hash(&old[0]))] {
        assert!(scene.faults(None)[0].starts_with("audit.log.000000000003:1: the records before"));
    }
    // Behind a break an anchor proves nothing.
    lines.remove(0);
    assert_eq!(Scene::new(&[("audit.log", &lines)]).faults(None).len(), 1);
}

fn chain_start(seq: u64, prev: &str) -> String {
    json!({"timestamp": "t", "id": "0", "outcome": "chain_start", "reason": "the file was gone\u{1b}[2J",
           "seq": seq, "prev": prev})
    .to_string()
}

#[test]
fn a_chain_may_start_anew_with_a_reason_and_only_so() {
    let old = chain(3);
    for (seq, prev) in [(1, String::new()), (4, "0".repeat(64))] {
        let start = chain_start(seq, &prev);
        let new = chain_after(seq, &hash(&start), 2);
        let lines = [old.clone(), vec![start.clone()], new.clone()].concat();
        let chain = Scene::new(&[("audit.log", &lines)]).check(None);
        assert_eq!((chain.faults.len(), chain.records), (0, 6), "{:?}", chain.faults);
        assert!(chain.remarks[0].what.contains("a new chain starts: the file was gone"), "{:?}", chain.remarks);
        // Removed, or without the word.
        assert_blamed(&[old.clone(), new].concat(), 4, "");
        let mute: Vec<_> = lines.iter().map(|line| line.replace("chain_start", "praised")).collect();
        assert_blamed(&mute, 4, "");
    }
    let first = [chain_start(1, "")];
    assert!(Scene::new(&[("audit.log", &first)]).check(None).remarks.is_empty(), "the first start is no news");
}

#[test]
fn files_of_two_chains_are_told_apart_by_their_time() {
    let old = chain(3);
    let start = chain_start(1, "").replace("\"t\"", "\"2026-02-05T00:00:00Z\"");
    let new = chain_after(1, &hash(&start), 2);
    // The names suggest the opposite order.
    let scene = Scene::new(&[("audit.log.1", &old), ("audit.log.0", &[start]), ("audit.log", &new)]);
    assert_eq!(scene.faults(None), [""; 0]);
}

#[test]
fn lines_older_than_the_chain_need_a_start_after_them() {
    let script = vec!["{\"timestamp\":\"t\",\"secrets\":[],\"host\":\"h\",\"blocked\":false}".to_owned(); 2];
    let start = chain_start(1, "");
    let new = chain_after(1, &hash(&start), 2);
    let chain = Scene::new(&[("audit.log", &[script.clone(), vec![start], new].concat())]).check(None);
    assert_eq!((chain.faults.len(), chain.records, chain.remarks.len()), (0, 5, 1), "{:?}", chain.faults);
    assert_blamed(&[script.clone(), super::chain(2)].concat(), 1, "has no place in the chain");
    assert_blamed(&[super::chain(2), script].concat(), 3, "has no place in the chain");
}

#[test]
fn only_the_live_file_may_end_in_a_line_that_is_being_written() {
    let all = chain(4);
    let scene = Scene::new(&[("audit.log", &all[..3])]);
    scene.append("audit.log", &all[3][..30]);
    assert_eq!(scene.faults(None), [""; 0]);
    scene.rename("audit.log", "audit.log.0");
    scene.write("audit.log", &all[3..]);
    assert_eq!(
        scene.faults(None),
        ["audit.log.0:4: was added or moved here: the line after it continues the line before it (seq 4)"]
    );
}
