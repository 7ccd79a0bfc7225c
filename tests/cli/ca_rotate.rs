//! Promise: the root is replaced with an overlap. A VM can trust the next one before it is used, connections
//! live on, and whoever is killed or crashes in the middle leaves one whole root, old or new.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use rustls_pki_types::{CertificateDer, pem::PemObject as _};

use crate::cli::bad_input::text;
use crate::cli::commands::{assert_line, printed};
use crate::support::crowd::random;
use crate::support::{Canary, Client, Origin, Proxy, eventually};

const HOST: &str = "api.example.test";
const URL: &str = "https://api.example.test/echo";
const WITHIN: Duration = Duration::from_secs(10);

fn started(origin: &Origin) -> Proxy {
    Proxy::builder().origin(HOST, origin).secret("API_KEY", &Canary::new(), HOST).start()
}

/// The certificates that `ca export` prints.
fn exported(proxy: &Proxy) -> Vec<String> {
    let pem = printed(proxy, &["ca", "export"], 0);
    let end = "-----END CERTIFICATE-----\n";
    pem.split_inclusive(end).map(str::to_owned).collect()
}

/// Both roots of a rotation that has begun.
fn begun(proxy: &Proxy) -> [String; 2] {
    printed(proxy, &["ca", "rotate"], 0);
    exported(proxy).try_into().expect("two certificates")
}

/// Whether somebody who trusts these roots alone is served.
async fn serves(proxy: &Proxy, roots: &[&String]) -> bool {
    let client: Client = proxy.client().trusting_only(&roots.iter().copied().cloned().collect::<String>());
    let answer = client.get(URL).header("x-api-key", "{{API_KEY}}").send().await;
    answer.is_ok_and(|answer| answer.status == 200)
}

/// The root that the running daemon signs with.
fn signs_with(proxy: &Proxy) -> String {
    proxy.status()["ca"]["fingerprint"].as_str().expect("text").to_owned()
}

/// Folders of roots that were replaced.
fn replaced(proxy: &Proxy) -> Vec<PathBuf> {
    let entries = fs::read_dir(proxy.dir()).expect("readable").flatten();
    let named = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("ca-replaced-"));
    named.map(|entry| entry.path()).collect()
}

