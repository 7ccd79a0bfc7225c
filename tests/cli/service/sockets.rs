//! Sockets that were bound before the proxy started, as systemd hands them over: it serves them, keeps
//! them through a crash, and leaves them where they are.

use std::fs::Permissions;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::eventually;
use crate::support::process::Process;

const WITHIN: Duration = Duration::from_secs(10);
const PROGRAM: &str = env!("CARGO_BIN_EXE_secret-proxy");

/// What systemd does last: puts the two sockets where they belong, with the process id.
const HAND_OVER: &str =
    r#"exec 3<&0 4<&1 0</dev/null 1>/dev/null; LISTEN_PID=$$ LISTEN_FDS=$SOCKETS exec "$0" run --dir "$DIR""#;

/// The manager's side: it holds the sockets as long as this lives.
struct Manager {
    tcp: TcpListener,
    unix: UnixListener,
    folder: TempDir,
}

impl Manager {
    fn new() -> Self {
        let private = Permissions::from_mode(0o700);
        let folder = tempfile::Builder::new().permissions(private).tempdir().expect("a folder");
        let unix = UnixListener::bind(folder.path().join("proxy.sock")).expect("bound");
        Self { tcp: TcpListener::bind("127.0.0.1:0").expect("a free port"), unix, folder }
    }

    fn port(&self) -> u16 {
        self.tcp.local_addr().expect("bound").port()
    }

    fn socket_path(&self) -> PathBuf {
        self.folder.path().join("proxy.sock")
    }

    /// The proxy's command, with the sockets as its stdin and stdout, listening on what is named.
    fn command(&self, listen: &str, count: &str, [first, second]: [OwnedFd; 2]) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", HAND_OVER, PROGRAM]).env_clear().env("PATH", "/usr/bin:/bin");
        command.env("DIR", self.folder.path()).env("SOCKETS", count).env("SECRET_PROXY_LISTEN", listen);
        // It starts itself anew without this one, and must not lose the sockets over it.
        command.env("HTTPS_PROXY", "http://127.0.0.1:1");
        command.stdin(Stdio::from(first)).stdout(Stdio::from(second));
        command
    }

    fn both(&self) -> [OwnedFd; 2] {
        [self.tcp.try_clone().expect("copied").into(), self.unix.try_clone().expect("copied").into()]
    }

    /// Starts the proxy, and waits until it answers.
    fn start(&self) -> Process {
        let listen = format!("127.0.0.1:{},unix:proxy.sock", self.port());
        let command = &mut self.command(&listen, "2", self.both());
        let process = Process::adopt(command, self.folder.path(), "run").expect("it can be started");
        eventually(WITHIN, "it answers", || self.ask("status").is_some());
        process
    }

    fn refused(&self, listen: &str, count: &str, sockets: [OwnedFd; 2]) -> Output {
        let (command, output) = (&mut self.command(listen, count, sockets), TempDir::new().expect("a folder"));
        let mut process = Process::adopt(command, output.path(), "refused").expect("it can be started");
        let status = process.wait(WITHIN).expect("it ends");
        Output { status, stdout: Vec::new(), stderr: process.stderr() }
    }

    fn ask(&self, question: &str) -> Option<Value> {
        self.asks(&json!({"ask": question}))
    }

    fn asks(&self, question: &Value) -> Option<Value> {
        let mut stream = UnixStream::connect(self.folder.path().join("status.sock")).ok()?;
        stream.set_read_timeout(Some(WITHIN)).ok()?;
        stream.write_all(format!("{question}\n").as_bytes()).ok()?;
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer).ok()?;
        serde_json::from_str(&answer).ok()
    }
}

/// What a request that is not for a proxy is answered with.
fn answer(mut stream: impl std::io::Read + std::io::Write) -> Option<String> {
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.lines().next().map(str::to_owned)
}

fn by_tcp(manager: &Manager) -> Option<String> {
    let stream = TcpStream::connect(("127.0.0.1", manager.port())).expect("the port never closes");
    stream.set_read_timeout(Some(WITHIN)).expect("a limit");
    answer(stream)
}

fn by_path(manager: &Manager) -> Option<String> {
    let stream = UnixStream::connect(manager.socket_path()).expect("the socket never closes");
    stream.set_read_timeout(Some(WITHIN)).expect("a limit");
    answer(stream)
}

