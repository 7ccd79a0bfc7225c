//! What is to be typed is written for the folder that was looked at.

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
        ("ca rotate", &["ca export _ > secret-proxy-ca.pem", "doctor INSTANCE _", "ca rotate --finish _"][..]),
        ("ca", &["ca export _ > secret-proxy-ca.pem", "doctor INSTANCE _", "ca rotate --finish _"]),
    ] {
        let words: Vec<&str> = words.split(' ').chain(["--dir", &other]).collect();
        let said = String::from_utf8(proxy.cli(&words).stdout).expect("text");
        assert!(shown.iter().all(|it| said.contains(&format!("secret-proxy {}", it.replace('_', &dir)))), "{said}");
    }
    let early = proxy.cli(&["ca", "rotate", "--finish", "--dir", &other]);
    assert_complaint(&early, NOT_WELL, &[&format!("secret-proxy ca export {dir} > secret-proxy-ca.pem")]);
}
