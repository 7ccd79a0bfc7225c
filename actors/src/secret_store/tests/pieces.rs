//! Ten thousand pieces of texts, as a pipe with two readers gives them.
//!
//! A reader cannot tell bytes that another program took from bytes that were never written. So each piece
//! here is a text with something missing, as a cut, a thief or two servings in one read leave it. Once the
//! whole text is confirmed, no piece may permit what the whole text does not.
//!
//! Not protected:
//! - The first read of a process (and of the store after a crash). There is no earlier read, so a well-formed piece
//!   that ends with a line end is confirmed.
//! - Two reads in a row with equal pieces. The store cannot tell them from a changed file.
//! - A regular file: every read of it counts, even of a half-written file.

use std::collections::BTreeSet;

use http::{HeaderMap, HeaderValue};
use policy::destination::host::{Destination, Scheme};
use policy::request::fields::Fields;
use policy::secrets::fingerprint::TableFingerprint;
use policy::secrets::table::Table;
use policy::verdict::judge::{InjectionRequest, Verdict, judge};
use policy::verdict::render::render;
use policy::verdict::tables::Tables;

use crate::secret_store::confirm::{Confidence, Confirmer};

/// Texts, and pieces of each.
const TEXTS: usize = 100;
const PIECES: usize = 100;

/// Names and hosts that are beginnings and ends of one another.
const NAMES: [&str; 6] = ["K", "KEY", "KEY_A", "KEY_AB", "OTHER_KEY", "Y"];
const HOSTS: [&str; 8] = [
    "api.example",
    "api.example.com",
    "b.api.example.com",
    "pi.example.com",
    "*.example.com",
    "*.ample.co",
    "api.example.com:8443",
    "http://api.example.com",
];
const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";

/// The same numbers in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        // An xorshift generator is random enough to choose the places of the cuts.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).expect("below the bound")
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from.get(self.below(from.len())).expect("below the length")
    }

    fn value(&mut self) -> String {
        let length = 1 + self.below(40);
        (0..length).map(|_| char::from(*ALPHABET.get(self.below(ALPHABET.len())).expect("below the length"))).collect()
    }

    /// A text as 1Password serves it: a comment, names with their hosts, in some order.
    fn text(&mut self) -> String {
        let mut lines = vec!["# Values of an environment, made for this test".to_owned()];
        for name in NAMES {
            let quote = self.pick(&["", "", "'", "\""]);
            let hosts: Vec<_> = (0..=self.below(3)).map(|_| self.pick(&HOSTS)).collect();
            let pair = [format!("{name}={quote}{}{quote}", self.value()), format!("{name}_HOSTS={}", hosts.join(","))];
            let at = self.below(lines.len()) + 1;
            lines.splice(at..at, pair);
        }
        lines.join("\n") + "\n"
    }

    fn piece(&mut self, text: &str) -> String {
        let [mut from, mut to] = [self.below(text.len()), self.below(text.len() + 1)];
        if from > to {
            std::mem::swap(&mut from, &mut to);
        }
        let (head, rest) = text.split_at(from);
        let tail = rest.split_at(to - from).1;
        match self.below(5) {
            0 => head.to_owned(),
            1 => tail.to_owned(),
            2 => format!("{head}{text}"),
            _ => format!("{head}{tail}"),
        }
    }
}

/// The destinations of all secrets of these tables.
fn destinations(tables: [&Table; 2]) -> Vec<Destination> {
    let entries: BTreeSet<String> = tables.iter().flat_map(|table| table.listed().entries()).collect();
    let destination = |entry: &String| {
        let (scheme, rest) = match entry.strip_prefix("http://") {
            Some(rest) => (Scheme::Http, rest),
            None => (Scheme::Https, entry.as_str()),
        };
        let host = rest.replace("*.", "x.");
        let target = if host.contains(':') { host } else { format!("{host}:{}", scheme.default_port()) };
        Destination::from_connect(&target).expect("a destination").with_scheme(scheme)
    };
    entries.iter().map(destination).collect()
}

/// The bytes that would be sent, if the request is permitted.
fn sent(
    table: &Table,
    before: Option<&TableFingerprint>,
    name: &str,
    destination: &Destination,
) -> Option<HeaderValue> {
    let mut headers = HeaderMap::new();
    headers.insert("x-api-key", HeaderValue::try_from(format!("{{{{{name}}}}}")).expect("legal"));
    let fields = Fields::scan(&headers).expect("a placeholder");
    let tables = Tables::default_only(table, before);
    let Verdict::Permit(permit) = judge(&tables, InjectionRequest { destination: destination.clone(), fields }) else {
        return None;
    };
    let _ = render(&tables, permit).ok()?.apply(&mut headers);
    headers.remove("x-api-key")
}

/// All permits of a table, and the number of those that the whole text would not give.
fn let_out(table: &Table, before: Option<&TableFingerprint>, whole: &Table) -> (usize, usize) {
    let (mut permitted, mut wrong) = (0, 0);
    for destination in &destinations([table, whole]) {
        for (name, _) in table.secrets() {
            if let Some(value) = sent(table, before, name.as_str(), destination) {
                permitted += 1;
                wrong += usize::from(sent(whole, None, name.as_str(), destination) != Some(value));
            }
        }
    }
    (permitted, wrong)
}

#[derive(Debug, Default)]
struct Tally {
    well_formed: usize,
    permitted: usize,
    /// Permits that would have been wrong if every tenth piece had counted at once.
    wrong_if_confirmed: usize,
}

#[test]
fn no_piece_permits_what_the_whole_text_does_not() {
    let (mut dice, mut tally) = (Dice(0x5eed), Tally::default());
    for _ in 0..TEXTS {
        let text = dice.text();
        let whole = Table::read(text.as_bytes()).expect("well-formed");
        let mut confirmer = Confirmer::default();
        let mut last = confirm(&mut confirmer, &text);
        for _ in 0..PIECES {
            let piece = dice.piece(&text);
            let Ok(table) = Table::read(piece.as_bytes()) else { continue };
            // Several pieces may come one after the other, but not two that say the same.
            if dice.below(2) == 0 || last.matches(&table) {
                confirm(&mut confirmer, &text);
            }
            last = TableFingerprint::of(&table);
            tally.well_formed += 1;
            if tally.well_formed.is_multiple_of(10) {
                tally.wrong_if_confirmed += let_out(&table, None, &whole).1;
            }
            let (permitted, wrong) = match confirmer.check(table, true, piece.ends_with('\n')) {
                Confidence::Confirmed { table, .. } => let_out(&table, None, &whole),
                Confidence::InCommon { table, before } => let_out(&table, Some(&before), &whole),
                Confidence::Unconfirmed | Confidence::Contradictory => (0, 0),
            };
            assert_eq!(wrong, 0, "{piece:?} of {text:?}");
            tally.permitted += permitted;
        }
    }
    assert!(tally.well_formed > 2_000 && tally.permitted > 10_000 && tally.wrong_if_confirmed > 100, "{tally:?}");
}

/// The whole text is confirmed at once, whatever pieces came before.
fn confirm(confirmer: &mut Confirmer, text: &str) -> TableFingerprint {
    let table = Table::read(text.as_bytes()).expect("well-formed");
    let fingerprint = TableFingerprint::of(&table);
    assert!(matches!(confirmer.check(table, true, true), Confidence::Confirmed { .. }));
    fingerprint
}