/// One whole root is in use, the daemon signs with it, and no key of another is left.
#[track_caller]
fn assert_whole(proxy: &Proxy) {
    let shown = printed(proxy, &["ca", "show"], 0);
    assert_line(&shown, &["fingerprint", &signs_with(proxy)]);
    assert!(!shown.contains("signs with another"), "{shown}");
    assert!(replaced(proxy).iter().all(|folder| !folder.join("ca-key.pem").exists()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_each_stage_those_are_served_who_trust_the_root_in_use() {
    let origin = Origin::start(&[HOST]);
    let proxy = started(&origin);
    let [old, new] = begun(&proxy);
    for (stage, old_in_use) in [("begun", true), ("finished", false)] {
        assert_eq!(serves(&proxy, &[&old]).await, old_in_use, "{stage}: the old one");
        assert_eq!(serves(&proxy, &[&new]).await, !old_in_use, "{stage}: the new one");
        assert!(serves(&proxy, &[&old, &new]).await, "{stage}: both");
        if old_in_use {
            printed(&proxy, &["ca", "rotate", "--finish"], 0);
            assert_whole(&proxy);
        }
    }
    assert_eq!(exported(&proxy), [new]);
    assert!(proxy.stop().success());
    proxy.launch();
    assert_whole(&proxy);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_live_on_through_a_rotation() {
    let origin = Origin::start(&[HOST]);
    let proxy = started(&origin);
    let client = proxy.client();
    let tunnel = client.tunnel("api.example.test:443").await.expect("open");
    assert_eq!(tunnel.get(URL).send().await.expect("answered").status, 200);
    let slow = tokio::spawn(client.get("https://api.example.test/slow?ms=4000").send());
    eventually(WITHIN, "the slow request has come", || origin.requests().len() == 2);
    let pid = proxy.pid();
    begun(&proxy);
    printed(&proxy, &["ca", "rotate", "--finish"], 0);
    assert!(!slow.is_finished(), "the request goes on meanwhile");
    assert_eq!(slow.await.expect("no panic").expect("answered").status, 200);
    let answer = tunnel.get(URL).header("x-api-key", "{{API_KEY}}").send().await.expect("the tunnel is open");
    assert_eq!((answer.status, proxy.pid()), (200, pid));
    assert_eq!(proxy.status()["ca"]["leaves_cached"], 0, "no leaf of the old root is used again");
}

#[test]
fn show_tells_both_and_finish_waits_for_an_export() {
    let proxy = Proxy::builder().start();
    printed(&proxy, &["ca", "rotate"], 0);
    let shown = printed(&proxy, &["ca"], 0);
    assert_line(&shown, &["next", &text(&proxy.dir().join("ca-next/ca-cert.pem"))]);
    assert_line(&shown, &["exported", "never", "secret-proxy ca export"]);
    let status = proxy.status();
    for root in ["fingerprint", "next_fingerprint"] {
        assert_line(&shown, &["fingerprint", status["ca"][root].as_str().expect("text")]);
    }
    assert_line(&printed(&proxy, &["status"], 0), &["there is a next root"]);
    let refused = proxy.cli(&["ca", "rotate", "--finish"]);
    let told = String::from_utf8_lossy(&refused.stderr);
    assert_eq!((refused.status.code(), told.lines().count()), (Some(1), 1), "{told}");
    assert!(told.contains("never exported") && told.contains("secret-proxy ca export"), "{told}");
    exported(&proxy);
    assert_line(&printed(&proxy, &["ca"], 0), &["exported", "Z"]);
    printed(&proxy, &["ca", "rotate", "--finish"], 0);
    assert_whole(&proxy);
}

#[test]
fn a_step_can_be_taken_twice_and_forced() {
    let proxy = Proxy::builder().start();
    let begin = printed(&proxy, &["ca", "rotate"], 0);
    assert_eq!(printed(&proxy, &["ca", "rotate"], 0), begin, "the same root waits");
    let finish = printed(&proxy, &["ca", "rotate", "--finish", "--force"], 0);
    assert_line(&finish, &["fingerprint", &signs_with(&proxy)]);
    let again = printed(&proxy, &["ca", "rotate", "--finish"], 0);
    assert_line(&again, &["there is no next root"]);
    assert_eq!(replaced(&proxy).len(), 1);
    assert_eq!(proxy.cli(&["ca", "rotate", "--force"]).status.code(), Some(2), "force alone means nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_works_while_no_daemon_runs() {
    let origin = Origin::start(&[HOST]);
    let proxy = started(&origin);
    assert!(proxy.stop().success());
    let [old, new] = begun(&proxy);
    printed(&proxy, &["ca", "rotate", "--finish"], 0);
    proxy.launch();
    assert_whole(&proxy);
    assert!(serves(&proxy, &[&new]).await && !serves(&proxy, &[&old]).await);
}

#[test]
fn without_a_root_there_is_nothing_to_rotate() {
    let proxy = Proxy::builder().start();
    assert!(proxy.stop().success());
    fs::remove_dir_all(proxy.dir().join("ca")).expect("removed");
    for words in [&["ca", "rotate"][..], &["ca", "rotate", "--finish"]] {
        let told = String::from_utf8(proxy.cli(words).stderr).expect("text");
        assert!(told.contains("no CA") && told.contains("secret-proxy run"), "{told}");
    }
    assert!(!proxy.dir().join("ca-next").exists());
}

#[test]
fn a_next_root_that_is_damaged_is_told_and_concerns_nobody() {
    let proxy = Proxy::builder().start();
    begun(&proxy);
    let in_use = signs_with(&proxy);
    fs::write(proxy.dir().join("ca-next/ca-key.pem"), "garbage").expect("written");
    for words in [&["ca", "rotate"][..], &["ca", "rotate", "--finish"]] {
        let refused = proxy.cli(words);
        let told = String::from_utf8_lossy(&refused.stderr);
        assert_eq!((refused.status.code(), told.lines().count()), (Some(1), 1), "{told}");
        assert!(told.contains("ca-next/ca-key.pem") && told.contains("then secret-proxy ca rotate"), "{told}");
    }
    assert!(proxy.stop().success());
    proxy.launch();
    assert_eq!(signs_with(&proxy), in_use);
}

/// When somebody is killed, whether the next root is in use then, and what was moved by then.
type Kill = (&'static str, bool, &'static [(&'static str, &'static str)]);

/// What is there after each of the steps.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_between_any_two_steps_leaves_one_whole_root() {
    let kills: [Kill; 4] = [
        ("while the next one was made", false, &[("ca-next", ".ca-abcdef")]),
        ("before the first rename", false, &[]),
        ("between the renames", true, &[("ca", "ca-replaced-20260204T123456Z-00000000")]),
        ("before the key was deleted", true, &[("ca", "ca-replaced-20260204T123456Z-00000000"), ("ca-next", "ca")]),
    ];
    let origin = Origin::start(&[HOST]);
    for (step, is_new, moves) in kills {
        let proxy = started(&origin);
        let [old, new] = begun(&proxy);
        proxy.kill();
        for (from, to) in moves {
            fs::rename(proxy.dir().join(from), proxy.dir().join(to)).expect("moved");
        }
        let in_use = if is_new { &new } else { &old };
        // A command that only reads sees it already.
        assert_eq!(&exported(&proxy)[0], in_use, "{step}");
        proxy.launch();
        assert_whole(&proxy);
        assert!(serves(&proxy, &[in_use]).await, "{step}");
        printed(&proxy, &["ca", "rotate"], 0);
        printed(&proxy, &["ca", "rotate", "--finish", "--force"], 0);
        assert_whole(&proxy);
        assert!(!proxy.dir().join(".ca-abcdef").exists(), "no key is left where one was made");
    }
}

#[test]
fn kills_at_any_moment_leave_one_whole_root() {
    let proxy = Proxy::builder().start();
    for round in 0..20 {
        let daemon_runs = round % 2 == 0;
        if !daemon_runs {
            assert!(proxy.stop().success());
        }
        printed(&proxy, &["ca", "rotate"], 0);
        let known: Vec<String> = exported(&proxy).iter().map(|pem| fingerprint(pem)).collect();
        let mut finishing = proxy.cli_running(&["ca", "rotate", "--finish"]);
        std::thread::sleep(Duration::from_micros(random(12_000)));
        if daemon_runs {
            proxy.kill();
        }
        finishing.kill();
        proxy.launch();
        assert_whole(&proxy);
        assert!(known.contains(&signs_with(&proxy)), "it is one of the two");
    }
}

fn fingerprint(pem: &str) -> String {
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).expect("PEM");
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &der);
    digest.as_ref().iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}

#[test]
fn a_crash_of_the_authority_meanwhile_loses_nothing() {
    let proxy = Proxy::builder().expect_restarts().start();
    for _ in 0..8 {
        printed(&proxy, &["ca", "rotate"], 0);
        let next = fingerprint(&exported(&proxy)[1]);
        let mut finishing = proxy.cli_running(&["ca", "rotate", "--finish"]);
        std::thread::sleep(Duration::from_micros(random(12_000)));
        proxy.fault("authority", "crash");
        assert!(finishing.wait(WITHIN).is_some_and(|status| status.success()), "it is asked again");
        assert_eq!(signs_with(&proxy), next);
        assert_whole(&proxy);
    }
}
