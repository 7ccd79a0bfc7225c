//! The names of a file, found by what they nearly are.
//!
//! A file may have a hundred thousand of them, so that each is looked up and none is compared with all others.

use std::collections::HashMap;
use std::collections::hash_map::Entry::Vacant;

use super::problem::{Problem, ProblemKind};
use crate::name::Name;
use crate::secrets::companions::{BadHosts, BadRule, Companion};
use crate::secrets::file::Entry;
use crate::secrets::table::FaultKind;

/// Suffixes of a list of hosts, right and nearly right, in capitals.
const NEARLY_HOSTS: [&str; 2] = ["_HOST", "_HOSTS"];

#[derive(Default)]
pub(super) struct Names<'a> {
    by_name: HashMap<&'a str, &'a Entry>,
    /// All names in capitals, and the line of the first secret among those.
    in_capitals: HashMap<String, Option<usize>>,
    /// By a secret's name in capitals: the first line that is nearly its list of hosts, and no other secret's list.
    misnamed: HashMap<String, usize>,
}

impl<'a> Names<'a> {
    pub(super) fn of(entries: &'a [Entry]) -> Self {
        let by_name: HashMap<_, _> = entries.iter().map(|entry| (entry.name.as_str(), entry)).collect();
        let mut names = Self { by_name, ..Self::default() };
        entries.iter().for_each(|entry| names.add(entry));
        names
    }

    fn add(&mut self, entry: &Entry) {
        let (name, capitals) = (entry.name.as_str(), entry.name.as_str().to_ascii_uppercase());
        let is_taken = name.strip_suffix(Companion::Hosts.suffix()).is_some_and(|it| self.by_name.contains_key(it));
        if let Some(owner) = owner(&capitals).filter(|_| !is_taken)
            && let Vacant(vacant) = self.misnamed.entry(owner.to_owned())
        {
            vacant.insert(entry.line);
        }
        let secret = (!is_companion(&entry.name)).then_some(entry.line);
        let first = self.in_capitals.entry(capitals).or_insert(secret);
        *first = first.or(secret);
    }

    /// The line with the hosts of a secret.
    pub(super) fn hosts_of(&self, secret: &Name) -> Option<&'a Entry> {
        self.by_name.get(Companion::Hosts.name_beside(secret).as_str()).copied()
    }

    /// The line of the first secret above whose name differs from this secret's in letter case only.
    pub(super) fn first_in_other_case(&self, entry: &Entry) -> Option<usize> {
        let first = self.in_capitals.get(&entry.name.as_str().to_ascii_uppercase()).copied().flatten();
        first.filter(|line| *line < entry.line && !is_companion(&entry.name))
    }

    /// Where hosts are missing, a name that is nearly right explains it: `key_HOSTS`, `KEY_hosts` or `KEY_HOST`.
    pub(super) fn explained(&self, mut problem: Problem) -> Problem {
        let no_hosts = ProblemKind::Fault(FaultKind::Rule(BadRule::Hosts(BadHosts::Missing)));
        let Some(name) = problem.name.as_ref().filter(|_| problem.kind == no_hosts) else { return problem };
        let capitals = name.as_str().to_ascii_uppercase();
        if let Some(line) = self.misnamed.get(&capitals) {
            problem.kind = ProblemKind::HostsMisnamed(*line);
        } else if owner(&capitals).is_some_and(|owner| self.in_capitals.contains_key(owner)) {
            problem.kind = ProblemKind::NearlyHosts;
        }
        problem
    }
}

/// The secret whose list of hosts this name nearly is.
fn owner(capitals: &str) -> Option<&str> {
    NEARLY_HOSTS.iter().find_map(|suffix| capitals.strip_suffix(suffix))
}

/// Whether the line belongs to another one.
pub(super) fn is_companion(name: &Name) -> bool {
    Companion::owner(name.as_str()).is_some()
}
