//! Names, values and allowlists, as one read of the mount gives them.

use std::collections::HashMap;
use std::sync::Arc;

use crate::destination::allowlist::Allowlist;
use crate::destination::host::Destination;
use crate::secrets::file::{self, Entry, Malformed};
use crate::secrets::fingerprint::Imprint;
use crate::secrets::lint::problem::{Problem, What};
use crate::secrets::secret::{Name, SecretValue};

/// What the name of an allowlist ends in; such a name is never a secret's.
pub const HOSTS_SUFFIX: &str = "_HOSTS";

/// The longest value, in bytes: larger than any token, and what bounds the growth of a request.
pub const VALUE_BYTES_MAX: usize = 16 * 1024;

/// Everything that one read of the mount says.
#[derive(Debug, Default)]
pub struct Table {
    secrets: HashMap<Name, Secret>,
    problems: Vec<Problem>,
    /// Every destination that some secret may go to.
    listed: Arc<Allowlist>,
    /// The last table that was believed, while this one is not.
    before: Option<Arc<Imprint>>,
}

/// A secret as far as it can be used.
#[derive(Debug)]
pub struct Secret {
    /// The line that it stands on, from 1.
    pub line: usize,
    /// The value, if it can stand in a header.
    pub value: Result<SecretValue, BadValue>,
    /// Where it may go, or why that is not known.
    pub hosts: Result<Allowlist, BadHosts>,
}

impl Secret {
    /// Whether it can be sent anywhere.
    pub fn is_usable(&self) -> bool {
        self.value.is_ok() && self.hosts.is_ok()
    }
}

/// Why a value is never injected.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BadValue {
    /// Nothing after `=`.
    #[error("the value is empty")]
    Empty,
    /// Longer than [`VALUE_BYTES_MAX`].
    #[error("the value is longer than {VALUE_BYTES_MAX} bytes")]
    TooLong,
    /// CR, LF, NUL or another control character.
    #[error("the value holds a control character, which no header may")]
    Control,
}

impl BadValue {
    /// What to do about it.
    pub const fn fix(self) -> &'static str {
        match self {
            Self::Empty => "write the value after '='",
            Self::TooLong => "put the token itself here, not a whole file",
            Self::Control => "write it on one line, without escapes or invisible characters",
        }
    }
}

/// Why the allowlist of a secret cannot be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum BadHosts {
    /// There is no `_HOSTS` line.
    Missing,
    /// The line is not text, or one of its entries is wrong.
    Entry,
}

impl Table {
    /// Reads the text of the mount.
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

    /// Names and what belongs to them, in the order of the file.
    pub fn secrets(&self) -> Vec<(&Name, &Secret)> {
        let mut secrets: Vec<_> = self.secrets.iter().collect();
        secrets.sort_by_key(|(_, secret)| secret.line);
        secrets
    }

    /// Every destination that some secret may go to.
    pub fn listed(&self) -> &Arc<Allowlist> {
        &self.listed
    }

    /// From now on allows only what that earlier table allowed, too: this one is not confirmed yet.
    pub fn restrict_to(&mut self, before: Arc<Imprint>) {
        self.before = Some(before);
    }

    /// Whether it allows less than it says.
    pub fn is_restricted(&self) -> bool {
        self.before.is_some()
    }

    /// Whether a restriction, if there is one, lets the secret go there.
    pub(crate) fn is_confirmed(&self, name: &str, secret: &Secret, destination: &Destination) -> bool {
        self.before.as_ref().is_none_or(|before| before.allowed(name, secret, destination))
    }

    pub(crate) fn by_name(&self) -> &HashMap<Name, Secret> {
        &self.secrets
    }

