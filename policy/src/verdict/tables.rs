//! The tables that a request is judged by: one for each namespace that it names.

use crate::destination::host::Destination;
use crate::name::{self, Namespace};
use crate::secrets::fingerprint::TableFingerprint;
use crate::secrets::secret::SecretValue;
use crate::secrets::table::{Secret, Table};

/// A table in force.
#[derive(Clone, Copy, Debug)]
pub struct InForce<'a> {
    /// The namespace whose secrets it holds.
    pub namespace: &'a Namespace,
    /// The table.
    pub table: &'a Table,
    /// While the table is unconfirmed, the last confirmed one: a value is permitted only where both allow it.
    pub before: Option<&'a TableFingerprint>,
}

/// The tables in force.
///
/// A namespace that is not among them does not exist for the request. Its names are looked up in the first table,
/// which takes as long as a name that is not there.
#[derive(Clone, Debug)]
pub struct Tables<'a> {
    first: InForce<'a>,
    others: Vec<InForce<'a>>,
}

impl<'a> Tables<'a> {
    /// These tables, of different namespaces; `None` if there is none.
    pub fn new(in_force: impl IntoIterator<Item = InForce<'a>>) -> Option<Self> {
        let mut in_force = in_force.into_iter();
        Some(Self { first: in_force.next()?, others: in_force.collect() })
    }

    /// The table of the default namespace alone.
    pub fn default_only(table: &'a Table, before: Option<&'a TableFingerprint>) -> Self {
        Self { first: InForce { namespace: &Namespace::DEFAULT, table, before }, others: Vec::new() }
    }

    fn iter(&self) -> impl Iterator<Item = &InForce<'a>> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// Whether some table allows only what an earlier one did.
    pub fn are_restricted(&self) -> bool {
        self.iter().any(|in_force| in_force.before.is_some())
    }

    /// The value of a placeholder's name, if it can be used.
    pub(crate) fn value(&self, qualified: &str) -> Option<&'a SecretValue> {
        let (namespace, name) = name::split(qualified);
        let in_force = self.iter().find(|in_force| in_force.namespace.is(namespace))?;
        in_force.table.secret(name)?.value.as_ref().ok()
    }

    /// Looks the labels of the destination up, once for each table.
    pub(crate) fn matched<'d>(&self, destination: &'d Destination) -> MatchedTables<'a, 'd> {
        let matched = |in_force: &InForce<'a>| MatchedTable {
            in_force: *in_force,
            wildcards: in_force.table.listed().matching_wildcards(destination),
        };
        MatchedTables { first: matched(&self.first), others: self.others.iter().map(matched).collect() }
    }
}

/// The tables, each with the wildcards in it that match the destination.
#[derive(Debug)]
pub(crate) struct MatchedTables<'a, 'd> {
    first: MatchedTable<'a, 'd>,
    others: Vec<MatchedTable<'a, 'd>>,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct MatchedTable<'a, 'd> {
    pub(crate) in_force: InForce<'a>,
    pub(crate) wildcards: Vec<&'d str>,
}

/// The outcome of a look-up.
pub(crate) enum Found<'a> {
    Secret(&'a Secret),
    NoSecret,
    NoNamespace,
}

impl<'a, 'd> MatchedTables<'a, 'd> {
    /// Looks a placeholder's name up. Gives the table that was searched, too.
    pub(crate) fn find(&self, qualified: &str) -> (&MatchedTable<'a, 'd>, Found<'a>) {
        let (namespace, name) = name::split(qualified);
        let mut all = std::iter::once(&self.first).chain(&self.others);
        let known = all.find(|it| it.in_force.namespace.is(namespace));
        let searched = known.unwrap_or(&self.first);
        let found = match searched.in_force.table.secret(name) {
            _ if known.is_none() => Found::NoNamespace,
            Some(secret) => Found::Secret(secret),
            None => Found::NoSecret,
        };
        (searched, found)
    }
}
