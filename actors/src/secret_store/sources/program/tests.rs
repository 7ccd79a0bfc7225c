//! What a program may do, and what comes of it.

use std::io::Write as _;
use std::time::{Duration, Instant};

use super::*;

const TEXT: &str = "KEY=value-of-key\nKEY_HOSTS=api.example\n";

/// A shell script in a folder of its own.
fn script(lines: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("secrets");
    write(&path, &format!("#!/bin/sh\n{lines}\n"), 0o700);
    (folder, path)
}

pub(in crate::secret_store::sources) fn write(path: &Path, text: &str, mode: u32) {
    // A file that is open for writing cannot be run, also by a child that another test makes meanwhile.
    let fresh = path.with_extension("new");
    let copied =
        std::process::Command::new("sh").args(["-c", "cat > \"$1\"", "sh"]).arg(&fresh).stdin(Stdio::piped()).spawn();
    let mut copied = copied.expect("a shell");
    copied.stdin.take().expect("piped").write_all(text.as_bytes()).expect("written");
    assert!(copied.wait().expect("ended").success());
    fs::set_permissions(&fresh, fs::Permissions::from_mode(mode)).expect("ours");
    fs::rename(&fresh, path).expect("in place");
}

async fn read(path: &Path) -> Result<String, ReadError> {
    let content = Program::at(path, ErrorOutput::Discarded).read(Box::new(|_| ())).await?;
    Ok(String::from_utf8_lossy(&content.text).into_owned())
}

async fn run(lines: &str) -> Result<String, ReadError> {
    let (_folder, path) = script(lines);
    read(&path).await
}

fn print() -> String {
    format!("printf '%s' '{TEXT}'")
}

#[tokio::test]
async fn the_output_counts_if_the_program_ends_well() {
    assert_eq!(run(&print()).await.as_deref(), Ok(TEXT));
    assert_eq!(run(&format!("{}; exec 1>&-; sleep 0.2", print())).await.as_deref(), Ok(TEXT));
    for (end, expected) in [
        ("exit 1", ProgramFailure::Ended(1)),
        ("exit 255", ProgramFailure::Ended(255)),
        ("kill -9 $$", ProgramFailure::Signal(9)),
        ("kill $$", ProgramFailure::Signal(15)),
    ] {
        assert_eq!(run(&format!("{}; {end}", print())).await, Err(ReadError::Program(expected)), "{end}");
    }
}

#[tokio::test]
async fn it_gets_no_input_no_arguments_and_a_small_environment() {
    let seen = run("cat; echo \"$# $OP_SERVICE_ACCOUNT_TOKEN $CARGO_MANIFEST_DIR\"; pwd; env").await.expect("ended");
    let mut lines = seen.lines();
    assert_eq!((lines.next(), lines.next()), (Some("0  "), Some("/")));
    // A shell adds some of its own.
    let known = |line: &&str| VARIABLES.iter().chain(&["PWD", "OLDPWD", "SHLVL", "_"]).any(|it| line.starts_with(it));
    assert!(lines.all(|line| known(&line)), "{seen}");
}

#[tokio::test]
async fn what_it_leaves_behind_is_killed_and_not_waited_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let pids = folder.path().join("pids");
    let begun = Instant::now();
    let children = format!(
        "trap '' TERM HUP; sleep 600 & echo $! > {0}; (sleep 600 & echo $! >> {0}; wait) & echo $! >> {0}; {1}",
        pids.display(),
        print()
    );
    assert_eq!(run(&children).await.as_deref(), Ok(TEXT));
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    let pids = fs::read_to_string(&pids).expect("written");
    for pid in pids.lines() {
        let pid = Pid::from_raw(pid.parse().expect("a pid")).expect("not zero");
        let deadline = Instant::now() + Duration::from_secs(10);
        // A zombie that nobody has reaped yet still counts as there.
        while rustix::process::test_kill_process(pid).is_ok() && !is_zombie(pid) {
            assert!(Instant::now() < deadline, "{pid:?} still runs");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

fn is_zombie(pid: Pid) -> bool {
    let state = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
    state.is_ok_and(|state| state.contains(") Z "))
}

#[tokio::test]
async fn a_flood_is_cut_off() {
    let begun = Instant::now();
    assert_eq!(run("exec yes KEY=value").await, Err(ReadError::TooLarge));
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn one_that_hangs_is_killed_in_time() {
    // The clock stands still but for this limit.
    let (_folder, path) = script("trap '' TERM; sleep 600");
    assert_eq!(read(&path).await, Err(ReadError::Program(ProgramFailure::TookTooLong)));
}

#[tokio::test]
async fn one_that_cannot_or_may_not_be_run_is_a_failure() {
    let (folder, path) = script("true");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("ours");
    let denied = ProgramFailure::CannotRun(io::ErrorKind::PermissionDenied);
    assert_eq!(read(&path).await, Err(ReadError::Program(denied)));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o722)).expect("ours");
    assert_eq!(read(&path).await, Err(ReadError::Unsafe(UnsafeMount::OpenProgram)));
    assert_eq!(read(folder.path()).await, Err(ReadError::Unsafe(UnsafeMount::NoProgram)));
    assert_eq!(read(&folder.path().join("none")).await, Err(ReadError::Missing));
    write(&path, "neither a script nor a program\n", 0o700);
    let cannot_run = |outcome: &Result<String, _>| {
        matches!(outcome, Err(ReadError::Program(ProgramFailure::CannotRun(_) | ProgramFailure::Ended(_))))
    };
    let outcome = read(&path).await;
    assert!(cannot_run(&outcome), "{outcome:?}");
}

#[test]
fn a_replaced_program_is_another_one() {
    let (_folder, path) = script("true");
    let before = glance(&path, "program").expect("there");
    assert_eq!(glance(&path, "program"), Ok(before));
    write(&path, "#!/bin/sh\nfalse\n", 0o700);
    assert_ne!(glance(&path, "program"), Ok(before));
}
