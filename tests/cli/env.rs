//! Promise: `secret-proxy env` gives each shell the same variables, for every name of the certificate's file. The
//! NixOS module and the documentation have the same variables.

use std::collections::BTreeMap;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use crate::cli::bad_input::settings_file;
use crate::support::Proxy;

type Variables = BTreeMap<String, String>;

const PROXIES: [&str; 4] = ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"];
const EXCEPT: [&str; 2] = ["no_proxy", "NO_PROXY"];

/// These are read instead of the program's own list, those besides it.
const INSTEAD: [&str; 9] = [
    "SSL_CERT_FILE",
    "NIX_SSL_CERT_FILE",
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "REQUESTS_CA_BUNDLE",
    "PIP_CERT",
    "AWS_CA_BUNDLE",
    "CARGO_HTTP_CAINFO",
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
];
const BESIDES: [&str; 2] = ["NODE_EXTRA_CA_CERTS", "DENO_CERT"];

const NOBODY: &str = "localhost,127.0.0.1,::1,host.lima.internal";

/// A file name in which each shell finds something to misread.
const AWKWARD: &str = r#"/home/me/it's "$HOME" ${x} `id` $(id) \n \' ~ * # ; 50%.pem"#;

fn expected(port: u16, instead: &str, besides: &str) -> Variables {
    let proxy = format!("http://127.0.0.1:{port}");
    let each = |names: &'static [&'static str], value: &str| {
        let value = value.to_owned();
        names.iter().map(move |name| ((*name).to_owned(), value.clone()))
    };
    let table = [(&PROXIES[..], proxy.as_str()), (&EXCEPT, NOBODY), (&INSTEAD, instead), (&BESIDES, besides)];
    let mut variables: Variables = table.into_iter().flat_map(|(names, value)| each(names, value)).collect();
    variables.insert("NODE_USE_ENV_PROXY".to_owned(), "1".to_owned());
    variables
}

/// A command without anything of the tests' environment but PATH.
fn bare(program: &str, home: &TempDir) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", home.path());
    command
}

fn env(words: &[&str]) -> Output {
    let home = TempDir::with_prefix("sp").expect("a folder");
    let mut command = bare(env!("CARGO_BIN_EXE_secret-proxy"), &home);
    command.arg("env").args(words).output().expect("it is run")
}

/// What it printed, if it had nothing to complain of.
#[track_caller]
fn printed(words: &[&str]) -> String {
    let output = env(words);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), complaint.as_ref()), (Some(0), ""));
    String::from_utf8(output.stdout).expect("text")
}

/// Whether a shell is there; CI has all of them.
fn is_skipped(program: &str) -> bool {
    let home = TempDir::with_prefix("sp").expect("a folder");
    let there = bare(program, &home).arg("--version").output().is_ok();
    assert!(there || std::env::var_os("CI").is_none(), "{program} is not installed");
    if !there {
        println!("skipped: {program} is not installed");
    }
    !there
}

/// The variables that a shell has after it read the text, besides those that it makes itself.
fn seen_by(shell: &str, script: &str, text: &str) -> Variables {
    let home = TempDir::with_prefix("sp").expect("a folder");
    let run = |text: &str| {
        let output = bare(shell, &home).args(["-c", script]).env("TEXT", text).output().expect("it is run");
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), complaint.as_str()), (Some(0), ""), "{shell}");
        let all = String::from_utf8(output.stdout).expect("text");
        let pairs = all.split('\0').filter_map(|pair| pair.split_once('='));
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect::<Variables>()
    };
    let own = run("");
    run(text).into_iter().filter(|(name, _)| !own.contains_key(name)).collect()
}

