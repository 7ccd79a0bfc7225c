//! Tests of the read lines, their order, and the next file of the trail.

mod tampering;

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use policy::record::{Attempt, Event, Record};
use tempfile::TempDir;

use super::*;
use crate::folder::Folder;

/// A folder with files of the trail.
struct Scene(TempDir);

impl Scene {
    fn new(files: &[(&str, &[String])]) -> Self {
        let scene = Self(tempfile::tempdir().expect("a folder"));
        files.iter().for_each(|(name, lines)| scene.write(name, lines));
        scene
    }

    fn write(&self, name: &str, lines: &[String]) {
        fs::write(self.path(name), text(lines)).expect("written");
    }

    fn append(&self, name: &str, text: &str) {
        let mut file = fs::File::options().create(true).append(true).open(self.path(name)).expect("opened");
        file.write_all(text.as_bytes()).expect("written");
    }

    fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).expect("renamed");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn open(&self) -> Trail {
        Trail::open(&Folder::at(self.0.path())).expect("opened")
    }
}

fn text(lines: &[String]) -> String {
    lines.iter().flat_map(|line| [line, "\n"]).collect()
}

/// The chain's lines from this number on, after a line with this hash.
fn chain_after(seq: u64, prev: &str, count: u64) -> Vec<String> {
    let mut prev = prev.to_owned();
    let lines = (seq + 1..=seq + count).map(|seq| {
        let line = request(seq, &prev);
        prev = hash(&line);
        line
    });
    lines.collect()
}

fn chain(count: u64) -> Vec<String> {
    chain_after(0, "", count)
}

fn request(seq: u64, prev: &str) -> String {
    let path = format!("/{seq}");
    let refusal = seq.is_multiple_of(2).then(|| "Secret not found: API_KEY".into());
    let attempt = Attempt {
        secrets: vec!["API_KEY".into()],
        method: "POST".into(),
        host: "api.example.com".into(),
        path: path.into(),
        blocked: refusal.is_some(),
        reason: refusal,
        id: "0123456789abcdef".into(),
        port: Some(443),
        scheme: "https".into(),
        ..Attempt::default()
    };
    let mut line = Vec::new();
    let record = Record::new("2026-02-04T12:34:57Z", Event::Attempt(attempt));
    Record { seq: Some(seq), prev: Some(prev.into()), ..record }.add_line(&mut line);
    String::from_utf8_lossy(&line).trim_end().to_owned()
}

fn hash(line: &str) -> String {
    Digest::of(line.as_bytes()).to_string()
}

fn last_hash(lines: &[String]) -> String {
    hash(lines.last().expect("a line"))
}

fn head(seq: u64, line: &str) -> Head {
    Head { seq, hash: Digest::of(line.as_bytes()) }
}

/// All lines that are there by now.
fn rest(trail: &mut Trail) -> Vec<String> {
    let mut lines = Vec::new();
    while trail.advance().expect("read") {
        lines.push(String::from_utf8_lossy(trail.line().expect("a line").text).into_owned());
    }
    lines
}

/// Looks for more, as often as it takes to go through one change.
fn more(trail: &mut Trail) -> Vec<String> {
    trail.look_for_more().expect("looked");
    rest(trail)
}

#[test]
fn files_are_read_by_the_number_of_their_first_record() {
    let all = chain(8);
    // The daemon's own names, one of newsyslog's and one of logrotate's, against their order.
    let scene = Scene::new(&[
        ("audit.log", &all[6..]),
        ("audit.log.0", &all[4..6]),
        ("audit.log-20260204", &all[2..4]),
        ("audit.log.000000000001", &all[..2]),
        ("audit.log.bak", &all),
        ("proxy.log", &all),
    ]);
    fs::write(scene.path("audit.log.7.gz"), "packed").expect("written");
    let mut trail = scene.open();
    assert_eq!((rest(&mut trail), trail.passed_over().len()), (all, 1));
    assert!(trail.passed_over()[0].contains("audit.log.7.gz"), "{:?}", trail.passed_over());
}

