//! The verdict on a request: permit or refusal.

use std::hint::black_box;

use crate::destination::host::Destination;
use crate::name::Name;
use crate::request::fields::Fields;
use crate::secrets::fingerprint::TableFingerprint;
use crate::secrets::table::Table;
use crate::verdict::refusal::Refusal;

/// A request for values in these fields, to be sent to this destination.
#[derive(Clone, Debug)]
pub struct InjectionRequest {
    /// Where the values would go.
    pub destination: Destination,
    /// The fields that would be filled.
    pub fields: Fields,
}

/// A permitted request. It holds the very fields and destination that were judged, so that it cannot
/// render others; only [`judge`] makes one.
#[derive(Debug)]
pub struct Permit(InjectionRequest);

impl Permit {
    /// Where the values may go.
    pub fn destination(&self) -> &Destination {
        &self.0.destination
    }

    pub(crate) fn fields(&self) -> &Fields {
        &self.0.fields
    }

    /// Judges the same request by the table in force.
    pub(crate) fn judge_again(self, table: &Table, before: Option<&TableFingerprint>) -> Verdict {
        judge(table, before, self.0)
    }
}

/// The outcome.
#[must_use]
#[derive(Debug)]
pub enum Verdict {
    /// Every placeholder may be filled.
    Permit(Permit),
    /// At least one may not: then none is.
    Refuse(Refusal),
}

/// Judges all placeholders of a request together.
///
/// While a table is unconfirmed, `before` is the last confirmed one: a value is permitted only where both
/// tables allow it.
///
/// Every name is judged, whatever was found before, and each once, so that the time taken does not reveal the
/// cause: a client may name one 32 times, in a hundred requests at a time, and ask for a host of 127 labels.
pub fn judge(table: &Table, before: Option<&TableFingerprint>, request: InjectionRequest) -> Verdict {
    let wildcards = table.listed().matching_wildcards(&request.destination);
    let mut first: Option<Refusal> = request.fields.too_many().then_some(Refusal::TooMany);
    for name in request.fields.distinct() {
        let refusal = refuse(table, before, name, &request.destination, &wildcards);
        first = first.or(refusal);
    }
    match first {
        Some(refusal) => Verdict::Refuse(refusal),
        None => Verdict::Permit(Permit(request)),
    }
}

fn refuse(
    table: &Table,
    before: Option<&TableFingerprint>,
    text: &str,
    destination: &Destination,
    wildcards: &[&str],
) -> Option<Refusal> {
    let name = || Name::parse(text.as_bytes());
    let Some(secret) = table.secret(text) else {
        // An unknown name takes as long as a known one.
        black_box(table.listed().allows_by(destination, wildcards));
        return Some(name().map_or(Refusal::Locked, Refusal::SecretNotFound));
    };
    let denied = secret.rules.check(destination, wildcards).err();
    // A denial refuses even if its name could not be shown.
    let by_rules =
        denied.map(|denial| name().map_or(Refusal::Locked, |name| Refusal::by_rules(denial, name, destination)));
    let by_value = secret.value.as_ref().err().map(|_| name().map_or(Refusal::Locked, Refusal::BadValue));
    let is_confirmed = before.is_none_or(|before| before.allows(text, secret, destination));
    by_rules.or(by_value).or((!is_confirmed).then_some(Refusal::Unconfirmed))
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};

    use super::*;

    fn read(text: &str) -> Table {
        Table::read(text.as_bytes()).expect("well-formed")
    }

    fn permits(table: &Table, before: &TableFingerprint, name: &str, host: &str) -> Result<(), Refusal> {
        let mut headers = HeaderMap::new();
        headers.insert("x-api-key", HeaderValue::try_from(format!("{{{{{name}}}}}")).expect("legal"));
        let destination = Destination::from_connect(&format!("{host}:443")).expect("a destination");
        let fields = Fields::scan(&headers).expect("a placeholder");
        match judge(table, Some(before), InjectionRequest { destination, fields }) {
            Verdict::Permit(_) => Ok(()),
            Verdict::Refuse(refusal) => Err(refusal),
        }
    }

    #[test]
    fn until_a_change_is_confirmed_only_what_both_tables_say_is_allowed() {
        let before = read("A=1\nA_HOSTS=a.example,b.example\nB=2\nB_HOSTS=b.example\nC=3\nC_HOSTS=*.c.example\n");
        let now = read(
            "A=1\nA_HOSTS=b.example,c.example\nB=9\nB_HOSTS=b.example\nC=3\nC_HOSTS=x.c.example,c.example\n\
             D=4\nD_HOSTS=d.example\n",
        );
        let before = TableFingerprint::of(&before);
        for (name, host) in [("A", "b.example"), ("C", "x.c.example")] {
            assert_eq!(permits(&now, &before, name, host), Ok(()), "{name} to {host}");
        }
        for (name, host) in [("A", "c.example"), ("B", "b.example"), ("C", "c.example"), ("D", "d.example")] {
            assert_eq!(permits(&now, &before, name, host), Err(Refusal::Unconfirmed), "{name} to {host}");
        }
        assert!(permits(&now, &before, "A", "a.example").is_err(), "what was narrowed is narrowed at once");
    }
}
