//! The verdict on a request: permit or refusal.

use std::hint::black_box;

use crate::destination::host::Destination;
use crate::name::{self, QualifiedName};
use crate::request::fields::Fields;
use crate::verdict::refusal::Refusal;
use crate::verdict::tables::{Found, InForce, MatchedTable, MatchedTables, Tables};

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

    /// Judges the same request by the tables in force.
    pub(crate) fn judge_again(self, tables: &Tables<'_>) -> Verdict {
        judge(tables, self.0)
    }

    /// The words for the namespaces whose secrets it fills in.
    pub fn namespaces(&self) -> Vec<Option<&str>> {
        self.0.fields.namespaces()
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
/// Every name is judged, whatever was found before, and each once, so that the time taken does not reveal the
/// cause: a client may name one 32 times, in a hundred requests at a time, and ask for a host of 127 labels.
pub fn judge(tables: &Tables<'_>, request: InjectionRequest) -> Verdict {
    let tables = tables.matched(&request.destination);
    let mut first: Option<Refusal> = request.fields.too_many().then_some(Refusal::TooMany);
    for name in request.fields.distinct() {
        let refusal = refuse(&tables, name, &request.destination);
        first = first.or(refusal);
    }
    match first {
        Some(refusal) => Verdict::Refuse(refusal),
        None => Verdict::Permit(Permit(request)),
    }
}

fn refuse(tables: &MatchedTables<'_, '_>, text: &str, destination: &Destination) -> Option<Refusal> {
    // A refusal refuses even if its name could not be shown.
    let of_name =
        |refusal: fn(QualifiedName) -> Refusal| QualifiedName::parse(text.as_bytes()).map_or(Refusal::Locked, refusal);
    let (searched, found) = tables.find(text);
    let MatchedTable { in_force: InForce { table, before, .. }, wildcards } = searched;
    let secret = match found {
        Found::Secret(secret) => secret,
        Found::NoSecret | Found::NoNamespace => {
            // An unknown name takes as long as a known one.
            black_box(table.listed().allows_by(destination, wildcards));
            let is_unknown = matches!(found, Found::NoNamespace);
            return Some(of_name(if is_unknown { Refusal::NamespaceNotFound } else { Refusal::SecretNotFound }));
        }
    };
    let denied = secret.rules.check(destination, wildcards).err();
    let by_rules = denied.map(|denial| match QualifiedName::parse(text.as_bytes()) {
        Some(name) => Refusal::by_rules(denial, name, destination),
        None => Refusal::Locked,
    });
    let by_value = secret.value.as_ref().err().map(|_| of_name(Refusal::BadValue));
    let is_confirmed = before.is_none_or(|before| before.allows(name::split(text).1, secret, destination));
    by_rules.or(by_value).or((!is_confirmed).then_some(Refusal::Unconfirmed))
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};

    use super::*;
    use crate::name::Namespace;
    use crate::secrets::fingerprint::TableFingerprint;
    use crate::secrets::table::Table;

    fn read(text: &str) -> Table {
        Table::read(text.as_bytes()).expect("well-formed")
    }

    fn permits(tables: &Tables<'_>, name: &str, host: &str) -> Result<(), Refusal> {
        let mut headers = HeaderMap::new();
        headers.insert("x-api-key", HeaderValue::try_from(format!("{{{{{name}}}}}")).expect("legal"));
        let destination = Destination::from_connect(&format!("{host}:443")).expect("a destination");
        let fields = Fields::scan(&headers).expect("a placeholder");
        match judge(tables, InjectionRequest { destination, fields }) {
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
        let tables = Tables::default_only(&now, Some(&before));
        for (name, host) in [("A", "b.example"), ("C", "x.c.example")] {
            assert_eq!(permits(&tables, name, host), Ok(()), "{name} to {host}");
        }
        for (name, host) in [("A", "c.example"), ("B", "b.example"), ("C", "c.example"), ("D", "d.example")] {
            assert_eq!(permits(&tables, name, host), Err(Refusal::Unconfirmed), "{name} to {host}");
        }
        assert!(permits(&tables, "A", "a.example").is_err(), "what was narrowed is narrowed at once");
    }

    #[test]
    fn a_name_is_looked_up_in_its_own_namespace_only() {
        let (default, work) =
            (read("A=1\nA_HOSTS=a.example\n"), read("A=2\nA_HOSTS=b.example\nB=3\nB_HOSTS=b.example\n"));
        let namespace = Namespace::parse(b"work").expect("a namespace");
        let of_work = InForce { namespace: &namespace, table: &work, before: None };
        let of_default = InForce { namespace: &Namespace::DEFAULT, table: &default, before: None };
        let both = Tables::new([of_default, of_work]).expect("two");
        for (name, host) in
            [("A", "a.example"), ("default:A", "a.example"), ("work:A", "b.example"), ("work:B", "b.example")]
        {
            assert_eq!(permits(&both, name, host), Ok(()), "{name} to {host}");
        }
        for (name, host, reason) in [
            ("A", "b.example", "Host 'b.example' not allowed for A"),
            ("work:A", "a.example", "Host 'a.example' not allowed for work:A"),
            ("B", "b.example", "Secret not found: B"),
            ("work:C", "b.example", "Secret not found: work:C"),
            ("home:A", "a.example", "Namespace not found: home (for home:A)"),
            ("WORK:A", "b.example", "Namespace not found: WORK (for WORK:A)"),
        ] {
            assert_eq!(permits(&both, name, host).map_err(|refusal| refusal.to_string()), Err(reason.to_owned()));
        }
        assert!(
            permits(&Tables::new([of_work]).expect("one"), "A", "a.example").is_err(),
            "a table stands in for no other one"
        );
    }
}
