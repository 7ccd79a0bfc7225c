//! Promise: every command tells how things are, by words, JSON and exit code, and never tells a
//! value; settings, signals and the environment have the effect that is documented, and no other.

use std::fs;

use rustix::process::Signal;
use rustls::crypto::aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::bad_input::{WITHIN, checked, settings_file, text};
use crate::support::fifo::Step;
use crate::support::origin::Upstream as _;
use crate::support::{Answer, Canary, Fifo, Origin, Proxy, eventually, eventually_async};

const HOST: &str = "api.example.test";
const KEY: &str = "{{API_KEY}}";

/// What a command printed, if it ended with this exit code and without a complaint.
#[track_caller]
fn printed(proxy: &Proxy, words: &[&str], code: i32) -> String {
    let output = proxy.cli(words);
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(code), ""));
    String::from_utf8(output.stdout).expect("text")
}

/// Some line of `shown` holds all of these words.
#[track_caller]
fn assert_line(shown: &str, words: &[&str]) {
    let found = shown.lines().any(|line| words.iter().all(|word| line.contains(word)));
    assert!(found, "no line with {words:?} in:\n{shown}");
}

async fn get(proxy: &Proxy, url: &str) -> Answer {
    proxy.client().get(url).header("x-api-key", KEY).send().await.expect("the proxy answers")
}

/// The id in the header of a refusal: the key is sent where it may not go.
async fn refusal_id(proxy: &Proxy) -> String {
    let answer = get(proxy, "https://evil.example.test/").await;
    answer.header("x-secret-proxy-id").expect("a refusal has an id").to_owned()
}

