//! The way through the tunnel, and its end.

use std::io::Read as _;
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;

use super::Bench;
use super::bench::{HOST, Mode, PORT, WITHIN};
use crate::support::{Vm, eventually};

const BOTH: [Mode; 2] = [Mode::Dedicated, Mode::Shared];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs root: tests/vm/run runs it"]
async fn a_request_from_the_vm_gets_the_value_which_never_passes_its_wires() {
    for mode in BOTH {
        let bench = Bench::start(mode);
        let capture = bench.vm.capture();
        bench.carries();
        // A theft is refused, and in cleartext: of that the capture sees every byte.
        assert_eq!(bench.request("http://evil.example.test/").stdout, b"403");
        // On the wire all is ssh; its greeting is the only clear word.
        TcpStream::connect((bench.vm.address(), 22)).and_then(|mut ssh| ssh.read(&mut [0])).expect("a greeting");
        let bytes = capture.bytes(&[&format!("CONNECT {HOST}:443"), "x-api-key: {{API_KEY}}", "SSH-2.0-OpenSSH"]);
        assert_eq!(bench.canary.found_in(&bytes), None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs root: tests/vm/run runs it"]
async fn the_proxy_is_out_of_the_vms_reach_but_for_the_tunnel() {
    let bench = Bench::start(Mode::Dedicated);
    let port = bench.proxy.addr().port();
    TcpStream::connect(bench.proxy.addr()).expect("it listens on the host");
    let direct = |address: &str| {
        let mut curl = bench.vm.inside("curl");
        curl.args(["-sS", "-m", "5", "--noproxy", "*", &format!("http://{address}/")]);
        bench.proxy.run(&mut curl).status.code()
    };
    // 7 is "could not connect".
    assert_eq!(direct(&format!("127.0.0.1:{port}")), Some(7));
    assert_eq!(direct(&format!("{}:{port}", bench.vm.host_address())), Some(7));
    assert_eq!(direct(&format!("127.0.0.1:{PORT}")), Some(0));
    // And the port in the VM is for the VM alone.
    assert!(TcpStream::connect((bench.vm.address(), PORT)).is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs root: tests/vm/run runs it"]
async fn any_vm_that_ssh_reaches_will_do_and_the_port_too() {
    let bench = Bench::start_with(Mode::Dedicated, |vm| {
        let [config, host] = Bench::generic(vm);
        vec![config, host, "--target=port".to_owned(), "--guest-port=18000".to_owned()]
    });
    assert!(bench.vm.listens(18000) && !bench.vm.listens(PORT));
    let carries = || {
        let mut curl = bench.vm.inside("curl");
        curl.args(["-sS", "-m", "10", "-H", "x-api-key: {{API_KEY}}", "-x", "http://127.0.0.1:18000", "--cacert"]);
        bench.proxy.run(curl.arg(bench.proxy.ca_path()).arg(format!("https://{HOST}/echo"))).status.success()
    };
    assert!(carries());
    // The proxy comes again on another port, and the tunnel leads there.
    let port = bench.proxy.addr().port();
    assert!(bench.proxy.stop().success());
    let taken = TcpListener::bind(("127.0.0.1", port)).expect("free again");
    bench.proxy.launch();
    assert_ne!(bench.proxy.addr().port(), port);
    eventually(WITHIN, "it carries again", carries);
    drop(taken);
    let requests = bench.origin.requests();
    assert!(requests.len() == 2 && requests.iter().all(|it| it.header("x-api-key") == Some(bench.canary.bytes())));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs root: tests/vm/run runs it"]
async fn the_end_of_the_keeper_is_prompt_and_frees_the_port() {
    for mode in BOTH {
        let bench = Bench::start(mode);
        let begun = Instant::now();
        bench.signal_keeper(Signal::TERM);
        let ended = bench.keeper.lock().expect("no panic").wait(Duration::from_secs(5));
        assert_eq!(ended.and_then(|status| status.code()), Some(0), "{:?}", begun.elapsed());
        eventually(WITHIN, "the port is free", || !bench.vm.listens(PORT));
        assert_eq!(bench.proxy.status()["tunnels"], json!([]));
        assert!(bench.own_ssh().is_empty());
        // Lima's connection is left as it was.
        let master = bench.master.lock().expect("no panic").as_mut().map(|master| master.ended().is_none());
        assert_eq!(master, (mode == Mode::Shared).then_some(true));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs root: tests/vm/run runs it"]
async fn a_keeper_that_is_killed_leaves_no_ssh_and_the_next_one_takes_over() {
    let bench = Bench::start(Mode::Dedicated);
    assert!(!bench.own_ssh().is_empty());
    bench.keeper.lock().expect("no panic").kill();
    eventually(WITHIN, "no ssh is left", || bench.own_ssh().is_empty());
    bench.waits("silent", |tunnel| tunnel["state"] == "silent");
    bench.start_keeper(&[]);
    bench.becomes("up");
    bench.carries();
}

/// As at a login, when all starts at once and the VM is last.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs root: tests/vm/run runs it"]
async fn a_keeper_may_be_there_before_the_proxy_and_the_vm() {
    for proxy_first in [true, false] {
        let bench = Bench::start(Mode::Dedicated);
        bench.keeper.lock().expect("no panic").end();
        assert!(bench.proxy.stop().success());
        bench.vm.say_status("Stopped");
        bench.vm.cut();
        bench.start_keeper(&[]);
        eventually(WITHIN, "it waits for the VM", || bench.said().contains("vm-stopped"));
        if proxy_first {
            bench.proxy.launch();
            bench.becomes("vm-stopped");
        }
        bench.vm.boot();
        bench.vm.say_status("Running");
        if !proxy_first {
            eventually(WITHIN, "it waits for the proxy", || bench.said().contains("proxy-down"));
            bench.proxy.launch();
        }
        bench.becomes("up");
        bench.carries();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs root: tests/vm/run runs it"]
async fn a_vm_whose_sshd_allows_no_look_still_has_its_tunnel() {
    for mode in BOTH {
        let bench = Bench::start(mode);
        bench.vm.set_sshd("AllowTcpForwarding remote");
        bench.vm.cut();
        bench.vm.boot();
        bench.renew_master();
        bench.falls();
        bench.waits("up, with a note", |tunnel| {
            tunnel["state"] == "up"
                && tunnel["last_error"].as_str().is_some_and(|note| note.contains("AllowTcpForwarding"))
        });
        bench.carries();
        bench.vm.set_sshd("AllowTcpForwarding no");
        bench.vm.cut();
        bench.vm.boot();
        bench.renew_master();
        bench.waits("refused, with the reason", |tunnel| {
            tunnel["state"] == "port-taken"
                && tunnel["last_error"].as_str().is_some_and(|note| note.contains("AllowTcpForwarding"))
        });
    }
}

/// Two keepers, two VMs, one proxy.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs root: tests/vm/run runs it"]
async fn each_vm_has_a_keeper_of_its_own() {
    let bench = Bench::start(Mode::Dedicated);
    let other = Vm::start();
    let words = Bench::generic(&other);
    let _second = bench.proxy.cli_running(&["tunnel", "play", &words[0], &words[1]]);
    let states = || {
        let status = bench.proxy.status();
        let tunnels = status["tunnels"].as_array().cloned().unwrap_or_default();
        tunnels.iter().map(|tunnel| format!("{} {}", tunnel["instance"], tunnel["state"])).collect::<Vec<_>>()
    };
    eventually(WITHIN, "both are up", || states() == ["\"play\" \"up\"", "\"work\" \"up\""]);
    other.cut();
    eventually(WITHIN, "one is not", || states() == ["\"play\" \"unreachable\"", "\"work\" \"up\""]);
    bench.carries();
    let shown = String::from_utf8(bench.proxy.cli(&["status"]).stdout).expect("text");
    assert!(shown.contains("tunnel      work: up since") && shown.contains("play: unreachable"), "{shown}");
    let again = bench.proxy.cli(&["tunnel", "work"]);
    let complaint = String::from_utf8_lossy(&again.stderr);
    assert!(again.status.code() == Some(1) && complaint.contains("already keeps the tunnel into work"), "{complaint}");
}
