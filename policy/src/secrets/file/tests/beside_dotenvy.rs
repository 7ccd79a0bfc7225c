//! Comparison of this parser with dotenvy.
//!
//! Both read the same if a text has only one meaning. If dotenvy cuts, changes or prints a value, this parser returns
//! the value itself, or an error without any part of it. dotenvy expands `$NAME`, so no text here has a `$`.

use proptest::prelude::*;

use super::{Cause, one, read};

/// What dotenvy makes of a text.
#[derive(Debug, Eq, PartialEq)]
enum Theirs {
    /// These entries.
    Reads(&'static str),
    /// An error, and this part of the file is in its text.
    Prints(&'static str),
    /// Not tried: it would look into the environment.
    Substitutes,
}

use Theirs::{Prints, Reads, Substitutes};

/// Text, what we make of it, what dotenvy makes of it.
type Row = (&'static str, Result<&'static str, Cause>, Theirs);

fn theirs(text: &str) -> Result<Vec<(String, String)>, String> {
    assert!(!text.contains('$'), "dotenvy would look into the environment");
    dotenvy::from_read_iter(text.as_bytes()).collect::<Result<_, _>>().map_err(|error| format!("{error} {error:?}"))
}

fn check(rows: &[Row]) {
    for (text, ours, expected) in rows {
        assert_eq!(one(text).map_err(|(_, cause)| cause), ours.map(str::to_owned), "ours of {text:?}");
        let shown = |entries: Vec<(String, String)>| {
            entries.into_iter().map(|(name, value)| name + "|" + &value).collect::<Vec<_>>().concat()
        };
        match expected {
            Substitutes => assert!(text.contains('$'), "{text:?}"),
            Reads(entries) => assert_eq!(theirs(text).map(shown).as_deref(), Ok(*entries), "dotenvy of {text:?}"),
            Prints(part) => {
                let error = theirs(text).expect_err(text);
                assert!(error.contains(part), "dotenvy of {text:?}: {error}");
            }
        }
    }
}

#[test]
fn a_dollar_sign_is_a_dollar_sign() {
    check(&[
        ("K=pa$word9\n", Ok("K|pa$word9"), Substitutes),
        ("K=a$$b\n", Ok("K|a$$b"), Substitutes),
        ("K=abc$\n", Ok("K|abc$"), Substitutes),
        ("K=pa$HOME\n", Ok("K|pa$HOME"), Substitutes),
        ("K=${HOME}\n", Ok("K|${HOME}"), Substitutes),
        ("FOO_BAR=1\nK=a$FOO_BAR\n", Ok("FOO_BAR|1K|a$FOO_BAR"), Substitutes),
        ("K=\"pa$word\"\n", Ok("K|pa$word"), Substitutes),
        ("K=\"pa$\"\n", Ok("K|pa$"), Substitutes),
        ("K=\"pa$x-y\"\n", Ok("K|pa$x-y"), Substitutes),
        ("K='pa$word'\n", Ok("K|pa$word"), Substitutes),
        ("K=\"pa\\$word\"\n", Ok("K|pa$word"), Substitutes),
    ]);
}

#[test]
fn what_could_be_a_comment_is_refused_and_not_cut() {
    check(&[
        ("K=abc #def\n", Err(Cause::Comment), Reads("K|abc")),
        ("K=#abc\n", Ok("K|#abc"), Reads("K|")),
        ("K= #abc\n", Err(Cause::Comment), Reads("K|")),
        ("K=abc#def\n", Ok("K|abc#def"), Reads("K|abc#def")),
        ("K='a'#b\n", Ok("K|a"), Reads("K|a#b")),
    ]);
}

#[test]
fn spaces_quotes_and_backslashes_stay_in_a_bare_value() {
    check(&[
        ("K=abc def\n", Ok("K|abc def"), Prints("abc def")),
        ("K=`a b`\n", Ok("K|`a b`"), Prints("a b")),
        ("K=ab\\cd\n", Ok("K|ab\\cd"), Prints("ab\\cd")),
        ("K=ab\\ncd\n", Ok("K|ab\\ncd"), Reads("K|ab\ncd")),
        ("K=abc\\\n", Ok("K|abc\\"), Reads("K|abc")),
        ("K=it's\nS=s3cret\n", Ok("K|it'sS|s3cret"), Prints("s3cret")),
        ("K={\"a\":\"b c\"}\n", Ok("K|{\"a\":\"b c\"}"), Reads("K|{a:b c}")),
        ("K=v ", Ok("K|v"), Prints("K=v")),
        ("K=a\"b\"c\n", Ok("K|a\"b\"c"), Reads("K|abc")),
        ("K=abc'\n", Err(Cause::LoneQuote), Prints("abc'")),
    ]);
}

#[test]
fn an_escape_is_one_of_ours_or_refused() {
    check(&[
        ("K=\"C:\\dir\"\n", Err(Cause::Escape), Prints("C:\\dir")),
        ("K=\"a\\tb\"\n", Ok("K|a\tb"), Prints("a\\tb")),
        ("K=\"a\\r\\nb\"\n", Ok("K|a\r\nb"), Prints("a\\r\\nb")),
        ("K=\"a\\'b\"\n", Err(Cause::Escape), Reads("K|a'b")),
        ("K=\"a\\ b\"\n", Err(Cause::Escape), Reads("K|a b")),
        ("K=\"a\\\\b\\\"c\\nd\"\n", Ok("K|a\\b\"c\nd"), Reads("K|a\\b\"c\nd")),
        ("K='abc\\'\nS=s3cret\n", Ok("K|abc\\S|s3cret"), Prints("s3cret")),
        ("K=\"abc\nS=s3cret\n", Err(Cause::Unclosed), Prints("s3cret")),
    ]);
}

#[test]
fn names_and_lines_of_every_shape() {
    check(&[
        ("MY-KEY=v\n", Err(Cause::NoEquals), Prints("MY-KEY=v")),
        ("9K=v\n", Err(Cause::NoName), Prints("9K=v")),
        ("v4lue\n", Err(Cause::NoEquals), Prints("v4lue")),
        ("\u{feff}K=v\n", Ok("K|v"), Prints("K=v")),
        ("MY.KEY=v\n", Err(Cause::NoEquals), Reads("MY.KEY|v")),
        ("export K=v\n", Ok("K|v"), Reads("K|v")),
        ("export =v\n", Err(Cause::NoName), Reads("export|v")),
        ("K = v\n", Ok("K|v"), Reads("K|v")),
        ("K=v\r\nL=w\r\n", Ok("K|vL|w"), Reads("K|vL|w")),
        ("K='a\nb'\nL=\"c\nd\"\n", Ok("K|a\nbL|c\nd"), Reads("K|a\nbL|c\nd")),
        ("K=\n", Ok("K|"), Reads("K|")),
        ("K=''\nL=\"\"\n", Ok("K|L|"), Reads("K|L|")),
        ("K='a'\"b\"c\n", Err(Cause::AfterQuote), Reads("K|abc")),
        ("K=1\nK=1\n", Ok("K|1"), Reads("K|1K|1")),
        ("K=1\nK=2\n", Err(Cause::Twice), Reads("K|1K|2")),
    ]);
}

/// Lines that can mean one thing only; `?` becomes a number, so that no name stands twice.
fn a_plain_line() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        4 => "[A-Za-z0-9_./+=:-]{0,40}",
        2 => "'[^'\\\\$\r\0]{0,40}'",
        1 => "\"[A-Za-z0-9 '#\n=.,_-]{0,40}\"",
    ];
    let comment = "[ \t]{0,3}#[^\n$]{0,30}";
    let start = prop::sample::select(&["", "", " ", "\t", "export ", " export \t"][..]);
    let equals = prop::sample::select(&["=", "=", " = ", "= ", "\t=", "=\t"][..]);
    let entry = (start, "[A-Za-z_][A-Za-z0-9_]{0,12}", equals, value, "[ \t]{0,2}");
    prop_oneof![
        6 => entry.prop_map(|(start, name, equals, value, end)| format!("{start}{name}_?{equals}{value}{end}")),
        1 => comment,
        1 => "[ \t]{0,3}",
    ]
}

fn a_plain_file() -> impl Strategy<Value = String> {
    let end = prop::sample::select(&["\n", "\r\n"][..]);
    (prop::collection::vec(a_plain_line(), 0..12), end).prop_map(|(lines, end)| {
        let numbered = lines.iter().enumerate().map(|(at, line)| line.replacen('?', &at.to_string(), 1) + end);
        numbered.collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn both_read_the_same_where_a_text_can_mean_one_thing_only(file in a_plain_file()) {
        let theirs = theirs(&file);
        prop_assert!(theirs.is_ok(), "dotenvy refuses: {:?}", theirs);
        prop_assert_eq!(read(&file).map_err(|error| format!("{error:?}")), theirs);
    }
}