fn seen_by_sh(text: &str) -> Variables {
    seen_by("sh", r#"eval "$TEXT" && exec env -0"#, text)
}

fn seen_by_nix(text: &str) -> Variables {
    let home = TempDir::with_prefix("sp").expect("a folder");
    let mut command = bare("nix-instantiate", &home);
    command.args(["--eval", "--strict", "--json", "-E", text]).env("NIX_CONFIG", "build-users-group =");
    for variable in ["NIX_STATE_DIR", "NIX_LOG_DIR", "NIX_STORE_DIR"] {
        command.env(variable, home.path().join(variable));
    }
    let output = command.output().expect("it is run");
    let complaint = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{complaint}"))
}

#[test]
fn sh_reads_the_variables_by_eval() {
    let ours = "/usr/local/share/ca-certificates/secret-proxy.crt";
    let all = expected(17329, "/etc/ssl/certs/ca-certificates.crt", ours);
    assert_eq!(seen_by_sh(&printed(&[])), all);
    assert_eq!(
        seen_by_sh(&printed(&["--shell", "sh", "--port", "18000", "--ca", AWKWARD])),
        expected(18000, AWKWARD, AWKWARD)
    );
}

#[test]
fn fish_reads_the_same() {
    if is_skipped("fish") {
        return;
    }
    let read = |words: &[&str]| {
        let text = printed(&[&["--shell", "fish"], words].concat());
        seen_by("fish", "printf %s $TEXT | source; and exec env -0", &text)
    };
    assert_eq!(read(&[]), seen_by_sh(&printed(&[])));
    assert_eq!(read(&["--port", "18000", "--ca", AWKWARD]), expected(18000, AWKWARD, AWKWARD));
}

#[test]
fn nix_reads_the_same_and_has_the_certificate_where_the_module_puts_it() {
    if is_skipped("nix-instantiate") {
        return;
    }
    let read = |words: &[&str]| seen_by_nix(&printed(&[&["--shell", "nix"], words].concat()));
    let all = expected(17329, "/etc/ssl/certs/ca-certificates.crt", "/etc/secret-proxy/ca.pem");
    assert_eq!(read(&[]), all);
    assert_eq!(read(&["--port", "18000", "--ca", AWKWARD]), expected(18000, AWKWARD, AWKWARD));
}

/// The golden file is what the NixOS module evaluates to.
#[test]
fn the_nixos_module_and_the_manual_say_the_same() {
    let golden: Value = serde_json::from_str(include_str!("../nix/golden/nixos-default.json")).expect("JSON");
    let module: Variables = serde_json::from_value(golden["variables"].clone()).expect("texts");
    assert_eq!(module, expected(17329, "/etc/ssl/certs/ca-certificates.crt", "/etc/secret-proxy/ca.pem"));
    let manual = include_str!("../../docs/setup-macos.md");
    // The certificate is put where the variables look for it, and they are brought from the command itself.
    assert!(
        manual.contains("install -m 644 /tmp/secret-proxy-ca.pem /usr/local/share/ca-certificates/secret-proxy.crt")
    );
    assert!(manual.contains("\n    secret-proxy env > "), "the manual has the variables from the command");
}

/// Commands for those that read no variable.
#[test]
fn hints_are_comments_whose_words_are_quoted_too() {
    for shell in ["sh", "fish", "nix"] {
        let text = printed(&["--shell", shell, "--port", "18000", "--ca", "/a b/ca.pem"]);
        let comments: Vec<&str> = text.lines().filter_map(|line| line.trim_start().strip_prefix("# ")).collect();
        for words in [
            &["keytool", "'/a b/ca.pem'"][..],
            &["JAVA_TOOL_OPTIONS", "proxyPort=18000"],
            &["certutil", "'/a b/ca.pem'"],
            &[".wgetrc", "'/a b/ca.pem'"],
        ] {
            let found = comments.iter().any(|line| words.iter().all(|word| line.contains(word)));
            assert!(found, "no comment with {words:?} in:\n{text}");
        }
    }
}

#[test]
fn the_port_is_that_of_the_settings() {
    let port = |proxy: &Proxy, words: &[&str]| {
        let output = proxy.cli(&[&["env"], words].concat());
        seen_by_sh(&String::from_utf8(output.stdout).expect("text"))["https_proxy"].clone()
    };
    let file = settings_file("SECRET_PROXY_LISTEN=unix:p.sock,127.0.0.1:18001\n".to_owned());
    let filed = Proxy::builder().prepare(file).start();
    // The tests' own variable, 127.0.0.1:0, says nothing of the VM's port.
    assert_eq!(port(&filed, &[]), "http://127.0.0.1:17329");
    assert_eq!(port(&filed, &["--port", "18002"]), "http://127.0.0.1:18002");
    let run = |listen: &str| {
        let home = TempDir::with_prefix("sp").expect("a folder");
        let mut command = bare(env!("CARGO_BIN_EXE_secret-proxy"), &home);
        command.arg("env").env("SECRET_PROXY_DIR", filed.dir()).env("SECRET_PROXY_LISTEN", listen);
        seen_by_sh(&String::from_utf8(command.output().expect("it is run").stdout).expect("text"))["http_proxy"].clone()
    };
    assert_eq!(run(""), "http://127.0.0.1:18001");
    assert_eq!(run("0.0.0.0:18003"), "http://127.0.0.1:18003");
    assert_eq!(run("unix:p.sock"), "http://127.0.0.1:17329");
}

#[test]
fn what_cannot_be_a_file_of_the_vm_or_a_port_is_told() {
    let table: [(&[&str], &str); 6] = [
        (&["--ca", "ca.pem"], "absolute path"),
        (&["--ca", "~/ca.pem"], "absolute path"),
        (&["--ca", "/a\nexport X=1"], "control character"),
        (&["--port", "0"], "--port"),
        (&["--port", "70000"], "--port"),
        (&["--shell", "csh"], "fish"),
    ];
    for (words, told) in table {
        let output = env(words);
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(2), &b""[..]), "{words:?}");
        assert!(complaint.contains(told), "{complaint}");
    }
}
