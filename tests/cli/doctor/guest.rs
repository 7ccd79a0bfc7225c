//! `doctor` in the VM, with a stand-in for `ssh` that runs commands locally.

mod hostile;

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{HOST, LINKS, names, report, with};
use crate::cli::bad_input::text;
use crate::cli::commands::assert_line;
use crate::support::programs::executable;
use crate::support::{Canary, Proxy};

const GUEST_LINKS: [&str; 6] =
    ["guest-ssh", "guest-variables", "guest-trust", "guest-clock", "guest-port", "guest-folder"];

/// `-W` leads to the port that the file of the guest's port names; anything else is run by a shell, which does not
/// see the proxy's folder unless it is mounted.
const SSH: &str = r#"
echo "$@" >> "$(dirname "$0")/words"
while getopts akxF:o:TNW: option; do
  case $option in F) config=$OPTARG ;; W) forward=${OPTARG#127.0.0.1:} ;; esac
done
shift $((OPTIND - 1)); shift
guest=$(dirname "$config")/guest
test -e "$guest/down" && { echo "kex_exchange_identification: Connection closed" >&2; exit 255; }
test -e "$guest/frozen" && exec sleep 60
if test -n "$forward"; then
  exec bash -c 'exec 4<&0 3<>/dev/tcp/127.0.0.1/$(cat "$0") || exit 255; cat <&4 >&3 & exec cat <&3' "$guest/port-$forward"
fi
test -e "$guest/mounts" || set -- "$(printf '%s' "$*" | sed "s#$(cat "$guest/folder")#/not/here#g")"
exec env -i $(cat "$guest/environment") GUEST="$guest" HOME="$guest" PATH="$guest/bin:$PATH" sh -c "$*"
"#;

const LIMACTL: &str = r#"
case "$*" in
  "start work") rm -f GUEST/down ;;
  "stop work") ;;
  "edit work --tty=false --set .mounts = []") rm GUEST/mounts ;;
  *) exit 1 ;;
esac
"#;

/// What a VM's own commands do to it.
const SUDO: &str = r#"
case "$*" in
  "tee -a /etc/environment") exec tee -a "$GUEST/environment" ;;
  "tee /usr/local/share/ca-certificates/secret-proxy.crt") exec tee "$GUEST/ours.crt" ;;
  "update-ca-certificates") cat "$GUEST/system.crt" "$GUEST/ours.crt" > "$GUEST/bundle.crt" ;;
  "date -s @"*) echo 0 > "$GUEST/offset" ;;
  *) exit 1 ;;
esac
"#;

/// A proxy with a VM that is set up as it should be.
struct Vm {
    proxy: Proxy,
    canary: Canary,
    folder: PathBuf,
    path: String,
    lima_home: String,
}

impl Vm {
    fn new() -> Self {
        let canary = Canary::new();
        let proxy = Proxy::builder().secret("API_KEY", &canary, HOST).start();
        let lima = proxy.dir().with_file_name("lima");
        let (folder, bin) = (lima.join("work/guest"), lima.join("bin"));
        for made in [&folder, &folder.join("bin"), &bin] {
            fs::create_dir_all(made).expect("made");
        }
        fs::write(lima.join("work/ssh.config"), "Host lima-work\n").expect("written");
        executable(&bin.join("ssh"), SSH);
        executable(&bin.join("limactl"), &LIMACTL.replace("GUEST", &text(&folder)));
        executable(&folder.join("bin/sudo"), SUDO);
        executable(&folder.join("bin/date"), "echo $(($(/bin/date +%s) + $(cat \"$GUEST/offset\")))");
        let path = format!("{}:{}", text(&bin), std::env::var("PATH").expect("a path"));
        let vm = Self { proxy, canary, folder, path, lima_home: text(&lima) };
        // A login may set another path.
        vm.write(".profile", "echo a message of the day\nPATH=$GUEST/bin:$PATH\n");
        vm.write("folder", &text(vm.proxy.dir()));
        vm.write("offset", "0\n");
        vm.write("system.crt", "a root that is not one of ours\n");
        vm.write("port-17329", &vm.proxy.addr().port().to_string());
        vm.write("ours.crt", &vm.proxy.ca_pem());
        vm.write("bundle.crt", &format!("# the system's\n{}", vm.proxy.ca_pem()));
        vm.write("environment", &vm.environment());
        vm
    }

