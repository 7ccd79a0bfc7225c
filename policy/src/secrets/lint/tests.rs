//! Every problem of a secrets file has its words, and the words never hold a value.

use proptest::prelude::*;

use super::*;
use crate::secrets::lint::Severity::{Error, Note, Warning};

/// A short list in place of the long one.
fn public(name: &str) -> bool {
    ["com", "org", "uk", "co.uk", "io", "github.io"].contains(&name)
}

fn read(text: &str) -> Lint {
    Lint::read(text.as_bytes(), &public)
}

/// Line, severity, name, and what is wrong.
fn reported(text: &str) -> Vec<(usize, Severity, String, String)> {
    let name = |problem: &Problem| problem.name.as_ref().map_or(String::new(), ToString::to_string);
    let shown = |it: &Problem| (it.line, it.kind.severity(), name(it), it.kind.to_string());
    read(text).problems().iter().map(shown).collect()
}

/// Everything that is reported about a file, in words.
fn words(lint: &Lint) -> String {
    let in_words = |it: &Problem| format!("{:?} {} {}\n", it.name, it.kind, it.fix());
    let hosts = |(name, _): (&Name, _)| format!("{name} {:?}\n", lint.hosts(name));
    let problems = lint.problems().iter().map(in_words);
    problems.chain(lint.secrets().into_iter().map(hosts)).collect()
}

#[test]
fn a_good_file_has_no_problems() {
    let text = "# mine\nexport A = \"s3 cr#t\"\nA_HOSTS=api.example.com, *.example.org:8443\n\n\
                B='pa$$w\\nrd'\nB_HOSTS=[2606:4700::1111]:443,printer,API.Example.org.\n\
                C=domain\\user=$x\nC_HOSTS=10.0.0.7\n";
    assert_eq!(reported(text), []);
    let hosts = ["*.example.org:8443".to_owned(), "api.example.com".to_owned()];
    let lint = read(text);
    assert_eq!(lint.hosts(lint.secrets()[0].0), Hosts::Shown(hosts.to_vec()));
    assert!(lint.secrets().iter().all(|(_, secret)| secret.is_usable()));
}

type Expected<'a> = (usize, Severity, &'a str, &'a str);