fn ready() -> Proxy {
    let proxy = Proxy::builder().secret("API_KEY", &Canary::new(), HOST).start();
    proxy.status_becomes("the secrets are read", |status| status["secrets"]["state"] == "ready");
    proxy
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn status_tells_people_what_the_daemon_does() {
    let proxy = ready();
    refusal_id(&proxy).await;
    let shown = printed(&proxy, &["status"], 0);
    assert_line(&shown, &["pid", &proxy.pid().to_string()]);
    assert_line(&shown, &["listening", &proxy.addr().to_string()]);
    assert_line(&shown, &["ready", &text(&proxy.secrets_path())]);
    assert_line(&shown, &["read", "API_KEY"]);
    assert_line(&shown, &["ca", proxy.status()["ca"]["fingerprint"].as_str().expect("text")]);
    assert_line(&shown, &["audit", "1 refused", &text(&proxy.dir().join("audit.log"))]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn status_json_has_every_field_that_scripts_may_use() {
    let proxy = ready();
    refusal_id(&proxy).await;
    let report: Value = serde_json::from_str(&printed(&proxy, &["status", "--json"], 0)).expect("one JSON value");
    let table = [
        ("", "version pid uptime_s listeners sessions secrets ca audit tunnels subsystems"),
        ("/listeners/0", "address state"),
        ("/sessions", "active total"),
        ("/secrets", "state source kind names age_s detail"),
        ("/ca", "fingerprint not_after leaves_cached"),
        ("/audit", "path records refused unrecorded head last_error"),
        ("/subsystems/5", "name state restarts last_failure"),
    ];
    for (pointer, fields) in table {
        let found = report.pointer(pointer).and_then(Value::as_object).expect(pointer);
        for field in fields.split(' ') {
            assert!(found.contains_key(field), "no {field} in {pointer}");
        }
    }
    assert_eq!(report["pid"], proxy.pid());
    assert_eq!(report["listeners"], json!([{"address": proxy.addr().to_string(), "state": "accepting"}]));
    let (secrets, audit) = (&report["secrets"], &report["audit"]);
    assert_eq!((&secrets["kind"], &secrets["names"]), (&json!("file"), &json!(["API_KEY"])));
    assert_eq!([&audit["records"], &audit["refused"], &audit["unrecorded"]], [1, 1, 0]);
}

#[test]
fn status_fails_once_the_secrets_file_is_gone() {
    let proxy = ready();
    fs::remove_file(proxy.secrets_path()).expect("the secrets file is removed");
    proxy.status_becomes("the secrets are missed", |status| status["secrets"]["state"] == "missing");
    assert_line(&printed(&proxy, &["status"], 1), &["missing", &text(&proxy.secrets_path())]);
    assert_line(&printed(&proxy, &["status", "--json"], 1), &["\"missing\""]);
}

#[test]
fn check_names_secrets_hosts_and_problems_with_their_lines() {
    let canary = Canary::new();
    let proxy = Proxy::builder().secret("API_KEY", &canary, HOST).start();
    assert_line(&printed(&proxy, &["check"], 0), &["ok", "API_KEY", HOST]);
    let lines = "GOOD=?\nGOOD_HOSTS=g.example, *.h.example:8443\n\nLOST=?\nWIDE=?\nWIDE_HOSTS=*.com\n\
                 EMPTY=\nEMPTY_HOSTS=e.example\nSPLIT=\"?\\n?\"\nSPLIT_HOSTS=s.example\n";
    let path = checked(&proxy, &lines.replace('?', canary.value()), 0o600);
    let shown = printed(&proxy, &["check", &path], 1);
    assert_line(&shown, &["ok", "GOOD", "g.example", "*.h.example:8443"]);
    assert_line(&shown, &["line 4", "LOST", "LOST_HOSTS="]);
    assert_line(&shown, &["line 6", "WIDE_HOSTS", "two labels"]);
    assert_line(&shown, &["line 7", "EMPTY", "empty"]);
    assert_line(&shown, &["line 9", "SPLIT", "control character"]);
}

#[test]
fn the_exported_certificate_is_the_one_shown_and_outlives_a_restart() {
    let proxy = Proxy::builder().start();
    let (shown, pem) = (printed(&proxy, &["ca", "show"], 0), printed(&proxy, &["ca", "export"], 0));
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).expect("PEM");
    // As `openssl x509 -fingerprint -sha256` writes it.
    let sha256 = TLS13_AES_128_GCM_SHA256.tls13().expect("a suite of TLS 1.3").common.hash_provider;
    let pairs: Vec<String> = sha256.hash(&der).as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
    assert_line(&shown, &["fingerprint", &pairs.join(":")]);
    assert_line(&shown, &["valid until", "Z"]);
    assert_eq!(proxy.status()["ca"]["fingerprint"], pairs.join(":"));
    assert!(proxy.stop().success());
    proxy.launch();
    assert_eq!((printed(&proxy, &["ca"], 0), printed(&proxy, &["ca", "export"], 0)), (shown, pem));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn why_tells_the_records_behind_an_id() {
    let proxy = Proxy::builder()
        .secret("API_KEY", &Canary::new(), HOST)
        // Nobody listens there: the request is recorded, and then that it was not sent.
        .resolve(&format!("{HOST}:443:127.0.0.1:1"))
        .start();
    let refused = refusal_id(&proxy).await;
    assert_eq!(get(&proxy, "https://api.example.test/").await.status, 502);
    let records = proxy.audit_lines();
    let unsent = records[1]["id"].as_str().expect("every record has an id");
    for (id, expected) in [(refused.as_str(), &records[..1]), (unsent, &records[1..])] {
        let shown = printed(&proxy, &["why", id], 0);
        let shown: Vec<Value> = shown.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!(shown, expected);
    }
    assert_eq!([&records[0]["host"], &records[2]["outcome"]], ["evil.example.test", "not_sent"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reload_and_sighup_read_the_secrets_again_at_once() {
    let actions: [fn(&Proxy); 2] = [|proxy| drop(printed(proxy, &["reload"], 0)), |proxy| proxy.signal(Signal::HUP)];
    for reload in actions {
        let values = [Canary::new(), Canary::new()];
        let origin = Origin::start(&[HOST]);
        let proxy = Proxy::builder().origin(HOST, &origin).secrets_fifo();
        let proxy = values.iter().fold(proxy, |proxy, value| proxy.canary(value)).start();
        // A pipe, because a change of a plain file is noticed without a reload.
        let serve = |value: &Canary| {
            let lines = format!("API_KEY={}\nAPI_KEY_HOSTS={HOST}\n", value.value());
            [Step::Open, Step::Write(lines), Step::Close]
        };
        let _mount = Fifo::script(&proxy.secrets_path(), values.iter().flat_map(serve).collect());
        for value in &values {
            reload(&proxy);
            proxy.status_becomes("the secrets are read", |status| status["secrets"]["state"] == "ready");
            eventually_async(WITHIN, "the value of the last serving is used", async || {
                assert_eq!(get(&proxy, "https://api.example.test/echo").await.status, 200);
                origin.last_request().header("x-api-key") == Some(value.bytes())
            })
            .await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sighup_reopens_a_log_that_was_rotated() {
    let proxy = ready();
    fs::rename(proxy.dir().join("proxy.log"), proxy.dir().join("proxy.log.1")).expect("rotated");
    proxy.signal(Signal::HUP);
    eventually(WITHIN, "proxy.log is there again", || proxy.dir().join("proxy.log").exists());
    let id = refusal_id(&proxy).await;
    eventually(WITHIN, "the new proxy.log holds the refusal", || proxy.log_text().contains(&id));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_and_sigint_let_requests_finish_and_end_well() {
    for signal in [Signal::TERM, Signal::INT] {
        let origin = Origin::start(&[HOST]);
        let proxy = Proxy::builder().origin(HOST, &origin).start();
        let request = tokio::spawn(proxy.client().get("https://api.example.test/slow?ms=500").send());
        eventually(WITHIN, "the origin has the request", || !origin.requests().is_empty());
        proxy.signal(signal);
        assert_eq!(proxy.wait(WITHIN).code(), Some(0), "{signal:?}");
        let answer = request.await.expect("no panic").expect("the request finishes");
        assert_eq!((answer.status, answer.text().as_str()), (200, "slow"));
    }
}

#[test]
fn every_command_has_a_help_with_an_example() {
    let proxy = Proxy::builder().start();
    let help = printed(&proxy, &["--help"], 0);
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names: Vec<&str> = listed.filter_map(|line| line.split_whitespace().next()).collect();
    for name in ["run", "status", "check", "reload", "why", "ca", "demo"] {
        assert!(names.contains(&name), "{name} is not listed in:\n{help}");
    }
    for name in names.into_iter().filter(|name| *name != "help") {
        assert_line(&printed(&proxy, &[name, "--help"], 0), &[&format!("Example: secret-proxy {name}")]);
    }
}

#[test]
fn a_flag_outdoes_the_environment_which_outdoes_the_settings_file() {
    let file = || settings_file("SECRET_PROXY_LISTEN=unix:file.sock\n");
    let without = || Proxy::builder().without_env("SECRET_PROXY_LISTEN").prepare(file());
    let environment = || Proxy::builder().prepare(file()).env("SECRET_PROXY_LISTEN", "unix:environment.sock");
    let table = [
        ("file.sock", without()),
        ("environment.sock", environment()),
        ("flag.sock", environment().arg("--listen").arg("unix:flag.sock")),
        // Given, but empty: as not given.
        ("file.sock", without().env("SECRET_PROXY_LISTEN", "")),
    ];
    for (socket, builder) in table {
        let proxy = builder.start();
        let address = format!("unix:{}", text(&proxy.dir().join(socket)));
        assert_eq!(proxy.status()["listeners"], json!([{"address": address, "state": "accepting"}]));
    }
}

#[test]
fn the_settings_file_may_speak_of_the_home_folder() {
    let settings = settings_file("SECRET_PROXY_SECRETS=\"$HOME/mine.env\"\n");
    let proxy = Proxy::builder().without_env("SECRET_PROXY_SECRETS").prepare(settings).start();
    let path = text(&proxy.dir().with_file_name("home").join("mine.env"));
    assert_eq!(proxy.status()["secrets"]["source"], path);
    let complaint = proxy.cli(&["check"]).stderr;
    assert!(String::from_utf8_lossy(&complaint).contains(&path), "check looks where the daemon looks");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn proxy_and_certificate_variables_have_no_effect_on_the_daemon() {
    let (canary, origin, folder) = (Canary::new(), Origin::start(&[HOST]), TempDir::new().expect("a folder"));
    let (roots, keys) = (folder.path().join("roots.pem"), folder.path().join("keys.log"));
    fs::write(&roots, origin.ca_pem().expect("an origin with TLS")).expect("written");
    let surrounded = || {
        let proxy = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "https_proxy", "all_proxy"]
            .into_iter()
            .fold(Proxy::builder(), |proxy, name| proxy.env(name, "http://127.0.0.1:1"));
        proxy.secret("API_KEY", &canary, HOST).env("SSLKEYLOGFILE", &text(&keys))
    };
    let with_roots = surrounded().origin(HOST, &origin).env("SSL_CERT_FILE", "/dev/null").env("SSL_CERT_DIR", "/dev");
    assert_eq!(get(&with_roots.start(), "https://api.example.test/echo").await.status, 200);
    assert_eq!(origin.last_request().header("x-api-key"), Some(canary.bytes()));
    // Nor does a variable make an origin trusted.
    let resolve = format!("{HOST}:443:{}", origin.address());
    let without_roots = surrounded().resolve(&resolve).env("SSL_CERT_FILE", &text(&roots));
    assert_eq!(get(&without_roots.start(), "https://api.example.test/echo").await.status, 502);
    assert_eq!(origin.requests().len(), 1);
    assert!(!keys.exists(), "TLS keys were written to a file");
}
