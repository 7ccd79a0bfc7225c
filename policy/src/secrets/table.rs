//! Names, values and rules of one read of a source.

use std::collections::HashMap;
use std::sync::Arc;

use crate::destination::allowlist::Allowlist;
use crate::name::Name;
use crate::secrets::companions::{BadRule, Companion, Rules};
use crate::secrets::file::{self, Entry, Malformed};
use crate::secrets::secret::{BadValue, SecretValue};

/// Everything that one read of a source says.
#[derive(Debug, Default)]
pub struct Table {
    secrets: HashMap<Name, Secret>,
    faults: Vec<Fault>,
    /// Every destination that some secret may go to.
    listed: Arc<Allowlist>,
}

/// A secret, as far as it can be used.
#[derive(Debug)]
pub struct Secret {
    /// The line of its value, from 1.
    pub line: usize,
    /// The value, if it can stand in a header.
    pub value: Result<SecretValue, BadValue>,
    /// What its companion lines say.
    pub rules: Rules,
}

impl Secret {
    /// Whether it can be sent anywhere.
    pub fn is_usable(&self) -> bool {
        self.value.is_ok() && self.rules.faults().next().is_none()
    }
}

/// An entry that cannot be used.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fault {
    /// The line, from 1.
    pub line: usize,
    /// The name on that line.
    pub name: Name,
    /// What is wrong.
    pub kind: FaultKind,
}

/// What is wrong with an entry.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum FaultKind {
    /// No header may hold the value.
    Value(BadValue),
    /// A companion line of a secret is missing or cannot be read.
    Rule(BadRule),
    /// A companion line without its secret.
    NoSecret,
    /// A companion line of another companion line.
    CompanionOfCompanion,
}

impl Table {
    /// Reads the text of a source.
    ///
    /// # Errors
    /// The first malformed line: nothing of the text may be used.
    pub fn read(text: &[u8]) -> Result<Self, Malformed> {
        Ok(Self::from_entries(&file::parse(text)?))
    }

    /// The secret of that name, usable or not.
    pub fn secret(&self, name: &str) -> Option<&Secret> {
        self.secrets.get(name)
    }

    /// All secrets with their names, in the order of the file.
    pub fn secrets(&self) -> Vec<(&Name, &Secret)> {
        let mut secrets: Vec<_> = self.secrets.iter().collect();
        secrets.sort_by_key(|(_, secret)| secret.line);
        secrets
    }

    /// All secrets with their names, in no order.
    pub(crate) fn by_name(&self) -> &HashMap<Name, Secret> {
        &self.secrets
    }

    /// Every destination that some secret may go to.
    pub fn listed(&self) -> &Arc<Allowlist> {
        &self.listed
    }

    /// The entries that cannot be used, in the order of the file.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    pub(crate) fn from_entries(entries: &[Entry]) -> Self {
        let mut table = Self::default();
        let by_name: HashMap<&str, &Entry> = entries.iter().map(|entry| (entry.name.as_str(), entry)).collect();
        for entry in entries {
            match Companion::owner(entry.name.as_str()) {
                Some(owner) if Companion::owner(owner).is_some() => table.fault(entry, FaultKind::CompanionOfCompanion),
                Some(owner) if by_name.contains_key(owner) => {}
                Some(_) => table.fault(entry, FaultKind::NoSecret),
                None => table.add(entry, &by_name),
            }
        }
        table.faults.sort_by_key(|fault| fault.line);
        table.listed = Arc::new(union(table.secrets.values()));
        table
    }

    fn add(&mut self, entry: &Entry, by_name: &HashMap<&str, &Entry>) {
        let line_of = |companion: Companion| by_name.get(companion.name_beside(&entry.name).as_str()).copied();
        let value = entry.value.to_injectable();
        if let Err(bad) = value {
            self.fault(entry, FaultKind::Value(bad));
        }
        let rules = Rules::read(line_of);
        for (companion, bad) in rules.faults() {
            // A line that is missing is the secret's own fault.
            self.fault(line_of(companion).unwrap_or(entry), FaultKind::Rule(bad));
        }
        self.secrets.insert(entry.name.clone(), Secret { line: entry.line, value, rules });
    }

    fn fault(&mut self, entry: &Entry, kind: FaultKind) {
        self.faults.push(Fault { line: entry.line, name: entry.name.clone(), kind });
    }
}

/// Everything that the lists of these secrets allow.
fn union<'a>(secrets: impl Iterator<Item = &'a Secret>) -> Allowlist {
    let mut union = Allowlist::default();
    secrets.filter_map(|secret| secret.rules.hosts.as_ref().ok()).for_each(|hosts| union.extend(hosts));
    union
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::destination::allowlist::BadEntry;
    use crate::secrets::companions::BadHosts;

    #[test]
    fn faults_name_lines_and_keys_but_no_value() {
        let text = "A=s3cret\nB=s3cret\nB_HOSTS=*.com\nC_HOSTS=c.example\nD=\nD_HOSTS=d.example\n\
                    E=\"s3cret\\n\"\nE_HOSTS=e.example,,\nF=s3cret\nF_HOSTS=f.example\n";
        let table = Table::read(text.as_bytes()).expect("well-formed");
        let faults: Vec<_> = table.faults().iter().map(|it| (it.line, it.name.as_str(), it.kind)).collect();
        assert_eq!(
            faults,
            [
                (1, "A", FaultKind::Rule(BadRule::Hosts(BadHosts::Missing))),
                (3, "B_HOSTS", FaultKind::Rule(BadRule::Hosts(BadHosts::Entry(1, BadEntry::WildcardTooWide)))),
                (4, "C_HOSTS", FaultKind::NoSecret),
                (5, "D", FaultKind::Value(BadValue::Empty)),
                (7, "E", FaultKind::Value(BadValue::Control)),
                (8, "E_HOSTS", FaultKind::Rule(BadRule::Hosts(BadHosts::Entry(2, BadEntry::Empty)))),
            ]
        );
        assert!(!format!("{table:?}").contains("s3cret"));
    }

    #[test]
    fn a_companion_line_is_never_a_secret() {
        let table = Table::read(b"A=1\nA_HOSTS=a.example\nA_HOSTS_HOSTS=b.example\n").expect("well-formed");
        assert!(table.secret("A").is_some());
        assert!(table.secret("A_HOSTS").is_none());
        assert!(table.secret("A_HOSTS_HOSTS").is_none());
    }
}
