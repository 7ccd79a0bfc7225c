//! Tests of partial reads of a pipe: the beginning of a file, or the file twice.
//!
//! Proven for every beginning of a well-formed file:
//! - cut at the end of a line, it is malformed, or every secret in it has the value of the whole file,
//!   and the hosts of the whole file or none: secrets can be absent or without hosts, and nothing else;
//! - cut inside a line, the same holds for all but the entry that is cut: a value can be short, for the
//!   hosts of the whole file; a list of hosts can be short, and so name another host. That is why the
//!   reader of a pipe does not trust a text whose last line has no end.

use proptest::prelude::*;

use super::*;
use crate::secrets::companions::{BadHosts, Companion};
use crate::secrets::fingerprint::TableFingerprint;
use crate::secrets::table::{Secret, Table};

const FILES: [&str; 7] = [
    "# This file is managed by 1Password\n\nANTHROPIC_API_KEY=sk-ant-api03-0123\nANTHROPIC_API_KEY_HOSTS=api.anthropic.com\n\
     GITHUB_TOKEN=ghp_0123456789\nGITHUB_TOKEN_HOSTS=api.github.com,github.com,uploads.github.com\n",
    // The lists first, and no end of the last line.
    "A_HOSTS=a.example.com\nB_HOSTS=*.b.example.com:8443, b.example.com\nB=\"two words\"\nA='one # word'",
    // Values over several lines that look like other entries.
    "A='-----BEGIN KEY-----\nA_HOSTS=evil.example\nB=stolen\nB_HOSTS=evil.example\n-----END KEY-----\n'\nA_HOSTS=a.example\n\
     B=\"x\nA_HOSTS=evil.example\n\\\"\nC=d\n\" # why 'not'\nB_HOSTS=b.example\nC=e\nC_HOSTS=c.example\n",
    "export A=1\r\nA_HOSTS=a.example\r\n\r\n# c\r\nB = '2\r\n3' # x\r\nB_HOSTS = b.example , c.example\r\nC=3\r\n",
    "\u{feff}A=pa$$w#rd\\n\nA_HOSTS='a.example,\nb.example'\nB=it's\nB_HOSTS=\"b.example\"\n# \u{fc}",
    "A=1\nA_HOSTS=a.example\nA=1\nB=\nB_HOSTS=b.example\nC=3\nC_HOSTS=*.com\nA_HOSTS=a.example\n# end",
    "A=\u{e4}\u{20ac}\u{1f511}\nA_HOSTS=b\u{fc}cher.example\nLONG='\n\n\n'\nLONG_HOSTS=[2001:db8::1]:8443,10.0.0.7\n",
];

fn table(text: &[u8]) -> Option<Table> {
    Table::read(text).ok()
}

/// The same value, or both unusable for the same reason.
fn same_value(ours: &Secret, whole: &Secret) -> bool {
    match (&ours.value, &whole.value) {
        (Ok(ours), Ok(whole)) => ours.is_same_as(whole),
        (Err(ours), Err(whole)) => ours == whole,
        _ => false,
    }
}

/// The value of the whole file, with its hosts or none.
fn is_true_to(ours: &Secret, whole: &Secret) -> bool {
    same_value(ours, whole) && has_hosts_of(ours, whole)
}

fn has_hosts_of(ours: &Secret, whole: &Secret) -> bool {
    ours.rules.hosts == whole.rules.hosts || ours.rules.hosts == Err(BadHosts::Missing)
}

/// The value of the whole file from its first byte on.
fn is_cut_value_of(ours: &Secret, whole: &Secret) -> bool {
    let (Ok(value), Ok(all)) = (&ours.value, &whole.value) else { return true };
    all.expose().starts_with(value.expose())
}

fn prove(whole: &[u8], cut: usize) -> Result<(), TestCaseError> {
    let head = &whole[..cut];
    let (Some(all), Ok(entries)) = (table(whole), parse(head)) else { return Ok(()) };
    let some = table(head).expect("its lines are well-formed");
    let ends_a_line = cut == 0 || cut == whole.len() || head.ends_with(b"\n");
    let last = entries.last().map_or("", |entry| entry.name.as_str()).to_owned();
    for (name, ours) in some.secrets() {
        let theirs = all.secret(name.as_str());
        if ends_a_line || (name.as_str() != last && Companion::Hosts.name_beside(name) != last) {
            prop_assert!(theirs.is_some_and(|it| is_true_to(ours, it)), "{} at {}", name, cut);
        } else if name.as_str() == last {
            prop_assert!(
                theirs.is_some_and(|it| is_cut_value_of(ours, it) && has_hosts_of(ours, it)),
                "{} at {}",
                name,
                cut
            );
        } else {
            prop_assert!(theirs.is_some_and(|it| same_value(ours, it)), "{} at {}", name, cut);
        }
    }
    Ok(())
}