#[test]
fn the_live_file_comes_last_and_a_file_that_starts_broken_has_its_place() {
    let all = chain(6);
    let broken: Vec<String> = ["{\"torn".to_owned()].iter().chain(&all[2..4]).cloned().collect();
    let restarted = chain(1);
    let scene = Scene::new(&[("audit.log", &restarted), ("audit.log.1", &broken), ("audit.log.2", &all[..2])]);
    let lines = rest(&mut scene.open());
    assert_eq!(lines, [&all[..2], &broken, &restarted].concat());
}

#[test]
fn no_files_are_an_empty_trail_and_a_link_is_none() {
    let scene = Scene::new(&[]);
    assert!(scene.open().is_empty());
    std::os::unix::fs::symlink("/dev/null", scene.path("audit.log")).expect("linked");
    assert!(Trail::open(&Folder::at(scene.0.path())).is_err());
}

#[test]
fn a_line_that_is_being_written_is_left_for_later() {
    let all = chain(2);
    let scene = Scene::new(&[("audit.log", &all[..1])]);
    scene.append("audit.log", &all[1][..40]);
    let mut trail = scene.open();
    assert_eq!(rest(&mut trail), all[..1]);
    assert_eq!(more(&mut trail), [""; 0]);
    scene.append("audit.log", &format!("{}\n", &all[1][40..]));
    assert_eq!(more(&mut trail), all[1..]);
}

#[test]
fn a_line_of_any_length_takes_bounded_memory_and_is_no_record() {
    let scene = Scene::new(&[("audit.log", &[format!("{}{}", " ".repeat(5 << 20), request(1, "")), request(2, "")])]);
    let mut trail = scene.open();
    let lines = rest(&mut trail);
    assert_eq!(lines.len(), 2);
    assert!(lines[0].len() <= 1 << 20 && Record::read(lines[0].as_bytes()).is_none());
    assert_eq!(lines[1], request(2, ""));
}

#[test]
fn the_trail_goes_on_in_the_files_that_took_its_place() {
    let all = chain(9);
    let scene = Scene::new(&[("audit.log", &all[..1])]);
    let mut trail = scene.open();
    assert_eq!(rest(&mut trail), all[..1]);
    // The end of the old file is read, though it has its new name.
    scene.append("audit.log", &format!("{}\n", all[1]));
    scene.rename("audit.log", "audit.log.000000000001");
    assert_eq!(more(&mut trail), all[1..2]);
    scene.write("audit.log", &all[2..4]);
    assert_eq!(more(&mut trail), all[2..4]);
    // Two rotations between two looks, as newsyslog names them.
    scene.rename("audit.log", "audit.log.1");
    scene.write("audit.log.0", &all[4..6]);
    scene.write("audit.log", &all[6..7]);
    assert_eq!(more(&mut trail), all[4..7]);
    // The file was removed, and its successor took over.
    fs::remove_file(scene.path("audit.log")).expect("removed");
    scene.write("audit.log", &all[7..]);
    assert_eq!(more(&mut trail), all[7..]);
}

#[test]
fn a_file_that_is_emptied_is_read_from_its_start() {
    let all = chain(4);
    let scene = Scene::new(&[("audit.log", &all[..3])]);
    let mut trail = scene.open();
    assert_eq!(rest(&mut trail), all[..3]);
    fs::File::options().write(true).open(scene.path("audit.log")).and_then(|file| file.set_len(0)).expect("emptied");
    assert_eq!(more(&mut trail), [""; 0]);
    scene.append("audit.log", &format!("{}\n", all[3]));
    assert_eq!(more(&mut trail), all[3..]);
}

#[test]
fn the_last_line_is_the_last_one_with_its_end() {
    let all = chain(2);
    let scene = Scene::new(&[("audit.log", &all)]);
    scene.append("audit.log", "{\"half\":");
    let line = last_line(&scene.path("audit.log")).expect("read");
    assert_eq!(line.as_deref(), Some(all[1].as_bytes()));
    assert_eq!(Head::of(all[1].as_bytes()), Some(head(2, &all[1])));
    let tail = Tail::read(&fs::File::open(scene.path("audit.log")).expect("opened")).expect("read");
    assert_eq!((tail.torn_at(), tail.seq()), (Some(text(&all).len() as u64), 2));
    assert_eq!(last_line(&scene.path("audit.log.1")).expect("no error"), None);
}
