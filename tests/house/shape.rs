//! The shape that the promises rest on: what each crate may know, and what a release build is.

use std::process::Command;

/// What `cargo tree` prints, without network.
fn tree(arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(["tree", "--offline", "--locked", "--prefix", "none"]);
    let output = command.args(arguments).output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

fn has_crate(tree: &str, name: &str) -> bool {
    tree.lines().any(|line| line.split(' ').next() == Some(name))
}

#[test]
fn policy_knows_no_runtime_no_network_and_no_files() {
    let tree = tree(&["-p", "secret-proxy-policy", "-e", "normal"]);
    assert!(has_crate(&tree, "http"), "{tree}");
    let doers = ["tokio", "hyper", "ractor", "notify", "rustix", "tempfile", "rustls", "time", "clap"];
    for name in doers.into_iter().chain(["dotenvy", "psl"]) {
        assert!(!has_crate(&tree, name), "{name} in\n{tree}");
    }
}

#[test]
fn there_is_one_crypto_library_and_one_tls_stack() {
    let tree = tree(&["-e", "normal,build"]);
    assert!(has_crate(&tree, "aws-lc-rs") && has_crate(&tree, "rustls"), "{tree}");
    for name in ["ring", "openssl", "native-tls", "async-trait"] {
        assert!(!has_crate(&tree, name), "{name} in\n{tree}");
    }
}

/// Tests switch the faults on as a development dependency, which `cargo build` does not see.
#[test]
fn a_release_build_has_no_faults_in_it() {
    let features = |edges: &str| {
        let tree = tree(&["-p", "secret-proxy", "-e", edges, "-f", "{p} [{f}]"]);
        let line = tree.lines().find(|line| line.starts_with("secret-proxy-actors")).expect("a dependency");
        line.to_owned()
    };
    assert!(!features("normal").contains("faults"), "{}", features("normal"));
    assert!(features("normal,dev").contains("faults"), "{}", features("normal,dev"));
}

/// With another strategy a crash of one owner would be the end of all: the crate refuses to compile,
/// and this says that the profiles ask for the right one.
#[test]
fn every_profile_unwinds() {
    let manifest = include_str!("../../Cargo.toml");
    assert!(manifest.contains("[profile.release]\npanic = \"unwind\""));
    assert!(!manifest.contains("\"abort\""));
    assert!(include_str!("../../actors/src/lib.rs").contains("compile_error!"));
}

/// A reader must be able to check the order of an exchange at one look.
#[test]
fn the_order_of_an_exchange_is_one_short_function() {
    let source = include_str!("../../actors/src/exchange.rs");
    let start = source.find("async fn attempt").expect("it is there");
    let body = &source[start..start + source[start..].find("\n    }\n").expect("it ends")];
    assert!(body.lines().count() < 40, "{body}");
    let steps =
        ["CanonicalRequest::new", ".judge(", "self.reserve(", ".permit(", "self.connect(", ".render(", "self.send("];
    let places: Vec<_> = steps.map(|step| body.find(step).expect(step)).to_vec();
    assert!(places.is_sorted(), "{body}");
}
