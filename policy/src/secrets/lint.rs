//! The problems of a secrets file, as `check` reports them.
//!
//! Errors make secrets unusable; warnings and notes are about entries that can be used. The caller says
//! which suffixes are public, so that the list of them is not linked into the code beside the secrets.

mod hosts;
mod names;
mod problem;
mod severity;
mod values;

use std::collections::HashSet;

pub use self::hosts::{PublicSuffixes, SuspiciousEntry};
use self::names::{Names, is_companion};
pub use self::problem::{Problem, ProblemKind};
pub use self::severity::Severity;
pub use self::values::SuspiciousValue;
use crate::name::Name;
use crate::secrets::companions::{self, BadHosts};
use crate::secrets::file::{self, Entry};
use crate::secrets::table::{Secret, Table};

/// The problems of one secrets file. Its table may hold a value in the place of a host, so that it has
/// no `Debug`.
#[derive(Default)]
pub struct Lint {
    table: Table,
    problems: Vec<Problem>,
    /// The problems that are reported, by line.
    reported: HashSet<(usize, ProblemKind)>,
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
    /// Checks the text of a secrets file.
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

    /// All secrets with their names, in the order of the file; none if the file is malformed.
    pub fn secrets(&self) -> Vec<(&Name, &Secret)> {
        self.table.secrets()
    }

    /// The hosts of a secret, as far as they can be shown.
    pub fn hosts(&self, name: &Name) -> Hosts {
        match self.table.secret(name.as_str()).map(|secret| &secret.rules.hosts) {
            Some(Ok(_)) if self.hidden.contains(name) => Hosts::Hidden,
            Some(Ok(hosts)) => Hosts::Shown(hosts.entries()),
            Some(Err(BadHosts::Missing)) | None => Hosts::Missing,
            Some(Err(BadHosts::NotText | BadHosts::Entry(..))) => Hosts::Unreadable,
        }
    }

    /// How many problems have this severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.problems.iter().filter(|problem| problem.kind.severity() == severity).count()
    }

    fn of(entries: &[Entry], public: PublicSuffixes<'_>) -> Self {
        let (mut lint, names) = (Self { table: Table::from_entries(entries), ..Self::default() }, Names::of(entries));
        let faults: Vec<Problem> = lint.table.faults().iter().map(|fault| names.explained(fault.into())).collect();
        faults.into_iter().for_each(|fault| lint.add(fault));
        for entry in entries {
            lint.check_name(entry, &names);
            if !is_companion(&entry.name) {
                let hosts = names.hosts_of(&entry.name);
                lint.check_value(entry, hosts, public);
                hosts.into_iter().for_each(|hosts| lint.check_hosts(&entry.name, hosts, public));
            }
        }
        lint.problems.sort_by_key(|problem| (problem.line, problem.kind.severity()));
        lint
    }

    fn check_name(&mut self, entry: &Entry, names: &Names<'_>) {
        if let Some(line) = names.first_in_other_case(entry) {
            self.report(entry, ProblemKind::DiffersInCase(line));
        }
        if let Some(line) = entry.repeated {
            self.report(entry, ProblemKind::Repeats(line));
        }
    }

    fn check_value(&mut self, entry: &Entry, hosts: Option<&Entry>, public: PublicSuffixes<'_>) {
        for suspicion in values::suspicions(&entry.value, entry.quoting) {
            self.report(entry, ProblemKind::Value(suspicion));
        }
        let are_names = |it: &Entry| values::is_list_of_hosts(&it.value, public);
        if hosts.is_some_and(|hosts| are_names(entry) && !are_names(hosts)) {
            self.report(entry, ProblemKind::Value(SuspiciousValue::Hosts));
            self.hidden.insert(entry.name.clone());
        }
    }

    fn check_hosts(&mut self, secret: &Name, line: &Entry, public: PublicSuffixes<'_>) {
        let list = companions::text(line).map(hosts::read).unwrap_or_default();
        let index = hosts::Index::of(&list);
        for one in &list {
            match one.entry {
                Ok(_) => {
                    let suspicions = hosts::suspicions(one, &index, public).into_iter();
                    suspicions.for_each(|it| self.report(line, ProblemKind::Host(one.number, it)));
                }
                Err(bad) => self.report(line, ProblemKind::bad_host(one.number, bad)),
            }
        }
        if !list.iter().all(hosts::may_be_shown) {
            self.hidden.insert(secret.clone());
        }
    }

    fn report(&mut self, entry: &Entry, kind: ProblemKind) {
        self.add(Problem { line: entry.line, name: Some(entry.name.clone()), kind });
    }

    /// The table has reported the first wrong entry of a list already.
    fn add(&mut self, problem: Problem) {
        if self.reported.insert((problem.line, problem.kind)) {
            self.problems.push(problem);
        }
    }
}

#[cfg(test)]
mod tests;