    /// What keeps entries from being used, in the order of the file.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    pub(crate) fn from_entries(entries: &[Entry]) -> Self {
        let mut table = Self::default();
        let by_name: HashMap<&str, &Entry> = entries.iter().map(|entry| (entry.name.as_str(), entry)).collect();
        for entry in entries {
            match entry.name.as_str().strip_suffix(HOSTS_SUFFIX) {
                Some(owner) if owner.ends_with(HOSTS_SUFFIX) => table.complain(entry, What::HostsOfHosts),
                Some(owner) if by_name.contains_key(owner) => {}
                Some(_) => table.complain(entry, What::NoSecret),
                None => table.add(entry, by_name.get(format!("{}{HOSTS_SUFFIX}", entry.name).as_str()).copied()),
            }
        }
        table.problems.sort_by_key(|problem| problem.line);
        let mut listed = Allowlist::default();
        table.secrets.values().filter_map(|secret| secret.hosts.as_ref().ok()).for_each(|hosts| listed.extend(hosts));
        table.listed = Arc::new(listed);
        table
    }

    fn add(&mut self, entry: &Entry, hosts: Option<&Entry>) {
        let value = usable(entry);
        if let Err(bad) = value {
            self.complain(entry, What::Value(bad));
        }
        let hosts = if let Some(hosts) = hosts {
            read_hosts(hosts).map_err(|what| {
                self.complain(hosts, what);
                BadHosts::Entry
            })
        } else {
            self.complain(entry, What::NoHosts);
            Err(BadHosts::Missing)
        };
        self.secrets.insert(entry.name.clone(), Secret { line: entry.line, value, hosts });
    }

    fn complain(&mut self, entry: &Entry, what: What) {
        self.problems.push(Problem { line: entry.line, name: Some(entry.name.clone()), what });
    }
}

fn read_hosts(hosts: &Entry) -> Result<Allowlist, What> {
    let text = std::str::from_utf8(&hosts.value.0).map_err(|_| What::HostsNotText)?;
    Allowlist::parse(text).map_err(|(at, bad)| What::Entry(at, bad))
}

fn usable(entry: &Entry) -> Result<SecretValue, BadValue> {
    let value = SecretValue::new(&entry.value.0);
    if value.is_empty() {
        return Err(BadValue::Empty);
    }
    if value.len() > VALUE_BYTES_MAX {
        return Err(BadValue::TooLong);
    }
    // What a field value may hold (RFC 9110, section 5.5): visible characters, space, tab, obs-text.
    let legal = |byte: &u8| matches!(byte, b'\t' | 0x20..=0x7e | 0x80..=0xff);
    if value.expose().iter().all(legal) { Ok(value) } else { Err(BadValue::Control) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::destination::allowlist::BadEntry;

    #[test]
    fn problems_name_lines_and_keys_but_no_value() {
        let text = "A=s3cret\nB=s3cret\nB_HOSTS=*.com\nC_HOSTS=c.example\nD=\nD_HOSTS=d.example\n\
                    E=\"s3cret\\n\"\nE_HOSTS=e.example,,\nF=s3cret\nF_HOSTS=f.example\n";
        let table = Table::read(text.as_bytes()).expect("well-formed");
        let problems: Vec<_> = table.problems().iter().map(|it| (it.line, it.name.as_ref(), it.what)).collect();
        let name = |text: &str| Name::parse(text.as_bytes());
        assert_eq!(
            problems,
            [
                (1, name("A").as_ref(), What::NoHosts),
                (3, name("B_HOSTS").as_ref(), What::Entry(1, BadEntry::WildcardTooWide)),
                (4, name("C_HOSTS").as_ref(), What::NoSecret),
                (5, name("D").as_ref(), What::Value(BadValue::Empty)),
                (7, name("E").as_ref(), What::Value(BadValue::Control)),
                (8, name("E_HOSTS").as_ref(), What::Entry(2, BadEntry::Empty)),
            ]
        );
        assert!(!format!("{table:?}").contains("s3cret"));
    }

    #[test]
    fn a_list_of_hosts_is_never_a_secret() {
        let table = Table::read(b"A=1\nA_HOSTS=a.example\nA_HOSTS_HOSTS=b.example\n").expect("well-formed");
        assert!(table.secret("A").is_some());
        assert!(table.secret("A_HOSTS").is_none());
        assert!(table.secret("A_HOSTS_HOSTS").is_none());
    }
}
