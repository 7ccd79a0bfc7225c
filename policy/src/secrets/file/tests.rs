//! Tables and properties of the secrets file.

mod beside_dotenvy;
mod cuts;
mod errors;
mod quoting;

use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Result<Vec<(String, String)>, (usize, Cause)> {
    let text_of = |value: &SecretValue| String::from_utf8_lossy(value.expose()).into_owned();
    match parse(text.as_bytes()) {
        Ok(entries) => Ok(entries.iter().map(|e| (e.name.to_string(), text_of(&e.value))).collect()),
        Err(malformed) => Err((malformed.line, malformed.cause)),
    }
}

fn one(text: &str) -> Result<String, (usize, Cause)> {
    let shown = |(name, value)| format!("{name}|{value}");
    read(text).map(|entries| entries.into_iter().map(shown).collect::<Vec<_>>().concat())
}

#[test]
fn values_are_literal() {
    let table = [
        ("K=v", "K|v"),
        ("K = v ", "K|v"),
        ("export K=v", "K|v"),
        ("export\tK=v", "K|v"),
        ("export=v", "export|v"),
        ("exports=v", "exports|v"),
        ("  K=v\r\n", "K|v"),
        ("\u{feff}K=v", "K|v"),
        ("# c\n\n   \nK=v", "K|v"),
        ("K=", "K|"),
        ("K=a b", "K|a b"),
        ("K=pa$word9", "K|pa$word9"),
        ("K=pa$HOME", "K|pa$HOME"),
        ("K=${HOME}", "K|${HOME}"),
        ("K=abc#def", "K|abc#def"),
        ("K=#abc", "K|#abc"),
        ("K=it's", "K|it's"),
        ("K=ab\\cd", "K|ab\\cd"),
        ("K=abc\\", "K|abc\\"),
        ("K={\"a\":\"b c\"}", "K|{\"a\":\"b c\"}"),
        ("K=a=b", "K|a=b"),
        ("K='a # b'", "K|a # b"),
        ("K='abc\\'", "K|abc\\"),
        ("K='pa$word' # why", "K|pa$word"),
        ("K='a\nb'", "K|a\nb"),
        ("K=\"a\\\\b\\\"c\\$d\\ne\\rf\\tg\"", "K|a\\b\"c$d\ne\rf\tg"),
        ("K=\"pa$\"", "K|pa$"),
        ("K=\"a\nb\"#c", "K|a\nb"),
        ("K=1\nK=1", "K|1"),
        ("K=\u{e4}\u{20ac}", "K|\u{e4}\u{20ac}"),
    ];
    for (text, expected) in table {
        assert_eq!(one(text).as_deref(), Ok(expected), "{text:?}");
    }
}

#[test]
fn what_could_mean_two_things_is_malformed() {
    let table = [
        ("K", Cause::NoEquals, 1),
        ("K v", Cause::NoEquals, 1),
        ("A=1\n=v", Cause::NoName, 2),
        ("MY-KEY=v", Cause::NoEquals, 1),
        ("9K=v", Cause::NoName, 1),
        ("MY.KEY=v", Cause::NoEquals, 1),
        ("K: v", Cause::NoEquals, 1),
        ("K=abc #def", Cause::Comment, 1),
        ("K= #def", Cause::Comment, 1),
        ("K=abc\t#def", Cause::Comment, 1),
        ("K=abc'", Cause::LoneQuote, 1),
        ("K=abc\"", Cause::LoneQuote, 1),
        ("A=1\n\nK='abc\nB=2\n", Cause::Unclosed, 3),
        ("K=\"abc\\\"", Cause::Unclosed, 1),
        ("K=\"abc\\", Cause::Unclosed, 1),
        ("K=\"C:\\dir\"", Cause::Escape, 1),
        ("K='a'b", Cause::AfterQuote, 1),
        ("K='a' 'b'", Cause::AfterQuote, 1),
        ("K='a\n\n'b\n", Cause::AfterQuote, 1),
        ("K=1\nX='a\nb'\nK=2", Cause::Twice, 4),
    ];
    for (text, cause, line) in table {
        assert_eq!(read(text), Err((line, cause)), "{text:?}");
    }
}

proptest! {
    #[test]
    fn no_bytes_crash_the_parser(text in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&text);
    }
}
