//! Tests that no error contains a part of the file.

use proptest::prelude::*;

use super::*;
use crate::secrets::table::Table;

/// Lines that no file may have, with `?` for what must not be told.
const BROKEN: [&str; 15] = [
    "?",
    "? 1",
    "-?",
    "9?=1",
    "{\"?\": 1}",
    "A='?",
    "A=\"?",
    "A=\"?\\q\"",
    "A=\"\\?\"",
    "A='?' ?",
    "A=? # ?",
    "A= #?",
    "A=?'",
    "A=?\"",
    "A=1\nA=?",
];

/// Lines that are good wherever they stand.
const GOOD: [&str; 6] = ["# ?", "", "G='?'", "H=\"?\n?\"", "export I=?", "I_HOSTS=?"];

/// Letters that no sentence of ours has in a row.
const CANARY: &str = "qzxjkwvq_qjzkxwvj";

/// Any four letters of it, so that a cut or quoted part is found too.
fn tells(said: &str) -> bool {
    CANARY.as_bytes().windows(4).any(|part| said.as_bytes().windows(4).any(|told| told == part))
}

fn some_lines() -> impl Strategy<Value = Vec<&'static str>> {
    prop::sample::subsequence(&GOOD[..], 0..=GOOD.len())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_broken_line_anywhere_makes_an_error_that_tells_nothing(
        before in some_lines(), broken in prop::sample::select(&BROKEN[..]), after in some_lines(),
    ) {
        let text = [before, vec![broken], after].concat().join("\n").replace('?', CANARY);
        let malformed = parse(text.as_bytes()).expect_err("malformed");
        let said = format!("{malformed} {malformed:?} {}", malformed.cause.fix());
        prop_assert!(!tells(&said), "{}", said);
    }

    #[test]
    fn a_file_that_is_broken_at_a_random_place_tells_nothing(
        at in any::<prop::sample::Index>(), breaker in prop::sample::select(&["'", "\"", "\\q", " #", "\n", "\0", "=", "\u{fffd}"][..]),
        canary_at in any::<prop::sample::Index>(),
    ) {
        let mut text = "# mine\nexport A='one\ntwo' # why\nA_HOSTS=a.example\nB = \"x\\ty\"\nC=bare\n".to_owned();
        text.insert_str(canary_at.index(text.len()), CANARY);
        text.insert_str(at.index(text.len()), breaker);
        let said = match Table::read(text.as_bytes()) {
            Ok(_) => String::new(),
            Err(malformed) => format!("{malformed} {malformed:?} {}", malformed.cause.fix()),
        };
        prop_assert!(!tells(&said), "{}", said);
    }
}

/// A number and one of a few constants: there is no room for text in it.
#[test]
fn an_error_has_no_room_for_text() {
    const fn is_constant<T: Copy + 'static>() {}
    is_constant::<Malformed>();
    assert!(size_of::<Malformed>() <= 2 * size_of::<usize>());
}
