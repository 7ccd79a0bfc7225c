//! What a table said, without its values: enough to tell whether the next read says the same.
//!
//! A pipe that two programs read gives each of them pieces of the text, and pieces can look like a
//! whole file in which a secret is paired with another's hosts. So a read that differs from the one
//! before is not believed until a second read agrees with it.

use std::collections::HashMap;
use std::hash::RandomState;

use crate::destination::allowlist::Allowlist;
use crate::destination::host::Destination;
use crate::secrets::secret::Name;
use crate::secrets::table::{BadHosts, BadValue, Secret, Table};

/// What a table said. A value leaves only 64 bits of a hash whose key is random and this process's own.
#[derive(Debug)]
pub struct Imprint {
    key: RandomState,
    secrets: HashMap<Name, Trace>,
}

#[derive(Debug)]
struct Trace {
    value: Result<u64, BadValue>,
    hosts: Result<Allowlist, BadHosts>,
}

impl Imprint {
    /// Takes the imprint of a table.
    pub fn of(table: &Table) -> Self {
        let key = RandomState::new();
        let trace = |secret: &Secret| Trace { value: hashed(&key, secret), hosts: secret.hosts.clone() };
        let secrets = table.by_name().iter().map(|(name, secret)| (name.clone(), trace(secret))).collect();
        Self { key, secrets }
    }

    /// Whether `table` gives every name the same value and the same hosts.
    pub fn is_of(&self, table: &Table) -> bool {
        let same = |(name, secret): (&Name, &Secret)| {
            self.trace_of(name.as_str(), secret).is_some_and(|trace| trace.hosts == secret.hosts)
        };
        self.secrets.len() == table.by_name().len() && table.by_name().iter().all(same)
    }

    /// Whether that table, too, let this very value go to `destination`.
    pub(crate) fn allowed(&self, name: &str, secret: &Secret, destination: &Destination) -> bool {
        let hosts = self.trace_of(name, secret).and_then(|trace| trace.hosts.as_ref().ok());
        hosts.is_some_and(|hosts| hosts.allows(destination))
    }

    /// What was said of `name`, if it had the same value.
    fn trace_of(&self, name: &str, secret: &Secret) -> Option<&Trace> {
        self.secrets.get(name).filter(|trace| trace.value == hashed(&self.key, secret))
    }
}

fn hashed(key: &RandomState, secret: &Secret) -> Result<u64, BadValue> {
    secret.value.as_ref().map(|value| value.hashed(key)).map_err(|bad| *bad)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http::{HeaderMap, HeaderValue};

    use super::*;
    use crate::verdict::judge::{Plea, Verdict, judge};
    use crate::verdict::refusal::Refusal;
    use crate::verdict::render::Fields;

    fn read(text: &str) -> Table {
        Table::read(text.as_bytes()).expect("well-formed")
    }

    #[test]
    fn tables_are_compared_by_what_they_say() {
        let imprint = Imprint::of(&read("A=1\nA_HOSTS=a.example,b.example\nB=2\n"));
        assert!(imprint.is_of(&read("# c\nB=2\nA_HOSTS=b.example, a.example\nA='1'\n")));
        for other in [
            "",
            "A=1\nA_HOSTS=a.example,b.example\n",
            "A=1\nA_HOSTS=a.example\nB=2\n",
            "A=9\nA_HOSTS=a.example,b.example\nB=2\n",
            "A=1\nA_HOSTS=a.example,b.example\nB=2\nB_HOSTS=b.example\n",
            "A=1\nA_HOSTS=a.example,b.example\nC=2\n",
            "A=1\nA_HOSTS=a.example,b.example\nB=\n",
        ] {
            assert!(!imprint.is_of(&read(other)), "{other}");
        }
    }

    fn permits(table: &Table, name: &str, host: &str) -> Result<(), Refusal> {
        let mut headers = HeaderMap::new();
        headers.insert("x-api-key", HeaderValue::try_from(format!("{{{{{name}}}}}")).expect("legal"));
        let destination = Destination::from_connect(&format!("{host}:443")).expect("a destination");
        match judge(table, Plea { destination, fields: Fields::scan(&headers).expect("a placeholder") }) {
            Verdict::Permit(_) => Ok(()),
            Verdict::Refuse(refusal) => Err(refusal),
        }
    }

    #[test]
    fn until_a_change_is_confirmed_only_what_both_tables_say_is_allowed() {
        let before = read("A=1\nA_HOSTS=a.example,b.example\nB=2\nB_HOSTS=b.example\nC=3\nC_HOSTS=*.c.example\n");
        let mut now = read(
            "A=1\nA_HOSTS=b.example,c.example\nB=9\nB_HOSTS=b.example\nC=3\nC_HOSTS=x.c.example,c.example\n\
             D=4\nD_HOSTS=d.example\n",
        );
        now.restrict_to(Arc::new(Imprint::of(&before)));
        for (name, host) in [("A", "b.example"), ("C", "x.c.example")] {
            assert_eq!(permits(&now, name, host), Ok(()), "{name} to {host}");
        }
        for (name, host) in [("A", "c.example"), ("B", "b.example"), ("C", "c.example"), ("D", "d.example")] {
            assert_eq!(permits(&now, name, host), Err(Refusal::Unconfirmed), "{name} to {host}");
        }
        assert!(permits(&now, "A", "a.example").is_err(), "what was narrowed is narrowed at once");
    }

    #[test]
    fn no_value_stands_in_it() {
        let imprint = Imprint::of(&read("A=s3cret-s3cret\nA_HOSTS=a.example\n"));
        assert!(!format!("{imprint:?}").contains("s3cret"));
    }
}
