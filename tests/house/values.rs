//! The value of a secret: every way to its bytes.

use super::source::files;

/// Where the value of a secret is defined.
const DEFINITION: &str = "secrets/secret.rs";

/// Where its bytes are looked at: the companions of a secret, checks of a value's form, and the one place that puts
/// it into a request.
const EXPOSING: [&str; 3] = ["secrets/companions.rs", "secrets/lint/values.rs", "verdict/render.rs"];

#[test]
fn values_are_exposed_in_three_places_only() {
    let exposing = |folder: &str| {
        let found = files(folder).into_iter().filter(|source| source.code.contains("expose("));
        found.map(|source| source.path).filter(|path| path != DEFINITION).collect::<Vec<_>>()
    };
    assert_eq!(exposing("policy/src"), EXPOSING);
    for folder in ["actors/src", "src", "bench/src"] {
        assert_eq!(exposing(folder), Vec::<String>::new(), "{folder}");
    }
}

/// A private field is visible in its own file and in the modules below, of which there are none.
#[test]
fn the_field_of_a_value_is_private() {
    let sources = files("policy/src");
    let source = sources.iter().find(|source| source.path == DEFINITION).expect("it is there");
    assert!(
        source.code.contains("\npub struct SecretValue(Zeroizing<"),
        "its field is private, and nothing is derived"
    );
    assert!(!sources.iter().any(|source| source.path.starts_with("secrets/secret/")));
    assert_eq!(source.code.matches(" for SecretValue").count(), 1, "it has its own `Debug`, and no other trait");
    assert_eq!(source.code.matches("-> &[u8]").count(), 1, "`expose` alone lends the bytes");
}
