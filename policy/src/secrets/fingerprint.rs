//! A table without its values: enough to check whether the next read says the same.
//!
//! Two programs that read one pipe each get pieces of the text, and pieces can look like a whole file
//! in which a secret is paired with another's rules. So a read that differs from the last confirmed one
//! stays unconfirmed until a second read agrees with it.

use std::collections::HashMap;
use std::hash::RandomState;

use crate::destination::host::Destination;
use crate::name::Name;
use crate::secrets::companions::Rules;
use crate::secrets::secret::BadValue;
use crate::secrets::table::{Secret, Table};

/// What a table said. Of a value it keeps 64 bits of a hash, whose random key no other process has.
#[derive(Debug)]
pub struct TableFingerprint {
    key: RandomState,
    secrets: HashMap<Name, SecretFingerprint>,
}

#[derive(Debug)]
struct SecretFingerprint {
    value: Result<u64, BadValue>,
    rules: Rules,
}

impl TableFingerprint {
    /// Takes the fingerprint of a table.
    pub fn of(table: &Table) -> Self {
        let key = RandomState::new();
        let of = |secret: &Secret| SecretFingerprint { value: hashed(&key, secret), rules: secret.rules.clone() };
        let secrets = table.by_name().iter().map(|(name, secret)| (name.clone(), of(secret))).collect();
        Self { key, secrets }
    }

    /// Whether `table` gives every name the same value and the same rules.
    pub fn matches(&self, table: &Table) -> bool {
        let is_same = |(name, secret): (&Name, &Secret)| {
            self.same_value(name.as_str(), secret).is_some_and(|known| known.rules == secret.rules)
        };
        self.secrets.len() == table.by_name().len() && table.by_name().iter().all(is_same)
    }

    /// Whether that table, too, let this very value go to `destination`.
    pub(crate) fn allows(&self, name: &str, secret: &Secret, destination: &Destination) -> bool {
        self.same_value(name, secret).is_some_and(|known| known.rules.allow(destination))
    }

    /// The fingerprint under `name`, if it is one of the same value.
    fn same_value(&self, name: &str, secret: &Secret) -> Option<&SecretFingerprint> {
        self.secrets.get(name).filter(|known| known.value == hashed(&self.key, secret))
    }
}

fn hashed(key: &RandomState, secret: &Secret) -> Result<u64, BadValue> {
    secret.value.as_ref().map(|value| value.hashed(key)).map_err(|bad| *bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Table {
        Table::read(text.as_bytes()).expect("well-formed")
    }

    #[test]
    fn tables_are_compared_by_what_they_say() {
        let fingerprint = TableFingerprint::of(&read("A=1\nA_HOSTS=a.example,b.example\nB=2\n"));
        assert!(fingerprint.matches(&read("# c\nB=2\nA_HOSTS=b.example, a.example\nA='1'\n")));
        for other in [
            "",
            "A=1\nA_HOSTS=a.example,b.example\n",
            "A=1\nA_HOSTS=a.example\nB=2\n",
            "A=9\nA_HOSTS=a.example,b.example\nB=2\n",
            "A=1\nA_HOSTS=a.example,b.example\nB=2\nB_HOSTS=b.example\n",
            "A=1\nA_HOSTS=a.example,b.example\nC=2\n",
            "A=1\nA_HOSTS=a.example,b.example\nB=\n",
        ] {
            assert!(!fingerprint.matches(&read(other)), "{other}");
        }
    }

    #[test]
    fn no_value_stands_in_it() {
        let fingerprint = TableFingerprint::of(&read("A=s3cret-s3cret\nA_HOSTS=a.example\n"));
        assert!(!format!("{fingerprint:?}").contains("s3cret"));
    }
}
