//! Reports to the daemon, whose answers name the proxy's addresses.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use actors::status::{self, Question};
use actors::tunnels::probe::ProbeKey;
use actors::tunnels::report::TunnelReport;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::time::{sleep, timeout};

use super::event::Event;
use super::forward::{LocalEnd, Target};
use super::sleep::Clocks;

/// How often the keeper reports.
const EVERY: Duration = Duration::from_secs(2);
/// How long the daemon may take to answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);
/// What is read of an answer, in bytes.
const ANSWER_MAX: u64 = 64 * 1024;
/// Missing answers in a row before the daemon counts as gone: its `status` owner may be restarting.
const MISSES: u32 = 2;

/// The keeper's side of the status socket.
#[derive(Debug)]
pub(super) struct Reporter {
    socket: PathBuf,
    clocks: Clocks,
    misses: u32,
    address: Option<ProxyAddress>,
}

/// How the proxy is reached, as the daemon says.
#[derive(Clone, Debug)]
pub(super) struct ProxyAddress {
    pub(super) key: ProbeKey,
    unix: Option<PathBuf>,
    tcp: Option<SocketAddr>,
}

impl Reporter {
    pub(super) fn new(socket: PathBuf) -> Self {
        Self { socket, clocks: Clocks::now(), misses: MISSES, address: None }
    }

    /// How the proxy is reached, if the daemon answers.
    pub(super) fn address(&self) -> Option<&ProxyAddress> {
        self.address.as_ref()
    }

    /// Reports periodically, until something has happened.
    pub(super) async fn run(&mut self, report: &TunnelReport, target: Target, open: Option<&LocalEnd>) -> Event {
        loop {
            sleep(EVERY).await;
            if self.clocks.slept(&Clocks::now()) {
                return Event::Woke;
            }
            let happened = self.send(report).await;
            let local_end = self.address.as_ref().and_then(|address| address.local_end(target));
            if let Some(event) = happened {
                return event;
            }
            if open.is_some_and(|open| local_end.is_some_and(|local_end| local_end != *open)) {
                return Event::ProxyMoved;
            }
        }
    }

    /// Reports once.
    pub(super) async fn send(&mut self, report: &TunnelReport) -> Option<Event> {
        let was_there = self.address.is_some();
        if let Some(address) = timeout(ANSWER_LIMIT, self.converse(report)).await.ok().flatten() {
            self.misses = 0;
            self.address = Some(address);
            return (!was_there).then_some(Event::ProxyBack);
        }
        self.misses += 1;
        if self.misses < MISSES || !was_there {
            return None;
        }
        self.address = None;
        Some(Event::ProxyGone)
    }

    async fn converse(&self, report: &TunnelReport) -> Option<ProxyAddress> {
        let mut stream = UnixStream::connect(&self.socket).await.ok()?;
        let question = serde_json::to_string(&Question::Tunnel(report.clone())).ok()?;
        stream.write_all(format!("{question}\n").as_bytes()).await.ok()?;
        let mut answer = String::new();
        BufReader::new(stream.take(ANSWER_MAX)).read_line(&mut answer).await.ok()?;
        ProxyAddress::of(&serde_json::from_str(&answer).ok()?)
    }
}

impl ProxyAddress {
    fn of(answer: &status::ProxyAddress) -> Option<Self> {
        let addresses = || answer.listeners.iter().map(|listener| listener.address.as_str());
        Some(Self {
            key: answer.key.clone()?.into(),
            unix: addresses().find_map(|address| address.strip_prefix("unix:")).map(PathBuf::from),
            tcp: addresses().find_map(|address| address.parse().ok()).map(reachable),
        })
    }

    /// The listener that a tunnel of this target leads to.
    pub(super) fn local_end(&self, target: Target) -> Option<LocalEnd> {
        match target {
            Target::Socket => self.unix.clone().map(LocalEnd::Unix),
            Target::Port => self.tcp.map(LocalEnd::Tcp),
        }
    }
}

/// An address that stands for all interfaces is reached on loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    let loopback = IpAddr::from(Ipv4Addr::LOCALHOST);
    if address.ip().is_unspecified() { SocketAddr::new(loopback, address.port()) } else { address }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::os::unix::net::UnixListener;

    use actors::tunnels::report::{TunnelMode, TunnelState};

    use serde_json::{Value, json};

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
        let mut reporter = Reporter::new("/nowhere/status.sock".into());
        reporter.clocks = Clocks::before_an_hour_of_sleep();
        assert_eq!(reporter.run(&report(), Target::Socket, None).await, Event::Woke);
    }

    #[tokio::test]
    async fn a_daemon_that_comes_is_noticed_at_once_and_one_that_goes_at_the_second_miss() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("status.sock");
        let mut reporter = Reporter::new(path.clone());
        assert_eq!(reporter.send(&report()).await, None);
        let daemon = UnixListener::bind(&path).expect("bound");
        let answering = std::thread::spawn(move || {
            let (mut stream, _) = daemon.accept().expect("asked");
            let mut asked = String::new();
            BufReader::new(&stream).read_line(&mut asked).expect("a line");
            stream.write_all(b"{\"key\":\"k\",\"listeners\":[]}\n").expect("taken");
            asked
        });
        assert_eq!(reporter.send(&report()).await, Some(Event::ProxyBack));
        let asked: Value = serde_json::from_str(&answering.join().expect("answered")).expect("JSON");
        assert_eq!(
            (&asked["ask"], &asked["instance"], &asked["mode"]),
            (&json!("tunnel"), &json!("work"), &json!("shared"))
        );
        assert_eq!(reporter.send(&report()).await, None);
        assert_eq!(reporter.send(&report()).await, Some(Event::ProxyGone));
        assert_eq!(reporter.send(&report()).await, None);
    }

    #[test]
    fn the_listeners_are_read_from_the_answer() {
        let read = |answer: Value| ProxyAddress::of(&serde_json::from_value(answer).ok()?);
        let listener = |address: &str| json!({"address": address, "state": "accepting"});
        let listeners = [listener("0.0.0.0:7"), listener("unix:/d/proxy.sock")];
        let address = read(json!({"key": "k", "listeners": listeners})).expect("an address");
        assert_eq!(address.local_end(Target::Socket), Some(LocalEnd::Unix("/d/proxy.sock".into())));
        assert_eq!(address.local_end(Target::Port), Some(LocalEnd::Tcp(([127, 0, 0, 1], 7).into())));
        let bare = read(json!({"key": "k", "listeners": []})).expect("an answer");
        assert_eq!((bare.local_end(Target::Socket), bare.local_end(Target::Port)), (None, None));
        assert!(read(json!({"error": "unknown question"})).is_none());
    }
}