    fn environment(&self) -> String {
        let proxies = ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"];
        let mut lines: Vec<String> = proxies.iter().map(|name| format!("{name}=http://127.0.0.1:17329")).collect();
        lines.push(format!("SSL_CERT_FILE={}", text(&self.folder.join("bundle.crt"))));
        lines.push(format!("NODE_EXTRA_CA_CERTS={}", text(&self.folder.join("ours.crt"))));
        lines.join("\n") + "\n"
    }

    fn write(&self, name: &str, content: &str) {
        fs::write(self.folder.join(name), content).expect("written");
    }

    fn variables(&self) -> [(&str, &str); 2] {
        [("PATH", &self.path), ("LIMA_HOME", &self.lima_home)]
    }

    fn report(&self) -> Value {
        report(&self.proxy, &["work"], &self.variables())
    }

    #[track_caller]
    fn assert_green(&self) {
        let report = self.report();
        let links: Vec<&Value> = report["links"].as_array().expect("a list").iter().collect();
        assert_eq!(names(&links), [&LINKS[..], &GUEST_LINKS].concat());
        assert!(links.iter().all(|link| link["verdict"] == "ok"), "{report:#}");
    }

    /// The one link that fails, and what is to be typed.
    #[track_caller]
    fn broken(&self, name: &str) -> (String, String) {
        let report = self.report();
        let failed = with(&report, "fail");
        assert_eq!(names(&failed), [name], "{report:#}");
        let field = |field: &str| failed[0][field].as_str().expect("text").to_owned();
        (field("detail"), field("fix"))
    }

    /// Types what mends it.
    #[track_caller]
    fn mend(&self, fix: &str) {
        let typed = self.proxy.typed(fix, &self.variables());
        assert!(typed.status.success(), "{fix}: {}", String::from_utf8_lossy(&typed.stderr));
    }
}

#[test]
fn a_vm_that_is_set_up_is_green() {
    let vm = Vm::new();
    vm.assert_green();
    let config = format!("{}/work/ssh.config", vm.lima_home);
    let other = report(&vm.proxy, &["--ssh-config", &config, "--host", "build-vm"], &vm.variables());
    assert_eq!(names(&with(&other, "ok")).len(), LINKS.len() + GUEST_LINKS.len(), "{other:#}");
    // By the name of its tunnel, under which it is remembered.
    let named = report(&vm.proxy, &["build", "--ssh-config", &config, "--host", "build-vm"], &vm.variables());
    assert_eq!(names(&with(&named, "ok")).len(), LINKS.len() + GUEST_LINKS.len(), "{named:#}");
    let seen = fs::read_to_string(vm.proxy.dir().join("guests.json")).expect("noted");
    assert!(seen.contains("\"build\""), "{seen}");
}

/// How a VM is broken, the link that tells, and a word that it says.
type Break = (&'static str, fn(&Vm), &'static str);

const BREAKS: [Break; 9] = [
    ("guest-folder", |vm| vm.write("mounts", ""), "can see"),
    ("guest-ssh", |vm| vm.write("down", ""), "Connection closed"),
    (
        "guest-variables",
        |vm| vm.write("environment", &vm.environment().replace("HTTPS_PROXY", "OTHER")),
        "HTTPS_PROXY does",
    ),
    (
        "guest-variables",
        |vm| vm.write("environment", &vm.environment().replace("http_proxy=http://127", "x=http://126")),
        "http_proxy does",
    ),
    ("guest-trust", |vm| vm.write("bundle.crt", "# the system's\n"), "bundle.crt"),
    ("guest-trust", |vm| vm.write("ours.crt", "\u{1b}]0;x\u{7} no certificate\n"), "ours.crt"),
    ("guest-trust", |vm| fs::remove_file(vm.folder.join("bundle.crt")).expect("removed"), "bundle.crt"),
    ("guest-clock", |vm| vm.write("offset", "-180000\n"), "behind"),
    ("guest-clock", |vm| vm.write("offset", "100000\n"), "ahead"),
];

#[test]
fn what_is_to_be_typed_mends_the_one_link_of_the_vm_that_fails() {
    for (name, how, word) in BREAKS {
        println!("{name}: {word}");
        let vm = Vm::new();
        how(&vm);
        let (detail, fix) = vm.broken(name);
        assert!(detail.contains(word) && !detail.contains('\u{1b}'), "no {word:?} in: {detail:?}");
        vm.mend(&fix);
        vm.assert_green();
    }
}

