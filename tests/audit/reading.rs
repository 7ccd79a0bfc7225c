//! The audit trail can be read, by people and by programs, over all its files and while it is written.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::Output;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Canary, Origin, Proxy, eventually};

pub(crate) const HOST: &str = "api.example.test";
/// Listed, but nobody listens there.
pub(crate) const DEAD: &str = "dead.example.test";
const WITHIN: Duration = Duration::from_secs(10);

/// A proxy that sends, refuses, and fails to send.
pub(crate) struct Scene {
    pub(crate) proxy: Proxy,
    _origin: Origin,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let (canary, origin) = (Canary::new(), Origin::start(&[HOST]));
        let proxy = Proxy::builder().origin(HOST, &origin).resolve(&format!("{DEAD}:443:127.0.0.1:1"));
        let proxy = proxy.secret("API_KEY", &canary, &format!("{HOST},{DEAD}")).start();
        Self { proxy, _origin: origin }
    }

    pub(crate) async fn send(&self, host: &str, path: &str, placeholder: &str) -> u16 {
        let request = self.proxy.client().get(&format!("https://{host}{path}")).header("x-api-key", placeholder);
        request.send().await.expect("the proxy answers").status
    }

    /// A permit, a refusal, and a permit that is not sent: four records.
    pub(crate) async fn send_all(&self) {
        assert_eq!(self.send(HOST, "/permitted", "{{API_KEY}}").await, 200);
        assert_eq!(self.send("evil.example.test", "/refused", "{{OTHER}}").await, 403);
        assert_eq!(self.send(DEAD, "/unsent", "{{API_KEY}}").await, 502);
    }

    pub(crate) fn text(&self) -> String {
        fs::read_to_string(self.proxy.dir().join("audit.log")).expect("written")
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.text().lines().map(str::to_owned).collect()
    }

    pub(crate) fn rename(&self, from: &str, to: &str) {
        fs::rename(self.proxy.dir().join(from), self.proxy.dir().join(to)).expect("renamed");
    }

    pub(crate) fn audit(&self, words: &[&str]) -> Output {
        self.proxy.cli(&[&["audit"], words].concat())
    }

    /// What it prints, and complains of.
    #[track_caller]
    pub(crate) fn printed(&self, words: &[&str], code: i32) -> (String, String) {
        let output = self.audit(words);
        let [out, err] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).expect("text"));
        assert_eq!(output.status.code(), Some(code), "{words:?}\n{out}\n{err}");
        (out, err)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pipe_gets_the_lines_of_the_file_byte_for_byte() {
    let scene = Scene::new();
    scene.send_all().await;
    let lines = scene.lines();
    assert_eq!(lines.len(), 4, "{lines:?}");
    let table: [(&[&str], &[usize]); 9] = [
        (&[], &[0, 1, 2, 3]),
        (&["--json"], &[0, 1, 2, 3]),
        (&["--blocked"], &[1]),
        (&["--secret", "API_KEY"], &[0, 2, 3]),
        (&["--host", HOST], &[0]),
        (&["--host", "*.example.test", "--secret", "OTHER", "--since", "1h"], &[1]),
        // That it was not sent is told with the request.
        (&["--host", DEAD], &[2, 3]),
        (&["--limit", "2"], &[2, 3]),
        (&["--since", "2999-01-01"], &[]),
    ];
    for (words, wanted) in table {
        let wanted: String = wanted.iter().flat_map(|place| [lines[*place].as_str(), "\n"]).collect();
        assert_eq!(scene.printed(words, 0), (wanted, String::new()), "{words:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminal_gets_columns_and_nothing_that_acts_on_it() {
    let scene = Scene::new();
    scene.send_all().await;
    // As somebody could write it who changes the file: escaped for JSON, and raw where JSON lets it stand.
    let hostile = "{\"timestamp\":\"t\",\"secrets\":[\"\\u001b[2J\"],\"method\":\"\u{9b}2J\",\"host\":\"\u{202e}moc.live\",\
                   \"path\":\"\\u001b]0;x\\u0007\",\"blocked\":true,\"reason\":\"\\r\\n\\u009b1A\",\"id\":\"1\"}\n";
    let path = scene.proxy.dir().join("audit.log");
    fs::write(&path, scene.text() + hostile).expect("written");
    let plain = scene.proxy.cli_on_terminal(&["audit"], &[("NO_COLOR", "1")]);
    let rows: Vec<&str> = plain.lines().collect();
    for (row, words) in rows.iter().zip([
        ["permitted", "GET", HOST, "/permitted", "API_KEY"],
        ["refused", "evil.example.test", "/refused", "OTHER", "Secret not found: OTHER"],
        ["permitted", "GET", DEAD, "/unsent", "API_KEY"],
        ["not sent", "", "", "", ""],
        ["refused", "\\u{1b}[2J", "\\u{9b}2J", "\\u{202e}moc.live", "\\r\\n\\u{9b}1A"],
    ]) {
        assert!(words.iter().all(|word| row.contains(word)), "{words:?} in {row}");
    }
    assert_eq!((rows[0].find(HOST), rows[0].find("/permitted")), (rows[1].find("evil."), rows[1].find("/refused")));
    let coloured = scene.proxy.cli_on_terminal(&["audit"], &[]);
    assert!(coloured.contains("\u{1b}[31mrefused"), "{coloured:?}");
    let uncoloured =
        ["0", "2", "31", "32", "33"].iter().fold(coloured, |text, code| text.replace(&format!("\u{1b}[{code}m"), ""));
    let json = scene.proxy.cli_on_terminal(&["audit", "--json"], &[]);
    for shown in [&plain, &uncoloured, &json] {
        assert!(shown.replace("\r\n", "").bytes().all(|byte| matches!(byte, b' '..=b'~')), "{shown:?}");
    }
    assert_eq!((uncoloured.as_str(), json.lines().next()), (plain.as_str(), scene.lines().first().map(String::as_str)));
}

/// The daemon writes what the command reads: no number is shown that no record holds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_that_the_daemon_cut_is_shown_with_its_reason_alone() {
    let scene = Scene::new();
    scene.send_all().await;
    assert_eq!(scene.proxy.stop().code(), Some(0));
    fs::write(scene.proxy.dir().join("audit.log"), scene.text() + "{\"half\":").expect("written");
    scene.proxy.launch();
    let shown = scene.proxy.cli_on_terminal(&["audit"], &[("NO_COLOR", "1")]);
    let row = shown.lines().nth(4).expect("a row for it");
    let words = "  chain      a torn line was cut: the last line was torn and has been cut";
    assert!(row.ends_with(words), "{row}");
    assert!(scene.printed(&["--verify"], 0).0.contains("the chain is whole"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rotated_files_are_read_with_the_live_one() {
    let scene = Scene::new();
    let mut lines = Vec::new();
    // As logrotate, newsyslog and the daemon name them.
    for name in ["audit.log.2", "audit.log.0", "audit.log.000000000009"] {
        scene.send_all().await;
        lines.extend(scene.lines());
        scene.rename("audit.log", name);
    }
    scene.send_all().await;
    lines.extend(scene.lines());
    fs::write(scene.proxy.dir().join("audit.log.3.gz"), "packed").expect("written");
    let (shown, complaint) = scene.printed(&[], 0);
    assert_eq!(shown.lines().collect::<Vec<_>>(), lines);
    assert!(complaint.contains("audit.log.3.gz is not read: unpack it"), "{complaint}");
    assert!(scene.printed(&["--verify"], 0).0.starts_with("16 records in 4 files"));
    // So does `why`.
    let first: Value = serde_json::from_str(&lines[0]).expect("JSON");
    let why = scene.proxy.cli(&["why", first["id"].as_str().expect("an id")]);
    assert_eq!(String::from_utf8(why.stdout).expect("text").trim_end(), lines[0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn follow_goes_on_with_new_records_through_rotations() {
    let scene = Scene::new();
    scene.send_all().await;
    let mut follow = scene.proxy.cli_running(&["audit", "--follow", "--secret", "API_KEY"]);
    let mut expected = Vec::new();
    for rotated in [Some("audit.log.000000000001"), Some("audit.log.0"), None] {
        expected.extend(scene.lines().into_iter().filter(|line| !line.contains("/refused")));
        let shown = || String::from_utf8(follow.stdout()).expect("text").lines().map(str::to_owned).collect::<Vec<_>>();
        eventually(WITHIN, "all records are shown", || shown() == expected);
        if let Some(name) = rotated {
            scene.rename("audit.log", name);
            scene.send_all().await;
        }
    }
    // Not SIGINT, which a shell that runs the tests in the background has had ignored.
    follow.signal(Signal::TERM);
    assert!(follow.wait(WITHIN).is_some(), "it goes on after SIGTERM");
    assert_eq!(String::from_utf8_lossy(&follow.stderr()), "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_ends_quietly_when_its_reader_goes() {
    let scene = Scene::new();
    scene.send_all().await;
    let (mut follow, pipe) = scene.proxy.cli_piped(&["audit", "--follow"]);
    let mut pipe = BufReader::new(pipe);
    let mut first = String::new();
    pipe.read_line(&mut first).expect("a line");
    assert_eq!(first.trim_end(), scene.lines()[0]);
    // As `head -n 1` does. Nothing new comes: it must be noticed without writing.
    drop(pipe);
    let status = follow.wait(WITHIN).expect("it ends");
    assert_eq!((status.code(), String::from_utf8_lossy(&follow.stderr()).as_ref()), (Some(0), ""));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_line_is_named_and_reading_goes_on() {
    let scene = Scene::new();
    scene.send_all().await;
    let lines = scene.lines();
    let path = scene.proxy.dir().join("audit.log");
    fs::write(&path, format!("{}\n{{\"half\":\n{}\n", lines[0], lines[1])).expect("written");
    for (words, wanted) in [(&[][..], &lines[..2]), (&["--blocked"], &lines[1..2])] {
        let (shown, complaint) = scene.printed(words, 1);
        assert_eq!(shown.lines().collect::<Vec<_>>(), wanted);
        assert!(complaint.lines().count() == 1 && complaint.contains("audit.log:2: is not a record"), "{complaint}");
    }
}

#[test]
fn what_is_missing_or_misspelt_is_told_in_a_line() {
    let proxy = Proxy::builder().start();
    let empty = TempDir::new().expect("a folder");
    let hash = "0".repeat(63);
    let table: [(&[&str], i32, &str); 7] = [
        (&["--dir", empty.path().to_str().expect("text")], 1, "no records yet: there is no "),
        (&["--secret", "{{API_KEY}}"], 2, "--secret: "),
        (&["--host", "https://api.example.test/"], 2, "--host: "),
        (&["--since", "lately"], 2, "--since: "),
        (&["--verify", "--head", &format!("5:{hash}")], 2, "--head: write SEQ:HASH"),
        (&["--head", "5:00"], 2, "--verify"),
        (&["--verify", "--blocked"], 2, "--blocked"),
    ];
    for (words, code, expected) in table {
        let output = proxy.cli(&[&["audit"], words].concat());
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(code), 0), "{words:?}: {complaint}");
        assert!(complaint.contains(expected), "{words:?}: {complaint}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_chain_is_whole_while_the_daemon_writes_and_rotates() {
    let scene = Scene::new();
    scene.send_all().await;
    let client = scene.proxy.client();
    let writing = tokio::spawn(async move {
        loop {
            let request = client.get(&format!("https://{HOST}/more")).header("x-api-key", "{{OTHER}}");
            request.send().await.expect("the proxy answers");
        }
    });
    for round in 0..10 {
        assert!(scene.printed(&["--verify"], 0).0.contains("the chain is whole"));
        scene.rename("audit.log", &format!("audit.log.{round}"));
        eventually(WITHIN, "records are written again", || scene.proxy.dir().join("audit.log").exists());
    }
    writing.abort();
}
