//! What `check` says of a secrets file: the problems that make secrets unusable, and what is odd
//! although it can be used.
//!
//! What is public among suffixes is asked of the caller, so that the list of them is not part of
//! what runs beside the secrets.

mod hosts;
pub mod problem;
mod values;

use std::collections::HashSet;

pub use self::hosts::Odd;
pub use self::values::Look;
use crate::secrets::file::{self, Entry};
use crate::secrets::lint::problem::{Problem, Severity, What};
use crate::secrets::secret::Name;
use crate::secrets::table::{BadHosts, HOSTS_SUFFIX, Secret, Table};

/// Tells whether anybody can have a name below this one: `com`, `co.uk`, `github.io`.
pub type PublicSuffixes<'a> = &'a dyn Fn(&str) -> bool;

/// What is to be said of one secrets file. Its table may hold a value in the place of a host, so that
/// it has no `Debug`.
#[derive(Default)]
pub struct Lint {
    table: Table,
    problems: Vec<Problem>,
    /// Secrets whose lists may hold a value instead of hosts.
    hidden: HashSet<Name>,
}

/// The hosts of a secret, as far as they can be shown.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Hosts {
    /// All of them.
    Shown(Vec<String>),
    /// There is no `_HOSTS` line.
    Missing,
    /// An entry is wrong.
    Unreadable,
    /// An entry could be a value in the wrong line.
    Hidden,
}

impl Lint {
    /// Looks through the text of a secrets file.
    pub fn read(text: &[u8], public: PublicSuffixes<'_>) -> Self {
        match file::parse(text) {
            Ok(entries) => Self::of(&entries, public),
            Err(malformed) => Self { problems: vec![malformed.into()], ..Self::default() },
        }
    }

    /// All problems, in the order of the file, the worst of a line first.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Names and what belongs to them, in the order of the file; none if the file is malformed.
    pub fn secrets(&self) -> Vec<(&Name, &Secret)> {
        self.table.secrets()
    }

    /// The hosts of a secret, as far as they can be shown.
    pub fn hosts(&self, name: &Name) -> Hosts {
        match self.table.secret(name.as_str()).map(|secret| &secret.hosts) {
            Some(Ok(_)) if self.hidden.contains(name) => Hosts::Hidden,
            Some(Ok(hosts)) => Hosts::Shown(hosts.entries()),
            Some(Err(BadHosts::Entry)) => Hosts::Unreadable,
            Some(Err(BadHosts::Missing)) | None => Hosts::Missing,
        }
    }

    /// How many problems are that bad.
    pub fn count(&self, severity: Severity) -> usize {
        self.problems.iter().filter(|problem| problem.what.severity() == severity).count()
    }

    fn of(entries: &[Entry], public: PublicSuffixes<'_>) -> Self {
        let mut lint = Self { table: Table::from_entries(entries), ..Self::default() };
        lint.problems = lint.table.problems().iter().map(|problem| named_better(problem, entries)).collect();
        for (at, entry) in entries.iter().enumerate() {
            lint.look_at_name(entry, entries.get(..at).unwrap_or_default());
            if !is_list(&entry.name) {
                let hosts = entries.iter().find(|it| is_list_of(&it.name, &entry.name));
                lint.look_at_value(entry, hosts, public);
                hosts.into_iter().for_each(|hosts| lint.look_at_hosts(&entry.name, hosts, public));
            }
        }
        lint.problems.sort_by_key(|problem| (problem.line, problem.what.severity()));
        lint
    }

    fn look_at_name(&mut self, entry: &Entry, above: &[Entry]) {
        let alike = |it: &&Entry| it.name.as_str().eq_ignore_ascii_case(entry.name.as_str());
        if let Some(other) = above.iter().find(alike).filter(|other| !is_list(&entry.name) && !is_list(&other.name)) {
            self.complain(entry, What::DiffersInCase(other.line));
        }
        if let Some(line) = entry.repeated {
            self.complain(entry, What::Repeats(line));
        }
    }

    fn look_at_value(&mut self, entry: &Entry, hosts: Option<&Entry>, public: PublicSuffixes<'_>) {
        for look in values::looks(&entry.value.0, entry.quoting) {
            self.complain(entry, What::Looks(look));
        }
        let are_names = |it| hosts::are_internet_names(it, public);
        if hosts.is_some_and(|hosts| are_names(entry) && !are_names(hosts)) {
            self.complain(entry, What::Looks(Look::Hosts));
            self.hidden.insert(entry.name.clone());
        }
    }

    fn look_at_hosts(&mut self, owner: &Name, hosts: &Entry, public: PublicSuffixes<'_>) {
        let list = hosts::read(hosts).unwrap_or_default();
        for one in &list {
            match one.entry {
                Ok(_) => {
                    let odd = hosts::odd(one, &list, public).into_iter();
                    odd.for_each(|odd| self.complain(hosts, What::Odd(one.number, odd)));
                }
                Err(bad) => self.complain(hosts, What::Entry(one.number, bad)),
            }
        }
        if !list.iter().all(hosts::may_be_shown) {
            self.hidden.insert(owner.clone());
        }
    }

    /// The table has said the first wrong entry of a list already.
    fn complain(&mut self, entry: &Entry, what: What) {
        let problem = Problem { line: entry.line, name: Some(entry.name.clone()), what };
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }
}

fn is_list(name: &Name) -> bool {
    name.as_str().ends_with(HOSTS_SUFFIX)
}

fn is_list_of(list: &Name, owner: &Name) -> bool {
    list.as_str().strip_suffix(HOSTS_SUFFIX) == Some(owner.as_str())
}

/// Where hosts are missing, a name that is nearly right says why.
fn named_better(problem: &Problem, entries: &[Entry]) -> Problem {
    let mut problem = problem.clone();
    let Some(name) = problem.name.as_ref().filter(|_| problem.what == What::NoHosts) else { return problem };
    let is_taken = |list: &Entry| entries.iter().any(|it| is_list_of(&list.name, &it.name));
    let misnamed = entries.iter().find(|it| is_nearly_list_of(&it.name, name) && !is_taken(it));
    if let Some(list) = misnamed {
        problem.what = What::HostsMisnamed(list.line);
    } else if entries.iter().any(|it| is_nearly_list_of(name, &it.name)) {
        problem.what = What::NearlyHosts;
    }
    problem
}

/// `key_HOSTS`, `KEY_hosts` and `KEY_HOST` for `KEY`.
fn is_nearly_list_of(list: &Name, owner: &Name) -> bool {
    let list = list.as_str().to_ascii_uppercase();
    let rest = list.strip_prefix(&owner.as_str().to_ascii_uppercase()).map(str::to_owned);
    matches!(rest.as_deref(), Some("_HOST" | "_HOSTS"))
}

#[cfg(test)]
mod tests;