#[test]
fn every_cut_of_files_as_they_are_served() {
    for file in FILES {
        assert!(table(file.as_bytes()).is_some(), "{file}");
        for cut in 0..=file.len() {
            prove(file.as_bytes(), cut).unwrap_or_else(|error| panic!("{error}\n{file}"));
        }
    }
}

#[test]
fn a_cut_inside_quotes_is_malformed_at_the_line_that_opens_them() {
    let file = FILES[2];
    let opens = [(1, "A='", "\n'\n"), (8, "B=\"", "\n\" #")];
    for (line, open, close) in opens {
        let from = file.find(open).expect("it opens") + open.len();
        let to = from + file[from..].find(close).expect("it closes");
        for cut in from..=to {
            let malformed = parse(&file.as_bytes()[..cut]).expect_err("an open quote");
            assert_eq!(malformed, Malformed { line, cause: Cause::Unclosed }, "at {cut}");
        }
    }
}

/// Why a text whose last line has no end must not be trusted at once.
#[test]
fn a_cut_within_a_list_of_hosts_can_name_another_host() {
    let whole = b"A=s3cret\nA_HOSTS=api.example.com\n";
    let cut = table(&whole[..whole.len() - 2]).expect("well-formed");
    let hosts = cut.secret("A").and_then(|secret| secret.rules.hosts.as_ref().ok()).expect("a list");
    assert_eq!(hosts.entries(), ["api.example.co"]);
}

/// Values that hold what looks like other entries, and other traps.
const NASTY: [&str; 7] =
    ["'x\nA=evil\nA_HOSTS=evil.example\n'", "\"\n\\\"\nB='\n\"", "'\n\n' # '", "pa$$w#rd\\", "it's", "''", ""];

/// A value in any quoting, some of them full of what looks like other entries.
fn a_value() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => "[A-Za-z0-9$#=/+._-]{1,12}",
        2 => "'[A-Z=\"# \n\r\t]{0,20}'",
        1 => "\"[A-Z='# \n\r\t]{0,20}\"",
        2 => prop::sample::select(&NASTY[..]).prop_map(str::to_owned),
    ]
}

/// Secrets and lists in any order, with comments and blank lines between, and with or without an end
/// of the last line.
fn a_file() -> impl Strategy<Value = String> {
    let hosts = prop::sample::select(
        &["a.example", "a.example.com,b.example", "*.c.example:8443", "'d.example,\n e.example'"][..],
    );
    let secrets = prop::collection::vec((a_value(), prop::option::weighted(0.8, hosts)), 1..5);
    let lines = secrets.prop_map(|secrets| {
        let pairs = secrets.into_iter().zip('A'..).map(|((value, hosts), name)| {
            [Some(format!("{name}={value}")), hosts.map(|hosts| format!("{name}_HOSTS={hosts}"))]
        });
        let extra = ["", "# it's a \"comment", " "].map(|line| Some(line.to_owned()));
        pairs.flatten().chain(extra).flatten().collect::<Vec<_>>()
    });
    let ends = (prop::sample::select(&["\n", "\r\n"][..]), any::<bool>());
    (lines.prop_shuffle(), ends).prop_map(|(lines, (end, last))| lines.join(end) + if last { end } else { "" })
}

fn many_cuts() -> impl Strategy<Value = Vec<prop::sample::Index>> {
    prop::collection::vec(any::<prop::sample::Index>(), 10)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn ten_thousand_random_cuts_of_random_files(file in a_file(), cuts in many_cuts()) {
        prop_assert!(table(file.as_bytes()).is_some(), "not well-formed: {}", file);
        for cut in cuts {
            prove(file.as_bytes(), cut.index(file.len() + 1))?;
        }
    }

    #[test]
    fn every_cut_at_the_end_of_a_line_of_random_files(file in a_file()) {
        for end in memchr::memchr_iter(b'\n', file.as_bytes()) {
            prove(file.as_bytes(), end + 1)?;
        }
    }

    /// A reader that is slow can get the text twice, the second time as far as it comes.
    #[test]
    fn a_text_and_its_beginning_again_are_malformed_or_the_text(file in a_file(), cuts in many_cuts()) {
        let file = file.trim_end_matches(['\n', '\r']).to_owned() + "\n";
        for cut in cuts {
            let twice = [file.as_bytes(), &file.as_bytes()[..cut.index(file.len() + 1)]].concat();
            if let Some(table) = table(&twice) {
                prop_assert!(TableFingerprint::of(&table).matches(&Table::read(file.as_bytes()).expect("well-formed")), "{:?}", cut);
            }
        }
    }
}
