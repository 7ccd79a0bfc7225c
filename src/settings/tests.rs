//! Tests of the declared settings, and of the files that are generated from them.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args as _, Command, FromArgMatches as _};
use serde_json::{Value, json};

use super::declared::ALL;
use super::setting::{About, Kind};
use super::*;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const BLESS: &str = "SECRET_PROXY_BLESS=1 cargo test --bin secret-proxy settings";

/// The settings with these flags, in a folder that does not exist.
fn parsed(words: &[&str]) -> Result<Run, Failure> {
    let command = Given::augment_args(Command::new("run"));
    let matches = command.try_get_matches_from(["run"].iter().chain(words)).map_err(Failure::usage)?;
    let given = Given::from_arg_matches(&matches).map_err(Failure::usage)?;
    parse(&FolderArgs { dir: Some("/nowhere/secret-proxy".into()) }, &given)
}

#[test]
fn every_default_is_valid() {
    let run = parsed(&[]).expect("good defaults");
    assert_eq!(run.tree.secret_store.source.to_string(), "/nowhere/secret-proxy/secrets.env");
    let [tcp, unix] = &run.tree.listener.listen[..] else { panic!("{:?}", run.tree.listener) };
    assert_eq!(tcp.to_string(), format!("127.0.0.1:{DEFAULT_PORT}"));
    assert_eq!(unix.to_string(), "unix:/nowhere/secret-proxy/proxy.sock");
}

#[test]
fn every_value_that_a_declaration_names_is_valid() {
    for about in ALL {
        let values = match about.kind {
            Kind::Boolean => vec!["true".to_owned(), "false".to_owned()],
            Kind::Number(max) => vec!["1".to_owned(), max.to_string()],
            Kind::NumberOr(word) => vec!["1".to_owned(), word.to_owned()],
            Kind::Choice(words) => words.iter().map(|word| (*word).to_owned()).collect(),
            Kind::List(example) => vec![example.to_owned(), format!("{example},{example}")],
            Kind::Duration | Kind::Size | Kind::File | Kind::Text => continue,
        };
        for value in values {
            let words = format!("--{}={value}", about.name);
            assert!(parsed(&[&words]).is_ok(), "{words}");
        }
    }
}

