//! Promise: every command tells how things are, by words, JSON and exit code, and never tells a
//! value; settings, signals and the environment have the effect that is documented, and no other.

use std::fs;
use std::time::Duration;

use rustix::process::Signal;
use rustls::crypto::aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256;
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::cli::bad_input::{settings_file, text};
use crate::support::{Answer, Canary, Fifo, Origin, Proxy, Step, eventually, eventually_async, origin::Upstream as _};

const HOST: &str = "api.example.test";
const WITHIN: Duration = Duration::from_secs(10);
const URL: &str = "https://api.example.test/echo";

/// What a command printed, if it ended with this exit code and without a complaint.
#[track_caller]
pub(crate) fn printed(proxy: &Proxy, words: &[&str], code: i32) -> String {
    let output = proxy.cli(words);
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(code), ""));
    String::from_utf8(output.stdout).expect("text")
}

/// Some line of `shown` holds all of these words.
#[track_caller]
pub(crate) fn assert_line(shown: &str, words: &[&str]) {
    let found = shown.lines().any(|line| words.iter().all(|word| line.contains(word)));
    assert!(found, "no line with {words:?} in:\n{shown}");
}

/// Sends the key's placeholder.
async fn get(proxy: &Proxy, url: &str) -> Answer {
    proxy.client().get(url).header("x-api-key", "{{API_KEY}}").send().await.expect("the proxy answers")
}

/// The id in the header of a refusal: the key is sent where it may not go.
async fn refusal_id(proxy: &Proxy) -> String {
    let answer = get(proxy, "https://evil.example.test/").await;
    answer.header("x-secret-proxy-id").expect("a refusal has an id").to_owned()
}

fn is_ready(status: &Value) -> bool {
    status["secrets"]["state"] == "ready"
}

