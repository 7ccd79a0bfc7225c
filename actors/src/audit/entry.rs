//! What is to be recorded, and the record that becomes of it.

use std::sync::Arc;

use http::Method;
use policy::destination::host::Destination;
use policy::name::Name;
use policy::record::{self, NotSent, Record};
use policy::verdict::refusal::Refusal;
use serde::Serialize;

use crate::hex::RecordId;

/// What is to be recorded.
#[derive(Clone, Debug)]
pub(crate) enum Entry {
    /// An attempt, permitted or refused.
    Attempt(Attempt),
    /// A permitted request was then not sent.
    NotSent { id: RecordId, reason: String },
}

impl Entry {
    pub(super) fn is_attempt(&self) -> bool {
        matches!(self, Self::Attempt(_))
    }

    pub(super) fn is_permit(&self) -> bool {
        matches!(self, Self::Attempt(attempt) if attempt.refusal.is_none())
    }

    pub(super) fn is_refusal(&self) -> bool {
        matches!(self, Self::Attempt(attempt) if attempt.refusal.is_some())
    }
}

/// One request that asked for a secret, or was refused.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) id: RecordId,
    pub(crate) names: Vec<Name>,
    pub(crate) method: Method,
    pub(crate) destination: Destination,
    pub(crate) path: Arc<str>,
    /// Whether it is a tunnel that is passed through.
    pub(crate) tunnel: bool,
    pub(crate) refusal: Option<Refusal>,
}

/// A record as it is written.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Line<'a> {
    Attempt(Record<'a>),
    NotSent(NotSent<'a>),
}

impl Entry {
    pub(super) fn line<'a>(&'a self, timestamp: &'a str) -> Line<'a> {
        match self {
            Self::Attempt(attempt) => Line::Attempt(attempt.record(timestamp)),
            Self::NotSent { id, reason } => {
                let (id, reason) = (id.as_str(), record::bounded(reason));
                Line::NotSent(NotSent { timestamp, id, outcome: "not_sent", reason })
            }
        }
    }
}

impl Attempt {
    fn record<'a>(&'a self, timestamp: &'a str) -> Record<'a> {
        Record {
            timestamp,
            secrets: record::bounded_names(self.names.iter().map(Name::as_str)),
            method: record::bounded_method(self.method.as_str()),
            host: self.destination.host.to_string().into(),
            path: record::bounded(&self.path),
            blocked: self.refusal.is_some(),
            reason: self.refusal.as_ref().map(|refusal| record::bounded(&refusal.to_string()).into_owned().into()),
            id: self.id.as_str(),
            port: self.destination.port,
            scheme: self.destination.scheme.as_str(),
            tunnel: self.tunnel,
        }
    }
}