const BAD_REQUEST: &str = "HTTP/1.1 400 Bad Request";

#[test]
fn sockets_that_were_handed_over_are_served_and_outlive_the_proxy() {
    let manager = Manager::new();
    let mut process = manager.start();
    for answered in [by_tcp(&manager), by_path(&manager)] {
        assert_eq!(answered.as_deref(), Some(BAD_REQUEST));
    }
    process.signal(Signal::TERM);
    assert_eq!(process.wait(WITHIN).and_then(|status| status.code()), Some(0));
    assert!(manager.socket_path().exists(), "it is not ours to remove");
    // A client that comes while nobody serves is served by the next one.
    let waiting = [TcpStream::connect(("127.0.0.1", manager.port())).map(drop), {
        UnixStream::connect(manager.socket_path()).map(drop)
    }];
    assert!(waiting.iter().all(Result::is_ok), "{waiting:?}");
    let stream = TcpStream::connect(("127.0.0.1", manager.port())).expect("held by the manager");
    let _next = manager.start();
    assert_eq!(answer(stream).as_deref(), Some(BAD_REQUEST));
}

#[test]
fn the_port_stays_open_while_the_listener_starts_again() {
    let manager = Manager::new();
    let _process = manager.start();
    for crashes in 1..=3 {
        let _ = manager.asks(&json!({"ask": "fault", "owner": "listener", "kind": "crash"}));
        let up = |status: &Value| {
            let listener = status["subsystems"].as_array().into_iter().flatten().find(|it| it["name"] == "listener");
            listener.is_some_and(|it| it["restarts"] == crashes && it["state"] == "running")
        };
        eventually(WITHIN, "the listener is up again", || {
            assert_eq!(by_tcp(&manager).as_deref(), Some(BAD_REQUEST), "never refused, never cut off");
            manager.ask("status").filter(up)
        });
        assert_eq!(by_path(&manager).as_deref(), Some(BAD_REQUEST));
    }
}

#[track_caller]
fn assert_refused(output: &Output, words: &[&str]) {
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), told.lines().count()), (Some(2), 1), "{told}");
    for word in words {
        assert!(told.contains(word), "no {word:?} in: {told}");
    }
}

#[test]
fn a_socket_that_is_not_to_be_listened_on_is_an_error() {
    let manager = Manager::new();
    let port = format!("127.0.0.1:{}", manager.port());
    let other = manager.refused("unix:proxy.sock", "2", manager.both());
    assert_refused(&other, &[&port, "--listen does not name"]);
    let other = manager.refused(&port, "2", manager.both());
    assert_refused(&other, &["unix:", "proxy.sock", "--listen does not name"]);
}

#[test]
fn a_descriptor_that_cannot_be_served_is_an_error() {
    let manager = Manager::new();
    let port = format!("127.0.0.1:{}", manager.port());
    let second = || manager.unix.try_clone().expect("copied").into();
    let udp: OwnedFd = UdpSocket::bind("127.0.0.1:0").expect("bound").into();
    assert_refused(&manager.refused(&port, "1", [udp, second()]), &["descriptor 3", "take it out"]);
    let connected: OwnedFd = TcpStream::connect(manager.tcp.local_addr().expect("bound")).expect("connected").into();
    assert_refused(&manager.refused(&port, "1", [connected, second()]), &["descriptor 3", "it accepts no connections"]);
    let missing = manager.refused(&port, "9", manager.both());
    assert_refused(&missing, &["descriptor 5"]);
}

/// Descriptors that a program in between has left to us are not ours.
#[test]
fn what_was_handed_to_another_process_is_left_alone() {
    let manager = Manager::new();
    let mut command = Command::new(PROGRAM);
    command.args(["run", "--listen", "127.0.0.1:0", "--dir"]).arg(manager.folder.path()).env_clear();
    command.env("LISTEN_PID", "1").env("LISTEN_FDS", "2");
    let _process = Process::spawn(&mut command, manager.folder.path(), "run").expect("it can be started");
    let status = eventually(WITHIN, "it answers", || manager.ask("status"));
    assert_ne!(status["listeners"][0]["address"], format!("127.0.0.1:{}", manager.port()));
}
