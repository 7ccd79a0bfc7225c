//! Addresses that cannot be listened on.

use std::path::Path;

use super::{NOT_WELL, USAGE, assert_complaint, text};
use crate::support::{Proxy, ProxyBuilder};

/// A proxy that is to listen there alone.
fn on(listen: &str) -> ProxyBuilder {
    Proxy::builder().arg("--listen").arg(listen)
}

#[test]
fn a_socket_needs_a_folder_and_a_path_that_is_not_too_long() {
    let words = ["unix:/nowhere/x.sock", "there is no folder /nowhere", "make it", "--listen"];
    assert_complaint(&on("unix:/nowhere/x.sock").start_refused(), NOT_WELL, &words);
    let folder = tempfile::TempDir::new().expect("a folder");
    let deep = folder.path().join("d".repeat(100));
    let output = Proxy::builder().arg("--dir").arg(&text(&deep)).start_refused();
    assert_complaint(&output, NOT_WELL, &[&text(&deep), "too long for a socket", "bytes", "--dir"]);
}

#[test]
fn a_port_that_another_secret_proxy_has_is_left_to_it() {
    let (first, second) = (Proxy::builder().start(), Proxy::builder().start());
    let taken = first.addr().to_string();
    let words = [&*taken, "taken by another secret-proxy", "--listen"];
    let output = on(&taken).start_refused();
    assert_complaint(&output, NOT_WELL, &words);
    assert!(!String::from_utf8_lossy(&output.stderr).contains("stop that one"));

    assert!(second.stop().success());
    let output = second.cli_with(&["doctor", "--json"], &[("SECRET_PROXY_LISTEN", &taken)]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let links = report["links"].as_array().expect("a list");
    let listening = links.iter().find(|link| link["name"] == "listening").expect("there");
    let (detail, fix) = (listening["detail"].as_str(), listening["fix"].as_str().expect("something to type"));
    assert_eq!(detail, Some(&*format!("{taken} is taken by another secret-proxy")));
    assert!(fix.starts_with("secret-proxy run --listen 127.0.0.1:") && !fix.contains(&taken), "{fix}");
    assert!(fix.contains("SECRET_PROXY_LISTEN"), "{fix}");
    assert!(Path::new(&first.status()["audit"]["path"].as_str().expect("text")).exists(), "it goes on");
}

#[test]
fn a_folder_of_no_name_is_told_with_its_variable() {
    let proxy = Proxy::builder().start();
    let output = proxy.cli_with(&["status"], &[("SECRET_PROXY_DIR", "")]);
    assert_complaint(&output, USAGE, &["SECRET_PROXY_DIR", "is empty", "unset"]);
}
