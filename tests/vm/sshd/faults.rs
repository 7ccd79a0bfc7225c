//! Faults of a tunnel: the times of detection and recovery.
//!
//! All the while everything that passes inside the VM is caught, and the value is not in it. The second time counts from the fault, or where something outside has to be put right first (a VM
//! thawed, a port given back) from that. With `TUNNEL_TABLE` set to a file, each adds its row to it.

use std::fs::File;
use std::io::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::Bench;
use super::bench::{HOST, Mode, PORT, WITHIN};
use crate::support::eventually;
use crate::support::process::Process;
use crate::support::vm::HOST as VM_HOST;

/// One fault: what it does, and what puts it right, if it has to be put right.
struct Fault {
    name: &'static str,
    /// The state that is to be told in the meantime, or "" for any but up.
    state: [&'static str; 2],
    /// A part of what is said of it.
    says: &'static str,
    strike: fn(&Bench) -> Left,
    cure: Option<fn(&Bench, Left)>,
}

/// What a fault has left running.
type Left = Option<Process>;

/// Strikes, waits for the keeper to notice, cures, waits for it to mend; then the tunnel carries again.
fn suffer(mode: Mode, fault: &Fault) {
    let bench = Bench::start(mode);
    let capture = bench.vm.capture();
    bench.carries();
    let struck = Instant::now();
    let left = (fault.strike)(&bench);
    bench.falls();
    let noticed = struck.elapsed();
    let state = fault.state[usize::from(mode == Mode::Shared)];
    if !state.is_empty() {
        bench.becomes(state);
        let error = bench.tunnel()["last_error"].to_string();
        assert!(error.contains(fault.says), "{error}");
    }
    let mut cured = struck;
    if let Some(cure) = fault.cure {
        cure(&bench, left);
        cured = Instant::now();
    }
    bench.becomes("up");
    let well = cured.elapsed();
    bench.carries();
    assert!(noticed < WITHIN && well < WITHIN, "{noticed:?} {well:?}");
    assert_eq!(bench.canary.found_in(&capture.bytes(&[&format!("CONNECT {HOST}:443")])), None);
    row(fault, mode, noticed, well);
}

fn row(fault: &Fault, mode: Mode, noticed: Duration, well: Duration) {
    let from = if fault.cure.is_some() { "cure" } else { "fault" };
    let line =
        format!("{}\t{}\t{:.1}\t{:.1}\t{from}\n", fault.name, mode.word(), noticed.as_secs_f64(), well.as_secs_f64());
    print!("{line}");
    if let Some(path) = std::env::var_os("TUNNEL_TABLE") {
        let file = File::options().append(true).create(true).open(path);
        file.and_then(|mut file| file.write_all(line.as_bytes())).expect("the row is written");
    }
}

/// Stops the keeper while the port in the VM goes to another; goes on once that one listens.
fn take_port(bench: &Bench, take: impl FnOnce() -> Process) -> Process {
    bench.signal_keeper(Signal::STOP);
    bench.vm.cut_sessions();
    bench.drop_master();
    eventually(WITHIN, "the port is free", || !bench.vm.listens(PORT));
    let taker = take();
    eventually(WITHIN, "the port is taken", || bench.vm.listens(PORT));
    bench.renew_master();
    bench.signal_keeper(Signal::CONT);
    taker
}

fn send(signal: &str, pid: i32) {
    Command::new("kill").args([signal, &pid.to_string()]).status().expect("kill runs");
}

fn end(_: &Bench, left: Left) {
    drop(left);
}

const SESSIONS_KILLED: Fault = Fault {
    name: "the VM's end of the connection is killed",
    state: ["", "no-master"],
    says: "log in to the VM once",
    strike: |bench| {
        bench.vm.cut_sessions();
        None
    },
    cure: None,
};

const RESTARTED: Fault = Fault {
    name: "sshd is killed and started again",
    state: ["unreachable", "no-master"],
    says: "",
    strike: |bench| {
        bench.vm.cut();
        None
    },
    cure: Some(|bench, _| {
        bench.vm.boot();
        bench.renew_master();
    }),
};

const STOPPED: Fault = Fault {
    name: "the VM is stopped and started again",
    state: ["vm-stopped", "vm-stopped"],
    says: "limactl start work",
    strike: |bench| {
        bench.vm.say_status("Stopped");
        bench.vm.cut();
        None
    },
    cure: Some(|bench, _| {
        bench.vm.boot();
        bench.vm.say_status("Running");
        bench.renew_master();
    }),
};

const FROZEN: Fault = Fault {
    name: "the VM freezes, and thaws",
    state: ["stalled", "stalled"],
    says: "",
    strike: |bench| {
        bench.vm.signal_sshd(Signal::STOP);
        None
    },
    cure: Some(|bench, _| bench.vm.signal_sshd(Signal::CONT)),
};

const CUT_OFF: Fault = Fault {
    name: "the network between them is cut, and mended",
    state: ["", "stalled"],
    says: "",
    strike: |bench| {
        bench.vm.plug(false);
        None
    },
    cure: Some(|bench, _| bench.vm.plug(true)),
};

/// Says yes to everything, as the proxy would, and gives back what it was asked.
const THIEF: &str = "
import http.server, sys
class Thief(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.path.rsplit('/', 1)[-1].encode() + b'\\n')
        self.close_connection = True
http.server.ThreadingHTTPServer(('127.0.0.1', int(sys.argv[1])), Thief).serve_forever()
";

const STOLEN: Fault = Fault {
    name: "a program in the VM takes the port, and gives it back",
    state: ["port-taken", "port-taken"],
    says: "port 17329 in the VM is taken by another program",
    strike: |bench| {
        let words = ["-c", THIEF, &PORT.to_string()];
        Some(take_port(bench, || bench.vm.spawn_inside("python3", &words, "thief")))
    },
    cure: Some(end),
};

const STALE: Fault = Fault {
    name: "an old connection that is dead holds the port, until it ends",
    state: ["port-taken", "port-taken"],
    says: "held by something that does not answer",
    strike: |bench| {
        Some(take_port(bench, || {
            let mut ssh = bench.vm.ssh();
            ssh.args(["-S", "none", "-N", "-R", &format!("127.0.0.1:{PORT}:127.0.0.1:1"), VM_HOST]);
            let mut old = bench.vm.spawn_outside(&mut ssh, "old");
            eventually(WITHIN, "the old connection has the port", || bench.vm.listens(PORT));
            old.signal(Signal::STOP);
            old
        }))
    },
    cure: Some(|_, left| {
        left.expect("it runs").kill();
    }),
};

const CANCELLED: Fault = Fault {
    name: "somebody cancels the forward on the shared connection",
    state: ["", ""],
    says: "",
    strike: |bench| {
        let socket = bench.proxy.dir().join("proxy.sock");
        let forward = format!("127.0.0.1:{PORT}:{}", socket.display());
        let output = bench.vm.ssh().args(["-O", "cancel", "-R", &forward, VM_HOST]).output().expect("ssh runs");
        assert!(output.status.success(), "{output:?}");
        None
    },
    cure: None,
};

const SSH_KILLED: Fault = Fault {
    name: "the ssh that holds the tunnel is killed",
    state: ["", "no-master"],
    says: "",
    strike: |bench| {
        bench.own_ssh().into_iter().for_each(|pid| send("-KILL", pid));
        bench.drop_master();
        None
    },
    cure: None,
};

const SSH_HANGS: Fault = Fault {
    name: "the ssh that holds the tunnel hangs",
    state: ["", "stalled"],
    says: "",
    strike: |bench| {
        bench.own_ssh().into_iter().for_each(|pid| send("-STOP", pid));
        bench.master.lock().expect("no panic").iter_mut().for_each(|master| master.signal(Signal::STOP));
        None
    },
    cure: None,
};

const MASTER_HANGS: Fault = Fault {
    cure: Some(|bench, _| {
        bench.master.lock().expect("no panic").iter_mut().for_each(|master| master.signal(Signal::CONT));
    }),
    ..SSH_HANGS
};

/// While the daemon is down it tells nothing: the keeper's own words count.
fn proxy_restarts(mode: Mode) {
    let bench = Bench::start(mode);
    bench.carries();
    let struck = Instant::now();
    assert!(bench.proxy.stop().success());
    eventually(WITHIN, "the keeper says so", || bench.said().contains("proxy-down: the daemon does not run"));
    let noticed = struck.elapsed();
    bench.proxy.launch();
    let cured = Instant::now();
    bench.becomes("up");
    let well = cured.elapsed();
    bench.carries();
    let fault = Fault { name: "the proxy is stopped and started again", cure: Some(end), ..SESSIONS_KILLED };
    row(&fault, mode, noticed, well);
}

/// Each fault is a test of its own for each mode.
macro_rules! suffered {
    ($($name:ident: $suffering:expr;)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        #[ignore = "needs root: tests/vm/run runs it"]
        async fn $name() {
            $suffering;
        }
    )*};
}