#[test]
fn a_source_has_one_of_three_forms() {
    let source =
        |text: &str| parsed(&[&format!("--secrets={text}")]).map(|run| run.tree.secret_store.source.to_string());
    for good in ["/a/b.env", "op:abc-DEF_123", "run:/usr/local/bin/secrets", "run:/a b/c"] {
        assert_eq!(source(good).ok().as_deref(), Some(good));
    }
    for bad in ["op:", "op:-v", "op:a b", "op:a/b", "run:", "run:secrets", "run:./secrets"] {
        assert!(source(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_namespace_has_one_source() {
    let namespaces =
        |text: &str| parsed(&[&format!("--namespaces={text}")]).map(|run| run.tree.secret_store.namespaces);
    assert_eq!(namespaces("work=op:id, play=run:/bin/x,play=run:/bin/x").expect("good").len(), 2);
    for (bad, reason) in [
        ("work", "is not NAMESPACE=SOURCE"),
        ("work=", "is not NAMESPACE=SOURCE"),
        ("w-k=/a", "is not a namespace"),
        ("default=/a", "is --secrets"),
        ("work=/a,work=/b", "two sources"),
        ("work=op:", "no ID"),
    ] {
        let error = namespaces(bad).expect_err(bad).to_string();
        assert!(error.contains(reason) && error.contains("--namespaces"), "{error}");
    }
}

#[test]
fn a_number_above_its_maximum_is_refused() {
    for about in ALL {
        if let Kind::Number(max) = about.kind {
            let error = parsed(&[&format!("--{}={}", about.name, max + 1)]).expect_err("too large").to_string();
            assert!(error.contains(&about.variable()) && error.contains(&max.to_string()), "{error}");
        }
    }
}

#[test]
fn the_flag_of_a_boolean_alone_means_true() {
    assert!(parsed(&["--deny-private"]).expect("good").tree.upstream.deny_private);
    assert!(!parsed(&["--notify", "no"]).expect("good").tree.secret_store.notify);
}

#[test]
fn nix_reads_the_declared_settings() {
    let settings: Vec<Value> = ALL.iter().map(|about| for_nix(about)).collect();
    let text = serde_json::to_string_pretty(&json!({ "port": DEFAULT_PORT, "settings": settings })).expect("JSON");
    assert_generated("nix/settings.json", &format!("{text}\n"));
}

fn for_nix(about: &About) -> Value {
    let mut object = json!({
        "flag": about.name,
        "option": camel_case(about.name),
        "help": about.help,
        "default": about.default.shown(),
    });
    let kind = match about.kind {
        Kind::Boolean => json!({ "kind": "boolean" }),
        Kind::Duration => json!({ "kind": "duration" }),
        Kind::Size => json!({ "kind": "size" }),
        Kind::Number(max) => json!({ "kind": "number", "max": max }),
        Kind::NumberOr(word) => json!({ "kind": "numberOr", "words": [word] }),
        Kind::Choice(words) => json!({ "kind": "choice", "words": words }),
        Kind::List(example) => json!({ "kind": "list", "example": example }),
        Kind::File => json!({ "kind": "file" }),
        Kind::Text => json!({ "kind": "text" }),
    };
    let fields = object.as_object_mut().expect("an object");
    fields.extend(kind.as_object().expect("an object").clone());
    object
}

fn camel_case(name: &str) -> String {
    let mut words = name.split('-');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |text, word| text + &word[..1].to_uppercase() + &word[1..])
}

#[test]
fn the_documentation_lists_the_declared_settings() {
    let mut page =
        vec![format!("<!-- Generated from src/settings/declared.rs by: {BLESS} -->\n"), INTRODUCTION.to_owned()];
    let mut owner = None;
    for about in ALL {
        if owner.replace(about.owner) != Some(about.owner) {
            page.push(format!("\n## {}\n\n| flag | default | effect |\n|---|---|---|\n", about.owner.heading()));
        }
        page.push(row(about));
    }
    assert_generated("docs/settings.md", &page.concat());
}

fn row(about: &About) -> String {
    let default = about.default.shown().map_or_else(String::new, |default| format!("`{default}`"));
    format!("| `--{} {}` | {default} | {} |\n", about.name, about.value, about.help)
}

const INTRODUCTION: &str = "\
# Settings

The settings of `secret-proxy run`. Each comes from its flag, else its variable, else a line of `settings.env` in the
folder, else the default: `--secrets-ttl 60s` is `SECRET_PROXY_SECRETS_TTL=60s` in both. FOLDER is the folder of `--dir`
(`SECRET_PROXY_DIR`), `~/.config/secret-proxy` by default. The [Nix modules](../nix/README.md) have an option for each,
such as `secretsTtl`.
";

/// README explains a few settings at length: their defaults are the declared ones.
#[test]
fn the_readme_has_the_declared_defaults() {
    let readme = fs::read_to_string(format!("{ROOT}/README.md")).expect("it is there");
    let mut rows = 0;
    for line in readme.lines() {
        let Some((flag, rest)) = line.strip_prefix("| `--").and_then(|row| row.split_once("` | `")) else { continue };
        let (default, _) = rest.split_once("` |").expect("a default");
        let about = ALL.iter().find(|about| about.name == flag).expect(flag);
        assert_eq!(about.default.shown(), Some(default), "{flag}");
        rows += 1;
    }
    assert!(rows >= 3, "the table of the audit's settings");
}

/// Compares a file with the text that it should have, or writes it if that is asked for.
#[track_caller]
fn assert_generated(name: &str, expected: &str) {
    let path = Path::new(ROOT).join(name);
    if std::env::var_os("SECRET_PROXY_BLESS").is_some() {
        fs::write(&path, expected).expect("written");
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(found == expected, "{name} differs from the declared settings; write it by: {BLESS}");
}

#[test]
fn the_default_port_is_a_literal_in_one_place() {
    let port = DEFAULT_PORT.to_string();
    let mut found = Vec::new();
    for folder in ["src", "actors/src", "policy/src"] {
        mentions(&Path::new(ROOT).join(folder), &port, &mut found);
    }
    assert_eq!(found, ["settings/port.rs"].map(|name| Path::new(ROOT).join("src").join(name)), "{found:?}");
}

/// The files whose code, but for comments and tests, has a word.
fn mentions(folder: &Path, word: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("readable").map(|entry| entry.expect("readable").path()) {
        if entry.is_dir() {
            mentions(&entry, word, found);
        } else if !entry.ends_with("tests.rs") {
            let text = fs::read_to_string(&entry).expect("text");
            let code = text.split("mod tests {").next().unwrap_or_default();
            let code = code.lines().filter(|line| !line.trim_start().starts_with("//"));
            let lines = code.filter(|line| line.contains(word)).count();
            found.extend(std::iter::repeat_n(entry, lines));
        }
    }
}