fn ready() -> Proxy {
    let proxy = Proxy::builder().secret("API_KEY", &Canary::new(), HOST).start();
    proxy.status_becomes("the secrets are read", is_ready);
    proxy
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn status_tells_people_what_the_daemon_does() {
    let proxy = ready();
    refusal_id(&proxy).await;
    let shown = printed(&proxy, &["status"], 0);
    assert_line(&shown, &["listening", &proxy.addr().to_string()]);
    assert_line(&shown, &["ready", &text(&proxy.secrets_path())]);
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
        ("/sessions", "active total evicted backlog_bytes"),
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
    assert_eq!(report["secrets"]["names"], json!(["API_KEY"]));
    assert_eq!(report["audit"]["refused"], 1);
}

#[test]
fn status_fails_once_the_secrets_file_is_gone() {
    let proxy = ready();
    fs::remove_file(proxy.secrets_path()).expect("removed");
    proxy.status_becomes("the secrets are missed", |status| status["secrets"]["state"] == "missing");
    assert_line(&printed(&proxy, &["status"], 1), &["missing", &text(&proxy.secrets_path())]);
    assert_line(&printed(&proxy, &["status", "--json"], 1), &["\"missing\""]);
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
    assert_eq!(proxy.status()["ca"]["fingerprint"], pairs.join(":"));
    assert!(proxy.stop().success());
    proxy.launch();
    assert_eq!((printed(&proxy, &["ca"], 0), printed(&proxy, &["ca", "export"], 0)), (shown, pem));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn why_tells_the_records_behind_an_id() {
    let proxy = Proxy::builder().secret("API_KEY", &Canary::new(), HOST);
    let proxy = proxy.resolve("api.example.test:443:127.0.0.1:1").start();
    let refused = refusal_id(&proxy).await;
    // Nobody listens there: the request is recorded, and then that it was not sent.
    assert_eq!(get(&proxy, URL).await.status, 502);
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
        let (values, origin) = ([Canary::new(), Canary::new()], Origin::start(&[HOST]));
        let proxy = Proxy::builder().origin(HOST, &origin).secrets_fifo().canary(&values[0]).canary(&values[1]).start();
        // A pipe, because a change of a plain file is noticed without a reload.
        let lines = |value: &Canary| format!("API_KEY={}\nAPI_KEY_HOSTS={HOST}\n", value.value());
        let serve = |value| [Step::Open, Step::Write(lines(value)), Step::Close];
        // What a pipe says anew counts when a second read agrees.
        let servings = [&values[0], &values[1], &values[1]].into_iter().flat_map(serve).collect();
        let _mount = Fifo::script(&proxy.secrets_path(), servings);
        for value in &values {
            reload(&proxy);
            proxy.status_becomes("the secrets are read", is_ready);
            eventually_async(WITHIN, "the value of the last serving is used", async || {
                let status = get(&proxy, URL).await.status;
                // Between two reads that differ there is neither value.
                assert!(matches!(status, 200 | 403), "{status}");
                status == 200 && origin.last_request().header("x-api-key") == Some(value.bytes())
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
    eventually(WITHIN, "the refusal is in it", || proxy.log_text().contains(&id));
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
    assert!(["run", "status", "demo"].iter().all(|name| names.contains(name)), "{help}");
    for name in names.into_iter().filter(|name| *name != "help") {
        assert_line(&printed(&proxy, &[name, "--help"], 0), &[&format!("Example: secret-proxy {name}")]);
    }
}

#[test]
fn a_flag_outdoes_the_environment_which_outdoes_the_settings_file() {
    let file = || Proxy::builder().prepare(settings_file("SECRET_PROXY_LISTEN=unix:file.sock".to_owned()));
    let environment = || file().env("SECRET_PROXY_LISTEN", "unix:environment.sock");
    let table = [
        ("file.sock", file().without_env("SECRET_PROXY_LISTEN")),
        ("environment.sock", environment()),
        ("flag.sock", environment().arg("--listen").arg("unix:flag.sock")),
    ];
    for (socket, builder) in table {
        let proxy = builder.start();
        let address = format!("unix:{}", text(&proxy.dir().join(socket)));
        assert_eq!(proxy.status()["listeners"][0]["address"], address);
    }
}

#[test]
fn the_settings_file_may_speak_of_the_home_folder() {
    let settings = settings_file("SECRET_PROXY_SECRETS=\"$HOME/mine.env\"".to_owned());
    let proxy = Proxy::builder().without_env("SECRET_PROXY_SECRETS").prepare(settings).start();
    let path = text(&proxy.dir().with_file_name("home").join("mine.env"));
    assert_eq!(proxy.status()["secrets"]["source"], path);
    assert!(String::from_utf8(proxy.cli(&["check"]).stderr).is_ok_and(|complaint| complaint.contains(&path)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn proxy_and_certificate_variables_have_no_effect_on_the_daemon() {
    let (canary, origin, folder) = (Canary::new(), Origin::start(&[HOST]), TempDir::new().expect("a folder"));
    let [roots, keys] = ["roots.pem", "keys.log"].map(|name| folder.path().join(name));
    fs::write(&roots, origin.ca_pem().expect("an origin with TLS")).expect("written");
    let surrounded = || {
        let proxy = Proxy::builder().secret("API_KEY", &canary, HOST).env("SSLKEYLOGFILE", &text(&keys));
        let names = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
        names.iter().fold(proxy, |proxy, name| proxy.env(name, "http://127.0.0.1:1"))
    };
    let with_roots = surrounded().origin(HOST, &origin).env("SSL_CERT_FILE", "/dev/null");
    assert_eq!(get(&with_roots.start(), URL).await.status, 200);
    assert_eq!(origin.last_request().header("x-api-key"), Some(canary.bytes()));
    // Nor does a variable make an origin trusted.
    let trusting = surrounded().env("SSL_CERT_FILE", &text(&roots));
    let trusting = trusting.resolve(&format!("{HOST}:443:{}", origin.address()));
    assert_eq!(get(&trusting.start(), URL).await.status, 502);
    assert_eq!(origin.requests().len(), 1);
    assert!(!keys.exists(), "TLS keys were written to a file");
}
