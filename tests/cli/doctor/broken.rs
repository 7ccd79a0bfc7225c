//! Each link broken by itself: it alone fails, and what is to be typed mends it.

use std::fs::{self, File, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::{HOST, names, report, well, with};
use crate::cli::bad_input::text;
use crate::support::process::Process;
use crate::support::programs::executable;
use crate::support::{Canary, Proxy, eventually};

const WITHIN: Duration = Duration::from_secs(10);

/// The one link that fails, what it says, and what is to be typed.
#[track_caller]
fn broken(proxy: &Proxy, environment: &[(&str, &str)], name: &str) -> (String, String) {
    let report = report(proxy, &[], environment);
    let failed = with(&report, "fail");
    assert_eq!(names(&failed), [name], "{report}");
    let field = |field: &str| failed[0][field].as_str().expect("text").to_owned();
    (field("detail"), field("fix"))
}

#[track_caller]
fn assert_green(proxy: &Proxy) {
    let report = report(proxy, &[], &[]);
    assert_eq!(names(&with(&report, "fail")), [""; 0], "{report}");
}

fn loosen(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("ours");
}

/// How a proxy is broken, the link that tells, a word that it says, and the editor of the one who types.
type Break = (&'static str, fn(&Proxy), &'static str, &'static str);

const BREAKS: [Break; 12] = [
    ("folder", |proxy| loosen(proxy.dir(), 0o755), "mode 755", ""),
    ("settings", |proxy| add(proxy, "settings.env", "SECRET_PROXY_WORKERS=none\n"), "SECRET_PROXY_WORKERS", "rm"),
    ("settings", |proxy| add(proxy, "settings.env", "workers two\n"), "line 1", "rm"),
    ("settings", |proxy| add(proxy, "settings.env", "SECRET_PROXY_LOG='info['\n"), "filter", "rm"),
    ("secrets", |proxy| fs::remove_file(proxy.secrets_path()).expect("removed"), "not there", "touch"),
    ("secrets", |proxy| loosen(&proxy.secrets_path(), 0o640), "others may read", ""),
    (
        "allowlist",
        |proxy| add(proxy, "secrets.env", "LOST=lost-and-found\n"),
        "LOST: no allowed hosts",
        "sed -i /LOST/d",
    ),
    ("ca", |proxy| loosen(&proxy.dir().join("ca/ca-key.pem"), 0o644), "read by others", ""),
    ("ca", |proxy| fs::write(proxy.ca_path(), "garbage").expect("written"), "damaged", ""),
    ("rotation", another_root, "signs with another root", ""),
    ("audit", |proxy| fs::create_dir(proxy.dir().join("audit.log")).expect("made"), "not a regular file", ""),
    (
        "upstream-roots",
        |proxy| add(proxy, "settings.env", "SECRET_PROXY_UPSTREAM_CA=/nowhere.pem\n"),
        "/nowhere.pem",
        "rm",
    ),
];

fn add(proxy: &Proxy, name: &str, lines: &str) {
    let file = File::options().append(true).create(true).open(proxy.dir().join(name));
    file.and_then(|mut file| file.write_all(lines.as_bytes())).expect("written");
    loosen(&proxy.dir().join(name), 0o600);
}

/// The whole CA of another installation, as from a backup.
fn another_root(proxy: &Proxy) {
    let other = Proxy::builder().start();
    fs::rename(proxy.dir().join("ca"), proxy.dir().join("ca-aside")).expect("moved");
    fs::rename(other.dir().join("ca"), proxy.dir().join("ca")).expect("moved");
}

#[test]
fn what_is_to_be_typed_mends_the_one_link_that_fails() {
    for (name, how, word, editor) in BREAKS {
        println!("{name}: {word}");
        let proxy = well();
        if name == "audit" {
            fs::remove_file(proxy.dir().join("audit.log")).expect("removed");
        }
        how(&proxy);
        let (detail, fix) = broken(&proxy, &[], name);
        assert!(detail.contains(word), "no {word:?} in: {detail}");
        let typed = proxy.typed(&fix, &[("EDITOR", editor)]);
        assert!(typed.status.success(), "{fix}: {}", String::from_utf8_lossy(&typed.stderr));
        assert_green(&proxy);
    }
}

#[test]
fn a_file_that_is_open_to_others_is_a_warning_and_is_left_as_it_is() {
    let proxy = well();
    let log = proxy.dir().join("proxy.log");
    loosen(&log, 0o644);
    let report = report(&proxy, &[], &[]);
    let warned = with(&report, "warn");
    assert_eq!((names(&warned), &warned[0]["fix"]), (vec!["folder"], &format!("chmod 600 {}", text(&log)).into()));
    assert_eq!(fs::metadata(&log).expect("there").permissions().mode() & 0o777, 0o644, "nothing is changed unasked");
}

#[test]
fn a_setting_of_this_shell_is_told_to_be_one() {
    let proxy = well();
    for (variable, link) in [("SECRET_PROXY_WORKERS", "settings"), ("SECRET_PROXY_UPSTREAM_CA", "upstream-roots")] {
        let (_, fix) = broken(&proxy, &[(variable, "/none")], link);
        assert_eq!(fix, format!("unset {variable}"));
        let typed = proxy.typed(&format!("{fix}; secret-proxy doctor"), &[(variable, "/none")]);
        assert!(typed.status.success(), "{typed:?}");
    }
}

#[test]
fn a_daemon_that_does_not_run_is_to_be_started() {
    let proxy = well();
    assert!(proxy.stop().success());
    let (_, fix) = broken(&proxy, &[], "daemon");
    assert_eq!(fix, "secret-proxy run");
    proxy.launch();
    assert_green(&proxy);
}

#[test]
fn a_service_that_is_installed_is_started_as_such() {
    let proxy = well();
    assert!(proxy.stop().success());
    let home = proxy.dir().with_file_name("home");
    for (file, fix) in [
        (".config/systemd/user/secret-proxy.service", "systemctl --user restart secret-proxy"),
        ("Library/LaunchAgents/local.secret-proxy.plist", "launchctl kickstart -k gui/$(id -u)/local.secret-proxy"),
    ] {
        fs::create_dir_all(home.join(file).parent().expect("a folder")).expect("made");
        fs::write(home.join(file), "").expect("written");
        assert_eq!(broken(&proxy, &[], "daemon").1, fix);
    }
}

/// To restart that one would never start this one.
#[test]
fn a_service_of_another_folder_is_left_alone() {
    let proxy = well();
    assert!(proxy.stop().success());
    let home = proxy.dir().with_file_name("home");
    let unit = home.join(".config/systemd/user/secret-proxy.service");
    fs::create_dir_all(unit.parent().expect("a folder")).expect("made");
    for (folder, fix) in [(home.as_path(), "secret-proxy run"), (proxy.dir(), "systemctl --user restart secret-proxy")]
    {
        fs::write(&unit, format!("ExecStart=\"/bin/secret-proxy\" run \"--dir={}\"\n", text(folder))).expect("written");
        assert_eq!(broken(&proxy, &[], "daemon").1, fix);
    }
}

#[test]
fn what_only_a_new_start_mends_is_told_so() {
    for (name, lost) in [("ca", "ca"), ("listening", "proxy.sock")] {
        let proxy = Proxy::builder().secret("API_KEY", &Canary::new(), HOST).unix_listener().start();
        fs::rename(proxy.dir().join(lost), proxy.dir().with_file_name("lost")).expect("moved");
        let (_, fix) = broken(&proxy, &[], name);
        assert_eq!(fix, format!("kill {}; secret-proxy run", proxy.pid()));
        assert!(proxy.stop().success());
        proxy.launch();
        assert_green(&proxy);
    }
}

#[test]
fn a_root_that_waits_is_no_failure_unless_it_is_damaged() {
    let proxy = well();
    let fixes = |report: &Value| with(report, "warn").iter().map(|link| link["fix"].clone()).collect::<Vec<_>>();
    let export = "secret-proxy ca export > secret-proxy-ca.pem";
    for (typed, then) in [
        ("secret-proxy ca rotate", &[export][..]),
        // Whether any VM trusts it is not known: to finish is not what doctor says.
        (export, &["secret-proxy doctor VM"]),
        ("secret-proxy ca rotate --finish", &[]),
    ] {
        assert!(proxy.typed(&format!("cd ~ && {typed}"), &[]).status.success());
        assert_green(&proxy);
        assert_eq!(fixes(&report(&proxy, &[], &[])), then);
    }
    assert_eq!(fixes(&report(&proxy, &[], &[])), [""; 0]);
    assert!(proxy.cli(&["ca", "rotate"]).status.success());
    fs::write(proxy.dir().join("ca-next/ca-cert.pem"), "garbage").expect("written");
    let (_, fix) = broken(&proxy, &[], "rotation");
    assert!(proxy.typed(&fix, &[]).status.success());
    assert_green(&proxy);
}

#[test]
fn a_port_that_another_program_has_is_told_with_its_holder() {
    let proxy = well();
    assert!(proxy.stop().success());
    let bin = proxy.dir().with_file_name("bin");
    fs::create_dir(&bin).expect("made");
    let mut command = std::process::Command::new("python3");
    command.args(["-u", "-m", "http.server", "--bind", "127.0.0.1", "0"]);
    let mut holder = Process::spawn(&mut command, &bin, "holder").expect("python3 runs");
    let port = eventually(WITHIN, "a port is taken", || {
        let said = String::from_utf8(holder.stdout()).expect("text");
        said.split_once(" port ").and_then(|(_, rest)| rest.split(' ').next().map(str::to_owned))
    });
    let (path, address) =
        (format!("{}:{}", text(&bin), std::env::var("PATH").expect("a path")), format!("127.0.0.1:{port}"));
    let environment = [("PATH", path.as_str()), ("SECRET_PROXY_LISTEN", address.as_str())];

    executable(&bin.join("lsof"), "echo p4242; echo climactl");
    let (detail, fix) = broken(&proxy, &environment, "listening");
    assert!(detail.contains(&format!("{address} is taken by limactl (pid 4242)")), "{detail}");
    assert!(fix.contains("limactl edit") && fix.contains("\"ignore\": true"), "{fix}");

    executable(&bin.join("lsof"), &format!("echo p{}; echo cpython3", holder.pid()));
    let (detail, fix) = broken(&proxy, &environment, "listening");
    assert!(detail.contains("taken by python3"), "{detail}");
    assert!(proxy.typed(&fix, &environment).status.success());
    holder.wait(WITHIN).expect("it was ended");
    broken(&proxy, &environment, "daemon");
    proxy.launch();
    assert_green(&proxy);
}

#[test]
fn a_clock_that_is_behind_what_has_happened_is_wrong() {
    let proxy = well();
    let record = r#"{"timestamp":"2999-02-04T12:34:56Z","secrets":[],"method":"GET","host":"h","path":"/","blocked":false,"seq":1,"prev":""}"#;
    add(&proxy, "audit.log", &format!("{record}\n"));
    let (detail, fix) = broken(&proxy, &[], "clock");
    assert!(detail.contains("2999-02-04T12:34:56Z"), "{detail}");
    assert!(fix.contains("timedatectl") || fix.contains("sntp"), "{fix}");
}

#[test]
fn a_record_that_the_daemon_did_not_write_is_noticed() {
    let proxy = well();
    add(&proxy, "audit.log", "no record\n");
    let (detail, fix) = broken(&proxy, &[], "audit");
    assert!(detail.contains("no record") && fix == "secret-proxy audit --verify", "{detail}; {fix}");
}

#[test]
fn a_stage_that_cannot_be_built_is_told() {
    let proxy = well();
    let environment = [("TMPDIR", "/nowhere")];
    let (detail, fix) = broken(&proxy, &environment, "injection");
    assert!(detail.contains("throw-away proxy"), "{detail}");
    assert!(proxy.typed(&format!("{fix}; secret-proxy doctor"), &environment).status.success());
}