#[test]
fn names_and_their_lists() {
    let table: [(&str, &[Expected<'_>]); 13] = [
        ("A=1\n", &[(1, Error, "A", "no allowed hosts")]),
        ("A_HOSTS=a.com\n", &[(1, Warning, "A_HOSTS", "there is no such secret")]),
        ("_HOSTS=a.com\n", &[(1, Warning, "_HOSTS", "there is no such secret")]),
        ("A=\nA_HOSTS=a.com", &[(1, Error, "A", "the value is empty")]),
        (
            "A=\"\\n\"\nA_HOSTS=a.com",
            &[
                (1, Error, "A", "the value holds a control character, which no header may"),
                (1, Warning, "A", "the value starts or ends with a space, which is sent"),
            ],
        ),
        (
            "A=1\nA_HOSTS=a.com\nA_HOSTS_HOSTS=b.com",
            &[(3, Warning, "A_HOSTS_HOSTS", "a companion line has no companions of its own")],
        ),
        (
            "A=1\nA_HOST=a.com",
            &[
                (1, Error, "A", "no allowed hosts, and the name on line 2 is nearly right"),
                (2, Error, "A_HOST", "no allowed hosts"),
            ],
        ),
        (
            "A=1\na_HOSTS=a.com",
            &[
                (1, Error, "A", "no allowed hosts, and the name on line 2 is nearly right"),
                (2, Warning, "a_HOSTS", "there is no such secret"),
            ],
        ),
        (
            "a=1\nA=2\nA_HOSTS=a.com\n",
            &[(1, Error, "a", "no allowed hosts"), (2, Warning, "A", "the name on line 1 differs in letter case only")],
        ),
        (
            "a=1\nA=2\nA_HOSTS=a.com\na_HOSTS=a.com\n",
            &[(2, Warning, "A", "the name on line 1 differs in letter case only")],
        ),
        ("A=1\nA_HOSTS=a.com\nA='1'\n", &[(1, Note, "A", "the same name and value stand on line 3")]),
        ("A=1\nA=2\n", &[(2, Error, "", "this name stands above with another value: nothing of the file is used")]),
        ("A=1\nB='2\n", &[(2, Error, "", "the quote that opens here is never closed: nothing of the file is used")]),
    ];
    for (text, expected) in table {
        let expected: Vec<_> = expected.iter().map(|it| (it.0, it.1, it.2.to_owned(), it.3.to_owned())).collect();
        assert_eq!(reported(text), expected, "{text:?}");
    }
}

#[test]
fn a_missing_list_is_reported_with_the_line_to_write() {
    let fixes = |text: &str| read(text).problems().iter().map(|it| it.fix().into_owned()).collect::<Vec<_>>();
    assert_eq!(fixes("KEY=1\n"), ["add KEY_HOSTS=host[,host...]"]);
    assert_eq!(fixes("KEY=1\nkey_hosts=a.com\n")[0], "name line 2 KEY_HOSTS");
    assert_eq!(fixes("KEY_HOSTS=a.com\n"), ["add KEY=value, or remove the line"]);
}

#[test]
fn suspicious_values() {
    let table: [(&str, &[SuspiciousValue]); 38] = [
        ("sk-ant-api03-Ab_9", &[]),
        ("pa$word", &[]),
        ("$ecret", &[]),
        ("a'b", &[]),
        ("domain\\user", &[]),
        ("'ab\\ncd'", &[]),
        ("'$NAME'", &[]),
        ("' a'", &[SuspiciousValue::SpaceAtEnd]),
        ("\"a\\t\"", &[SuspiciousValue::SpaceAtEnd]),
        ("\"'abc'\"", &[SuspiciousValue::Quoted]),
        ("'\"abc\"'", &[SuspiciousValue::Quoted]),
        ("\"\\\"abc\\\"\"", &[SuspiciousValue::Quoted]),
        ("`abc`", &[SuspiciousValue::Quoted]),
        ("'\"'", &[]),
        ("\u{201c}abc\u{201d}", &[SuspiciousValue::Quoted, SuspiciousValue::BeyondAscii]),
        ("ab\\ncd", &[SuspiciousValue::Backslash]),
        ("ab\\\"cd", &[SuspiciousValue::Backslash]),
        ("ab\\$cd", &[SuspiciousValue::Backslash]),
        ("op://vault/item/field", &[SuspiciousValue::Reference]),
        ("'{{ op://vault/item/field }}'", &[SuspiciousValue::Reference]),
        ("{{API_KEY}}", &[SuspiciousValue::Placeholder]),
        ("'Bearer {{API_KEY}}'", &[SuspiciousValue::Placeholder]),
        ("{{ API_KEY }}", &[]),
        ("$API_KEY", &[SuspiciousValue::Shell]),
        ("${API_KEY:-none}", &[SuspiciousValue::Shell]),
        ("$(cat key)", &[SuspiciousValue::Shell]),
        ("\"$API_KEY\"", &[SuspiciousValue::Shell]),
        ("sk-ant-...", &[SuspiciousValue::Example]),
        ("...", &[SuspiciousValue::Example]),
        ("<token>", &[SuspiciousValue::Example]),
        ("YOUR_KEY", &[SuspiciousValue::Example]),
        ("your-key-here", &[SuspiciousValue::Example]),
        ("ChangeMe", &[SuspiciousValue::Example]),
        ("xxxx", &[SuspiciousValue::Example]),
        ("xx", &[]),
        ("'pa$$word # not a comment'", &[SuspiciousValue::Example]),
        ("ab\u{a0}cd", &[SuspiciousValue::BeyondAscii]),
        ("\u{e4}", &[SuspiciousValue::BeyondAscii]),
    ];
    for (value, expected) in table {
        let lint = read(&format!("K={value}\nK_HOSTS=a.com\n"));
        let found: Vec<ProblemKind> = lint.problems().iter().map(|it| it.kind).collect();
        assert_eq!(found, expected.iter().map(|it| ProblemKind::Value(*it)).collect::<Vec<_>>(), "{value}");
    }
}

#[test]
fn suspicious_entries() {
    use crate::destination::reach::Denied::{Loopback, Reserved};

    let table: [(&str, &[(usize, SuspiciousEntry)]); 26] = [
        ("a.com", &[]),
        ("co.uk", &[]),
        ("A.com.", &[]),
        ("*.a.co.uk", &[]),
        ("*.co.uk", &[(1, SuspiciousEntry::PublicSuffix)]),
        ("a.com,*.GitHub.io:8443", &[(2, SuspiciousEntry::PublicSuffix)]),
        ("a.com,b.com,A.com:443", &[(3, SuspiciousEntry::Repeats(1))]),
        ("a.com,a.com,a.com", &[(2, SuspiciousEntry::Repeats(1)), (3, SuspiciousEntry::Repeats(1))]),
        ("a.com,a.com:8443,http://a.com:8080", &[(3, SuspiciousEntry::Cleartext)]),
        ("a.b.com,*.b.com", &[(1, SuspiciousEntry::CoveredBy(2))]),
        ("*.b.com,*.a.b.com,x.a.b.com", &[(2, SuspiciousEntry::CoveredBy(1)), (3, SuspiciousEntry::CoveredBy(1))]),
        ("*.b.com,*.b.com", &[(2, SuspiciousEntry::Repeats(1))]),
        ("*.b.com,b.com,ab.com,*.ab.com,a.b.com:8443,*.b.com:8443", &[(5, SuspiciousEntry::CoveredBy(6))]),
        ("*.b.com,http://a.b.com", &[(2, SuspiciousEntry::Cleartext)]),
        ("http://a.com", &[(1, SuspiciousEntry::Cleartext)]),
        ("a.com:80", &[(1, SuspiciousEntry::TlsOnPort80)]),
        ("http://a.com:443", &[(1, SuspiciousEntry::CleartextOnPort443)]),
        ("127.0.0.1:8443", &[(1, SuspiciousEntry::NeverDialled(Loopback))]),
        ("[::1]", &[(1, SuspiciousEntry::NeverDialled(Loopback))]),
        ("localhost", &[(1, SuspiciousEntry::NeverDialled(Loopback))]),
        ("a.localhost", &[(1, SuspiciousEntry::NeverDialled(Loopback))]),
        ("0.0.0.0", &[(1, SuspiciousEntry::NeverDialled(Reserved))]),
        ("192.168.1.7", &[]),
        ("b\u{fc}cher.com", &[(1, SuspiciousEntry::Unicode)]),
        ("xn--bcher-kva.com", &[]),
        ("sk-ant-api03-0123456789", &[(1, SuspiciousEntry::LongName)]),
    ];
    for (list, expected) in table {
        let lint = read(&format!("K=s3cret\nK_HOSTS={list}\n"));
        let found: Vec<ProblemKind> = lint.problems().iter().map(|it| it.kind).collect();
        assert_eq!(found, expected.iter().map(|it| ProblemKind::Host(it.0, it.1)).collect::<Vec<_>>(), "{list}");
        assert_eq!(lint.count(Error), 0, "{list}");
    }
}

#[test]
fn every_wrong_entry_of_a_list_is_reported_once() {
    let expected = [
        (2, Error, "K_HOSTS", "entry 1: a wildcard needs at least two labels after '*.'"),
        (2, Error, "K_HOSTS", "entry 3: the port is not a number from 1 to 65535"),
        (2, Error, "K_HOSTS", "entry 4: it is empty"),
    ];
    let expected = expected.map(|it| (it.0, it.1, it.2.to_owned(), it.3.to_owned()));
    assert_eq!(reported("K=s3cret\nK_HOSTS=*.com,a.com,b.com:0,\n"), expected);
}

#[test]
fn a_value_in_the_place_of_the_hosts_is_not_shown() {
    for value in ["0123456789abcdef0123", "sk-live-abcdef012345", "SG.abcdef.ghijkl", "token"] {
        let swapped = read(&format!("K=api.a.com\nK_HOSTS={value}\n"));
        assert!(swapped.problems().iter().any(|it| it.kind == ProblemKind::Value(SuspiciousValue::Hosts)), "{value}");
        assert!(!words(&swapped).to_lowercase().contains(&format!("\"{}", value.to_lowercase())), "{value}");
        assert_eq!(swapped.hosts(swapped.secrets()[0].0), Hosts::Hidden, "{value}");
    }
    let long = read("K=s3cret\nK_HOSTS=0123456789abcdef0123,a.com\n");
    assert_eq!(long.hosts(long.secrets()[0].0), Hosts::Hidden);
    let wrong = read("K=api.a.com\nK_HOSTS=ghp_abc\n");
    assert!(wrong.problems().iter().any(|it| it.kind == ProblemKind::Value(SuspiciousValue::Hosts)));
    let right = read("K=api.a.com\nK_HOSTS=b.com\n");
    assert_eq!(right.problems(), []);
}

/// Lines as people write them, right and wrong, with `?` where a value or a comment stands.
const LINES: [&str; 28] = [
    "A=?",
    "A='?'",
    "A=\"?\"",
    "A='\"?\"'",
    "A=\" ?\"",
    "A=\"?\\n\"",
    "A=?\\n",
    "A=op://?",
    "A={{?}}",
    "A=?...",
    "A=$?",
    "A=",
    "A_HOSTS=a.com",
    "A_HOSTS=a.com,?_",
    "A_HOSTS=?",
    "A_HOSTS=*.?",
    "A_HOSTS='?",
    "A_HOSTS=a.com:?",
    "A_HOSTS=http://?:443,a.com",
    "a=?",
    "A_HOST=?",
    "B=?",
    "B_HOSTS=*.co.uk, a.co.uk",
    "# ?",
    "C = ? # ?",
    "C_HOSTS=?\\",
    "\"?",
    "A_HOSTS_HOSTS=?",
];

fn a_file() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(&LINES[..]), 1..8).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn there_are_errors_exactly_if_a_secret_cannot_be_used(file in a_file(), value in "[a-z]{20}") {
        let lint = read(&file.replace('?', &value));
        let unusable = lint.secrets().iter().any(|(_, secret)| !secret.is_usable());
        let malformed = lint.problems().iter().any(|it| matches!(it.kind, ProblemKind::Malformed(_)));
        prop_assert_eq!(lint.count(Error) > 0, unusable || malformed);
        prop_assert!(!malformed || lint.problems().len() == 1 && lint.secrets().is_empty());
    }

    /// People cut a line of `check` at the first `; `.
    #[test]
    fn a_semicolon_stands_only_between_a_problem_and_its_fix(file in a_file()) {
        for problem in read(&file).problems() {
            let (wrong, fix) = (problem.kind.to_string(), problem.fix());
            prop_assert!(!wrong.contains(';') && !fix.contains(';') && !fix.is_empty(), "{}; {}", wrong, fix);
        }
    }

    #[test]
    fn no_word_of_it_holds_a_value_or_a_comment(file in a_file(), value in "[a-z]{20}") {
        let said = words(&read(&file.replace('?', &value)));
        prop_assert!(!said.contains(&value), "{}", said);
    }
}