#[test]
fn a_tunnel_that_is_down_or_leads_elsewhere_is_told() {
    let vm = Vm::new();
    vm.write("port-17329", "1");
    let (detail, fix) = vm.broken("guest-port");
    assert!(detail.contains("nobody answers on 127.0.0.1:17329"), "{detail}");
    assert_eq!(fix, "secret-proxy tunnel work");
    // Another server than ours.
    let other = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    vm.write("port-17329", &other.local_addr().expect("its address").port().to_string());
    let answering = std::thread::spawn(move || {
        let (mut stream, _) = other.accept().expect("asked");
        std::io::Write::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\nhello").expect("answered");
    });
    let (detail, _) = vm.broken("guest-port");
    assert!(detail.contains("something else answers"), "{detail}");
    answering.join().expect("no panic");
    vm.write("port-17329", &vm.proxy.addr().port().to_string());
    vm.assert_green();
}

#[test]
fn a_vm_whose_node_is_not_told_is_a_warning() {
    let vm = Vm::new();
    vm.write("environment", &vm.environment().replace("NODE_EXTRA_CA_CERTS", "OTHER"));
    let report = vm.report();
    let warned = with(&report, "warn");
    assert_eq!((names(&warned), &report["ok"]), (vec!["guest-trust"], &true.into()));
    let fix = warned[0]["fix"].as_str().expect("text");
    // There it would lead to the file itself, which is not this one's.
    vm.mend(&fix.replace("/usr/local/share/ca-certificates/secret-proxy.crt", &text(&vm.folder.join("ours.crt"))));
    vm.assert_green();
}

#[test]
fn an_instance_that_was_never_started_is_to_be_started() {
    let vm = Vm::new();
    let report = report(&vm.proxy, &["other"], &vm.variables());
    let failed = with(&report, "fail");
    assert_eq!((names(&failed), &failed[0]["fix"]), (vec!["guest-ssh"], &"limactl start other".into()));
}

#[test]
fn a_vm_that_does_not_answer_holds_nobody_up() {
    let vm = Vm::new();
    vm.write("frozen", "");
    let begun = Instant::now();
    let (detail, _) = vm.broken("guest-ssh");
    assert!(detail.contains("does not answer in time"), "{detail}");
    assert!(begun.elapsed() < Duration::from_secs(30));
}

#[test]
fn what_was_seen_in_a_vm_decides_when_a_rotation_can_be_finished() {
    let vm = Vm::new();
    let typed = |line: &str| {
        let output = vm.proxy.typed(line, &vm.variables());
        (
            output.status.code(),
            String::from_utf8(output.stdout).expect("text") + &String::from_utf8_lossy(&output.stderr),
        )
    };
    vm.mend("secret-proxy ca rotate && secret-proxy ca export > /dev/null");
    let report = vm.report();
    assert_eq!(names(&with(&report, "warn")), ["rotation", "guest-trust"], "{report:#}");
    assert_line(&typed("secret-proxy ca").1, &["VM", "work: needs the next root"]);
    let (code, told) = typed("secret-proxy ca rotate --finish");
    assert!(code == Some(1) && told.contains("not trusted yet by work"), "{told}");
    vm.mend(with(&report, "warn")[1]["fix"].as_str().expect("a fix"));
    let report = vm.report();
    assert_eq!(names(&with(&report, "warn")), ["rotation"], "{report:#}");
    assert_line(&typed("secret-proxy ca").1, &["VM", "work: trusts both"]);
    vm.mend("secret-proxy ca rotate --finish");
    vm.assert_green();
}

#[test]
fn nothing_that_is_sent_to_a_vm_is_a_secret() {
    let vm = Vm::new();
    let ssh = PathBuf::from(&vm.lima_home).join("bin/ssh");
    fs::rename(&ssh, vm.folder.join("ssh")).expect("moved");
    executable(&ssh, &format!("cd {}; echo \"$@\" >> sent; tee -a sent | ./ssh \"$@\"", text(&vm.folder)));
    vm.assert_green();
    let sent = fs::read(vm.folder.join("sent")).expect("written");
    assert!(vm.canary.found_in(&sent).is_none());
    let sent = String::from_utf8(sent).expect("text");
    assert!(sent.contains("lima-work") && sent.contains("GET / HTTP/1.1"), "all of it is here: {sent}");
    assert!(!sent.contains("API_KEY") && !sent.contains("secrets.env"), "{sent}");
}
