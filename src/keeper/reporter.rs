//! What the keeper tells the daemon, and learns from it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use actors::tunnels::probe::ProbeKey;
use actors::tunnels::report::TunnelReport;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::time::{sleep, timeout};

use super::event::Event;
use super::forward::{Here, Target};
use super::sleep::Clocks;

/// How often it speaks.
const EVERY: Duration = Duration::from_secs(2);
/// How long the daemon may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// What is read of an answer, in bytes.
const ANSWER_MAX: u64 = 64 * 1024;
/// Answers in a row that are missing before the daemon counts as gone: its status may be starting again.
const MISSES: u32 = 2;

/// The line to the daemon.
#[derive(Debug)]
pub(super) struct Voice {
    socket: PathBuf,
    clocks: Clocks,
    misses: u32,
    way_in: Option<WayIn>,
}

/// How the proxy is reached.
#[derive(Clone, Debug)]
pub(super) struct WayIn {
    pub(super) key: ProbeKey,
    unix: Option<PathBuf>,
    tcp: Option<SocketAddr>,
}

impl Voice {
    pub(super) fn new(socket: PathBuf) -> Self {
        Self { socket, clocks: Clocks::now(), misses: MISSES, way_in: None }
    }

    /// How the proxy is reached, if it is there.
    pub(super) fn way_in(&self) -> Option<&WayIn> {
        self.way_in.as_ref()
    }

    /// Speaks every so often, until something has happened.
    pub(super) async fn beat(&mut self, report: &TunnelReport, target: Target, linked: Option<&Here>) -> Event {
        loop {
            sleep(EVERY).await;
            if self.clocks.slept(&Clocks::now()) {
                return Event::Woke;
            }
            let happened = self.say(report).await;
            let here = self.way_in.as_ref().and_then(|way_in| way_in.here(target));
            if let Some(event) = happened {
                return event;
            }
            if linked.is_some_and(|linked| here.is_some_and(|here| here != *linked)) {
                return Event::ProxyMoved;
            }
        }
    }

    /// Speaks once.
    pub(super) async fn say(&mut self, report: &TunnelReport) -> Option<Event> {
        let was_there = self.way_in.is_some();
        if let Some(way_in) = timeout(PATIENCE, self.converse(report)).await.ok().flatten() {
            self.misses = 0;
            self.way_in = Some(way_in);
            return (!was_there).then_some(Event::ProxyBack);
        }
        self.misses += 1;
        if self.misses < MISSES || !was_there {
            return None;
        }
        self.way_in = None;
        Some(Event::ProxyGone)
    }

    async fn converse(&self, report: &TunnelReport) -> Option<WayIn> {
        let mut stream = UnixStream::connect(&self.socket).await.ok()?;
        let mut question = json!(report);
        question["ask"] = json!("tunnel");
        stream.write_all(format!("{question}\n").as_bytes()).await.ok()?;
        let mut answer = String::new();
        BufReader::new(stream.take(ANSWER_MAX)).read_line(&mut answer).await.ok()?;
        WayIn::read(&serde_json::from_str(&answer).ok()?)
    }
}

impl WayIn {
    fn read(answer: &Value) -> Option<Self> {
        let addresses = || answer["listeners"].as_array().into_iter().flatten().filter_map(|it| it["address"].as_str());
        Some(Self {
            key: answer["key"].as_str()?.to_owned().into(),
            unix: addresses().find_map(|address| address.strip_prefix("unix:")).map(PathBuf::from),
            tcp: addresses().find_map(|address| address.parse().ok()).map(on_this_side),
        })
    }

    /// Where the proxy listens.
    pub(super) fn here(&self, target: Target) -> Option<Here> {
        match target {
            Target::Socket => self.unix.clone().map(Here::Unix),
            Target::Port => self.tcp.map(Here::Tcp),
        }
    }
}

/// One that listens everywhere is reached on loopback, too.
fn on_this_side(address: SocketAddr) -> SocketAddr {
    let loopback = IpAddr::from(Ipv4Addr::LOCALHOST);
    if address.ip().is_unspecified() { SocketAddr::new(loopback, address.port()) } else { address }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::os::unix::net::UnixListener;

    use actors::tunnels::report::{TunnelMode, TunnelState};

    use super::*;

    fn report() -> TunnelReport {
        TunnelReport {
            instance: "work".to_owned(),
            mode: TunnelMode::Shared,
            state: TunnelState::Up,
            since: String::new(),
            last_error: None,
        }
    }

    #[tokio::test]
    async fn sleep_is_noticed_at_the_next_beat() {
        let mut voice = Voice::new("/nowhere/status.sock".into());
        voice.clocks = Clocks::before_an_hour_of_sleep();
        assert_eq!(voice.beat(&report(), Target::Socket, None).await, Event::Woke);
    }

    #[tokio::test]
    async fn a_daemon_that_comes_is_noticed_at_once_and_one_that_goes_at_the_second_miss() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("status.sock");
        let mut voice = Voice::new(path.clone());
        assert_eq!(voice.say(&report()).await, None);
        let daemon = UnixListener::bind(&path).expect("bound");
        let answering = std::thread::spawn(move || {
            let (mut stream, _) = daemon.accept().expect("asked");
            let mut asked = String::new();
            BufReader::new(&stream).read_line(&mut asked).expect("a line");
            stream.write_all(b"{\"key\":\"k\",\"listeners\":[]}\n").expect("taken");
            asked
        });
        assert_eq!(voice.say(&report()).await, Some(Event::ProxyBack));
        let asked: Value = serde_json::from_str(&answering.join().expect("answered")).expect("JSON");
        assert_eq!(
            (&asked["ask"], &asked["instance"], &asked["mode"]),
            (&json!("tunnel"), &json!("work"), &json!("shared"))
        );
        assert_eq!(voice.say(&report()).await, None);
        assert_eq!(voice.say(&report()).await, Some(Event::ProxyGone));
        assert_eq!(voice.say(&report()).await, None);
    }

    #[test]
    fn the_listeners_are_read_from_the_answer() {
        let listeners = json!([{"address": "0.0.0.0:7"}, {"address": "unix:/d/proxy.sock"}]);
        let way_in = WayIn::read(&json!({"key": "k", "listeners": listeners})).expect("a way in");
        assert_eq!(way_in.here(Target::Socket), Some(Here::Unix("/d/proxy.sock".into())));
        assert_eq!(way_in.here(Target::Port), Some(Here::Tcp(([127, 0, 0, 1], 7).into())));
        let bare = WayIn::read(&json!({"key": "k", "listeners": []})).expect("a way in");
        assert_eq!((bare.here(Target::Socket), bare.here(Target::Port)), (None, None));
        assert!(WayIn::read(&json!({"error": "unknown question"})).is_none());
    }
}
