//! Permit or refusal.

use std::hint::black_box;

use crate::destination::host::Destination;
use crate::secrets::secret::Name;
use crate::secrets::table::{BadHosts, Table};
use crate::verdict::refusal::Refusal;
use crate::verdict::render::Fields;

/// What a request asks for: values in these fields, sent to this destination.
#[derive(Clone, Debug)]
pub struct Plea {
    /// Where it would go.
    pub destination: Destination,
    /// What would be filled.
    pub fields: Fields,
}

/// A plea that was granted. It holds the very fields and destination that were judged, so that
/// nothing else can be rendered with it; only [`judge`] makes one.
#[derive(Debug)]
pub struct Permit(Plea);

impl Permit {
    pub(crate) fn fields(&self) -> &Fields {
        &self.0.fields
    }

    /// Where the values may go.
    pub fn destination(&self) -> &Destination {
        &self.0.destination
    }
}

impl From<Permit> for Plea {
    /// A permit can be asked for again: [`crate::verdict::render::render`] does.
    fn from(permit: Permit) -> Self {
        permit.0
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
/// Every name is looked at, whatever was found before, and each once, so that the time taken does not tell the
/// cause: a client may name one 32 times, in a hundred requests at a time, and ask for a host of 127 labels.
pub fn judge(table: &Table, plea: impl Into<Plea>) -> Verdict {
    let plea = plea.into();
    let wildcards = table.listed().wildcards_over(&plea.destination);
    let mut first: Option<Refusal> = plea.fields.too_many().then_some(Refusal::TooMany);
    for name in plea.fields.distinct() {
        let refusal = refuse(table, name, &plea.destination, &wildcards);
        first = first.or(refusal);
    }
    match first {
        Some(refusal) => Verdict::Refuse(refusal),
        None => Verdict::Permit(Permit(plea)),
    }
}

fn refuse(table: &Table, text: &str, destination: &Destination, wildcards: &[&str]) -> Option<Refusal> {
    let name = || Name::parse(text.as_bytes());
    let Some(secret) = table.secret(text) else {
        // As long as for one that there is.
        black_box(table.listed().allows_under(destination, wildcards));
        return Some(name().map_or(Refusal::Locked, Refusal::SecretNotFound));
    };
    let allowed = match &secret.hosts {
        Ok(hosts) if hosts.allows_under(destination, wildcards) => None,
        Ok(_) => name().map(|name| Refusal::HostNotAllowed(name, destination.clone())),
        Err(BadHosts::Missing) => name().map(Refusal::NoHosts),
        Err(BadHosts::Entry) => name().map(Refusal::BadHosts),
    };
    let usable = match &secret.value {
        Ok(_) => None,
        Err(_) => name().map(Refusal::BadValue),
    };
    let confirmed = (!table.is_confirmed(text, secret, destination)).then_some(Refusal::Unconfirmed);
    allowed.or(usable).or(confirmed)
}
