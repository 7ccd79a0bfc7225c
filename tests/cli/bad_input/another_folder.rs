//! Hints are commands for the folder of the command.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::{NOT_WELL, assert_complaint, text};
use crate::support::Proxy;

/// What is typed as it stands must not act on another folder.
#[test]
fn what_is_to_be_typed_names_the_folder_if_it_is_another() {
    let (proxy, elsewhere) = (Proxy::builder().start(), TempDir::new().expect("a folder"));
    let other = text(&fs::canonicalize(elsewhere.path()).expect("there").join("d 2"));
    fs::create_dir(&other).expect("made");
    let dir = format!("--dir '{other}'");
    let run = format!("secret-proxy run {dir}");
    for words in ["status", "reload", "ca", "ca export", "ca rotate"] {
        let words: Vec<&str> = words.split(' ').chain(["--dir", &other]).collect();
        assert_complaint(&proxy.cli(&words), NOT_WELL, &[&run]);
    }
    assert!(proxy.stop().success());
    fs::rename(proxy.dir().join("ca"), Path::new(&other).join("ca")).expect("moved");
    for (words, shown) in [
        ("ca rotate", &["ca export _ > secret-proxy-ca.pem", "doctor VM _", "ca rotate --finish _"][..]),
        ("ca", &["ca export _ > secret-proxy-ca.pem", "doctor VM _", "ca rotate --finish _"]),
    ] {
        let words: Vec<&str> = words.split(' ').chain(["--dir", &other]).collect();
        let said = String::from_utf8(proxy.cli(&words).stdout).expect("text");
        assert!(shown.iter().all(|it| said.contains(&format!("secret-proxy {}", it.replace('_', &dir)))), "{said}");
    }
    let early = proxy.cli(&["ca", "rotate", "--finish", "--dir", &other]);
    assert_complaint(&early, NOT_WELL, &[&format!("secret-proxy ca export {dir} > secret-proxy-ca.pem")]);
}

/// The daemon itself does not know which folder is the usual one.
#[test]
fn what_the_daemon_says_to_type_names_the_folder_too() {
    let proxy = Proxy::builder().secrets_text("LOST=1\n").start();
    let dir = format!("--dir {}", text(&fs::canonicalize(proxy.dir()).expect("there")));
    let elsewhere = [("SECRET_PROXY_DIR", "/nowhere")];
    let said = |words: &[&str]| {
        let words: Vec<&str> = words.iter().copied().chain(dir.split(' ')).collect();
        let output = proxy.cli_with(&words, &elsewhere);
        String::from_utf8([output.stdout, output.stderr].concat()).expect("text")
    };
    for words in ["reload", "status"] {
        let said = said(&[words]);
        assert!(said.contains(&format!("(see secret-proxy check {dir})")), "{said}");
    }
    assert!(proxy.cli(&["ca", "rotate"]).status.success());
    fs::write(proxy.dir().join("ca-next/ca-key.pem"), "garbage").expect("written");
    let said = said(&["ca", "rotate"]);
    assert!(said.contains(&format!("then secret-proxy ca rotate {dir}")), "{said}");
}