suffered! {
    dedicated_sessions_are_killed: suffer(Mode::Dedicated, &SESSIONS_KILLED);
    shared_sessions_are_killed: suffer(Mode::Shared, &Fault { cure: Some(|bench, _| bench.renew_master()), ..SESSIONS_KILLED });
    dedicated_sshd_is_restarted: suffer(Mode::Dedicated, &RESTARTED);
    shared_sshd_is_restarted: suffer(Mode::Shared, &RESTARTED);
    dedicated_vm_is_stopped: suffer(Mode::Dedicated, &STOPPED);
    shared_vm_is_stopped: suffer(Mode::Shared, &STOPPED);
    dedicated_vm_freezes: suffer(Mode::Dedicated, &FROZEN);
    shared_vm_freezes: suffer(Mode::Shared, &FROZEN);
    dedicated_network_is_cut: suffer(Mode::Dedicated, &CUT_OFF);
    shared_network_is_cut: suffer(Mode::Shared, &CUT_OFF);
    dedicated_port_is_stolen: suffer(Mode::Dedicated, &STOLEN);
    shared_port_is_stolen: suffer(Mode::Shared, &STOLEN);
    dedicated_listener_is_stale: suffer(Mode::Dedicated, &STALE);
    shared_listener_is_stale: suffer(Mode::Shared, &STALE);
    shared_forward_is_cancelled: suffer(Mode::Shared, &CANCELLED);
    dedicated_ssh_is_killed: suffer(Mode::Dedicated, &SSH_KILLED);
    shared_master_is_killed: suffer(Mode::Shared, &Fault { cure: Some(|bench, _| bench.renew_master()), ..SSH_KILLED });
    dedicated_ssh_hangs: suffer(Mode::Dedicated, &SSH_HANGS);
    shared_master_hangs: suffer(Mode::Shared, &MASTER_HANGS);
    dedicated_proxy_restarts: proxy_restarts(Mode::Dedicated);
    shared_proxy_restarts: proxy_restarts(Mode::Shared);
}
