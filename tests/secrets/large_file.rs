//! A secrets file costs in proportion to its length, whatever is in it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::proxy::program;
use crate::support::{Canary, Origin, Proxy};

const HOST: &str = "api.example.test";
/// The longest file that is read.
const BYTES_MAX: usize = 1024 * 1024;
/// Four times the bytes take four times as long, and take sixteen times as long where each is compared with all others.
const SLOWER_MAX: u32 = 9;
/// What a process takes to start, and what a busy machine adds.
const SLACK: Duration = Duration::from_secs(2);

/// A kind of file: the text of its nth line.
type Kind = (&'static str, fn(usize) -> String);

const KINDS: [Kind; 9] = [
    ("double quotes", |nth| format!("A{nth}=\"x\"\n")),
    ("escapes", |nth| format!("A{nth}=\"\\\\\\\"\\n\"\n")),
    ("single quotes", |nth| format!("A{nth}='x'\n")),
    ("secrets with hosts", |nth| format!("A{nth}=x\nA{nth}_HOSTS=*.a{nth}.example\n")),
    ("names that differ in case", |nth| format!("{}=x\n", in_letters(nth))),
    ("nearly lists of hosts", |nth| format!("A{nth}=x\na{nth}_HOST=a.example\n")),
    ("lists of nothing", |nth| format!("A{nth}_HOSTS_HOSTS=a.example\n")),
    ("the same line", |_| "A=x\n".to_owned()),
    ("comments and blanks", |nth| format!("{}# {nth}\n", " ".repeat(nth % 50))),
];

/// One list over the whole file: its nth entry.
const LISTS: [Kind; 5] = [
    ("one list of hosts", |nth| format!("a{nth}.example")),
    ("one list of wildcards", |nth| format!("*.a{nth}.example")),
    (
        "one list of covered hosts",
        |nth| if nth == 0 { "*.example.com".to_owned() } else { format!("a{nth}.example.com") },
    ),
    ("one list of wrong entries", |nth| format!("a_{nth}")),
    ("one list of the same host", |_| "a.example".to_owned()),
];

/// The same letters in other case for each number.
fn in_letters(nth: usize) -> String {
    (0..17).map(|bit| if nth >> bit & 1 == 1 { 'A' } else { 'a' }).collect()
}

fn lines(kind: fn(usize) -> String, bytes: usize) -> String {
    let mut text = "KEY=value-of-key\nKEY_HOSTS=api.example.test\n".to_owned();
    for line in (0..).map(kind) {
        if text.len() + line.len() > bytes {
            return text;
        }
        text.push_str(&line);
    }
    text
}

fn list(kind: fn(usize) -> String, bytes: usize) -> String {
    let mut text = "KEY=value-of-key\nKEY_HOSTS=api.example.test".to_owned();
    for entry in (0..).map(kind) {
        if text.len() + entry.len() + 2 > bytes {
            break;
        }
        text.push(',');
        text.push_str(&entry);
    }
    text + "\n"
}

/// How long `check` takes.
fn check(text: &str) -> Duration {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("secrets.env");
    fs::write(&path, text).expect("written");
    fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("ours");
    let begun = Instant::now();
    let mut command = Command::new(program());
    command.arg("check").arg(&path).stdout(Stdio::null()).stderr(Stdio::null()).status().expect("it runs");
    begun.elapsed()
}

#[test]
fn check_takes_time_in_proportion() {
    let texts = |bytes| {
        let of_lines = KINDS.map(|(name, kind)| (name, lines(kind, bytes)));
        of_lines.into_iter().chain(LISTS.map(|(name, kind)| (name, list(kind, bytes))))
    };
    for ((name, short), (_, long)) in texts(BYTES_MAX / 8).zip(texts(BYTES_MAX / 2)) {
        let (short, long) = (check(&short), check(&long));
        println!("{name}: {short:?} and {long:?}");
        assert!(long < SLOWER_MAX * short + SLACK, "{name}: {short:?} for a quarter, {long:?} for all");
    }
}

/// The daemon reads it on the thread that serves requests.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_daemon_reads_it_without_room_for_many_copies() {
    let (canary, origin) = (Canary::new(), Origin::start(&[HOST]));
    let proxy = Proxy::builder().origin(HOST, &origin).secret("API_KEY", &canary, HOST).start();
    let head = format!("API_KEY={}\nAPI_KEY_HOSTS={HOST}\n", canary.value());
    let before = resident(proxy.pid());
    for (name, kind) in &KINDS[..4] {
        proxy.write_secrets(&format!("{head}{}", lines(*kind, BYTES_MAX - head.len())));
        assert!(proxy.cli(&["reload"]).status.success(), "{name}");
        let answer = proxy.client().get("https://api.example.test/").header("x-api-key", "{{API_KEY}}").send().await;
        assert_eq!(answer.expect("answered").status, 200, "{name}");
        let grown = resident(proxy.pid()).saturating_sub(before);
        // 134 MiB were seen for the escapes, each of which is an entry with two faults.
        assert!(grown < 192 * 1024, "{name}: {grown} KiB more");
    }
}

/// Resident memory, in KiB.
fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a line");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}
