//! Systemd is told when the proxy listens and when it stops, over a real socket.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use tempfile::TempDir;

use crate::support::{Proxy, ProxyBuilder};

const WITHIN: Duration = Duration::from_secs(10);

/// Where systemd would listen.
struct Systemd {
    socket: UnixDatagram,
    folder: TempDir,
}

impl Systemd {
    fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        let socket = UnixDatagram::bind(folder.path().join("notify")).expect("bound");
        socket.set_read_timeout(Some(WITHIN)).expect("a limit");
        Self { socket, folder }
    }

    fn starts(&self) -> ProxyBuilder {
        Proxy::builder().env("NOTIFY_SOCKET", &self.folder.path().join("notify").display().to_string())
    }

    fn hears(&self) -> String {
        let mut buffer = [0; 4096];
        let length = self.socket.recv(&mut buffer).expect("it is told something in time");
        String::from_utf8(buffer[..length].to_vec()).expect("text")
    }
}

#[test]
fn ready_is_told_once_it_listens_and_stopping_at_the_end() {
    let systemd = Systemd::new();
    let proxy = systemd.starts().start();
    assert_eq!(systemd.hears(), format!("READY=1\nSTATUS=listens on {}", proxy.addr()));
    assert!(proxy.stop().success());
    assert_eq!(systemd.hears().lines().next(), Some("STOPPING=1"));
}

#[test]
fn a_proxy_that_cannot_start_is_never_ready() {
    let systemd = Systemd::new();
    systemd.starts().env("SECRET_PROXY_UPSTREAM_CA", "/nowhere").start_refused();
    systemd.socket.set_nonblocking(true).expect("set");
    assert!(systemd.socket.recv(&mut [0; 16]).is_err());
}

#[test]
fn a_unit_with_a_watchdog_is_told_that_the_proxy_lives() {
    let systemd = Systemd::new();
    let proxy = systemd.starts().env("WATCHDOG_USEC", "200000").start();
    let told: Vec<String> = (0..6).map(|_| systemd.hears()).collect();
    assert!(told.iter().filter(|it| *it == "WATCHDOG=1").count() >= 4, "{told:?}");
    assert!(told.iter().any(|it| it.starts_with("READY=1\n")), "{told:?}");
    drop(proxy);
}

/// A daemon's socket that has gone, or is somebody else's, is no reason to fail.
#[test]
fn nobody_has_to_listen() {
    let proxy = Proxy::builder().env("NOTIFY_SOCKET", "/nowhere/notify").env("WATCHDOG_USEC", "nonsense").start();
    assert!(proxy.stop().success());
}
