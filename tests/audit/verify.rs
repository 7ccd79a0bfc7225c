//! `audit --verify` names the first line of every manipulation of the trail.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use super::reading::{DEAD, HOST, Scene};

/// Lines of a real trail, and what `--verify` says once they stand in a folder of their own.
struct Copy {
    scene: Scene,
    folder: TempDir,
    head: String,
}

impl Copy {
    /// Eight records in a rotated file and the live one.
    async fn new() -> (Self, Vec<String>) {
        let scene = Scene::new();
        scene.send_all().await;
        scene.send_all().await;
        let folder = TempDir::new().expect("a folder");
        let (lines, mut copy) = (scene.lines(), Self { scene, folder, head: String::new() });
        let whole = copy.verify(&lines[..3], &lines[3..], None, 0);
        let head = whole.lines().find_map(|line| line.strip_prefix("head ")).expect("a head");
        assert!(whole.starts_with("8 records in 2 files, from 2") && head.starts_with("8:"), "{whole}");
        head.clone_into(&mut copy.head);
        (copy, lines)
    }

    #[track_caller]
    fn verify(&self, rotated: &[String], live: &[String], head: Option<&str>, code: i32) -> String {
        let text = |lines: &[String]| lines.iter().flat_map(|line| [line, "\n"]).collect::<String>();
        let path = self.folder.path();
        fs::write(path.join("audit.log"), text(live)).expect("written");
        let old = path.join("audit.log.000000000001");
        if rotated.is_empty() {
            drop(fs::remove_file(old));
        } else {
            fs::write(old, text(rotated)).expect("written");
        }
        let mut words = vec!["--verify", "--dir", path.to_str().expect("text")];
        words.extend(head.iter().flat_map(|head| ["--head", head]));
        let (shown, complaint) = self.scene.printed(&words, code);
        assert_eq!(complaint, "");
        shown.replace(&format!("{}/", canonical(path)), "")
    }

    /// Done to the lines of the live file.
    #[track_caller]
    fn assert_found(&self, lines: &[String], tamper: impl FnOnce(&mut Vec<String>), fault: &str) {
        let mut live = lines[3..].to_vec();
        tamper(&mut live);
        let shown = self.verify(&lines[..3], &live, None, 1);
        assert!(shown.starts_with(fault) && shown.lines().count() == 1, "{shown}, not {fault}");
    }
}

fn canonical(path: &Path) -> String {
    fs::canonicalize(path).expect("it is there").display().to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_done_to_a_line_verify_names_it() {
    let (copy, lines) = Copy::new().await;
    let change = |lines: &mut Vec<String>| lines[1] = lines[1].replace("/permitted", "/permittee");
    copy.assert_found(&lines, change, "audit.log:2: was changed after it was written (seq 5)");
    let remove = |lines: &mut Vec<String>| drop(lines.remove(1));
    copy.assert_found(&lines, remove, "audit.log:2: the record 5 is missing before this line (seq 6)");
    let remove_first = |lines: &mut Vec<String>| drop(lines.remove(0));
    copy.assert_found(&lines, remove_first, "audit.log:1: the record 4 is missing before this line (seq 5)");
    let swap = |lines: &mut Vec<String>| lines.swap(1, 2);
    copy.assert_found(&lines, swap, "audit.log:2: was added or moved here");
    let forge = |lines: &mut Vec<String>| {
        let forged = lines[2].replace("/refused", "/forged");
        lines.insert(2, forged);
    };
    copy.assert_found(&lines, forge, "audit.log:3: was added or moved here");
    let copy_line = |lines: &mut Vec<String>| lines.insert(3, lines[0].clone());
    copy.assert_found(&lines, copy_line, "audit.log:4: was added or moved here");
    let break_line = |lines: &mut Vec<String>| lines[3].truncate(40);
    copy.assert_found(&lines, break_line, "audit.log:4: is not a record (seq 7)");
    // In the rotated file, seen from the first line of the live one.
    let mut old = lines[..3].to_vec();
    old[2] = old[2].replace(DEAD, HOST);
    let shown = copy.verify(&old, &lines[3..], None, 1);
    assert!(shown.starts_with("audit.log.000000000001:3: was changed"), "{shown}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missing_ends_show_at_the_start_and_against_a_pinned_head() {
    let (copy, lines) = Copy::new().await;
    let shown = copy.verify(&[], &lines[3..], None, 1);
    assert!(shown.starts_with("audit.log:1: the records before this line are missing"), "{shown}");
    // Without a head kept elsewhere a missing tail cannot be seen, and it says so.
    let shown = copy.verify(&lines[..3], &lines[3..6], None, 0);
    assert!(shown.contains("removed the newest") && shown.contains("keep the head elsewhere"), "{shown}");
    let shown = copy.verify(&lines[..3], &lines[3..6], Some(&copy.head), 1);
    assert_eq!(shown, "audit.log:3: the records 7 to 8 are missing after this line (seq 6)\n");
    copy.verify(&lines[..3], &lines[3..], Some(&copy.head), 0);
    let other = format!("8:{}", "12".repeat(32));
    let shown = copy.verify(&lines[..3], &lines[3..], Some(&other), 1);
    assert!(shown.starts_with("audit.log:5: is not the record that was pinned"), "{shown}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn verify_reports_to_programs_too() {
    let (copy, lines) = Copy::new().await;
    copy.verify(&lines[..2], &lines[3..], None, 1);
    let folder = canonical(copy.folder.path());
    let report = |code| {
        let (shown, _) = copy.scene.printed(&["--verify", "--json", "--dir", &folder], code);
        serde_json::from_str::<Value>(&shown).expect("JSON")
    };
    let broken = report(1);
    assert_eq!(
        (&broken["ok"], &broken["faults"][0]["line"], &broken["faults"][0]["seq"]),
        (&false.into(), &1.into(), &4.into())
    );
    assert_eq!(broken["faults"][0]["file"], format!("{folder}/audit.log"));
    copy.verify(&lines[..3], &lines[3..], None, 0);
    let whole = report(0);
    assert_eq!(
        (&whole["ok"], &whole["records"], &whole["head"]),
        (&true.into(), &8.into(), &copy.head.as_str().into())
    );
}
