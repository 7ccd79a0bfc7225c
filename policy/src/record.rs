//! The audit record: one JSON line, written and read by one type.
//!
//! The first fields stand in the order that people already parse. Nothing that a client sends can
//! end a line or move a terminal's cursor: control characters, line separators and marks that change
//! the direction of text are escaped, and long fields are cut.
//!
//! Reading is lenient: unknown fields are ignored, and most known ones may be absent, because other versions
//! and the script that this program replaces write to the same file.

mod one_line;
mod text;

use std::io::Write as _;
use std::ops::Not;

use serde::{Deserialize, Serialize};

pub use self::one_line::acts_on_terminals;
pub use self::text::{
    CUT_MARKER, FIELD_BYTES_MAX, METHOD_BYTES_MAX, NAME_BYTES_MAX, NAMES_BYTES_MAX, Text, bounded, bounded_method,
    bounded_names,
};

/// One line of the audit trail.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Record<'a> {
    /// UTC, whole seconds, RFC 3339.
    #[serde(borrow)]
    pub timestamp: Text<'a>,
    /// What happened.
    #[serde(borrow, flatten)]
    pub event: Event<'a>,
    /// Its number in the chain, from 1. Lines of the script that this program replaces have none.
    #[serde(skip_serializing)]
    pub seq: Option<u64>,
    /// The SHA-256 of the line before it, in hex and without the line end; empty where a chain starts.
    #[serde(skip_serializing)]
    pub prev: Option<Text<'a>>,
}

/// What a line records.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Event<'a> {
    /// Something else than an attempt: these lines have an outcome.
    #[serde(borrow)]
    Notice(Notice<'a>),
    /// One attempt to send a secret, or one refused request.
    Attempt(Attempt<'a>),
}

/// One attempt to send a secret, or one refused request: its record without the place in the chain.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Attempt<'a> {
    /// The names that the placeholders asked for.
    #[serde(borrow, default)]
    pub secrets: Vec<Text<'a>>,
    /// The request's method.
    #[serde(default)]
    pub method: Text<'a>,
    /// The destination's host.
    #[serde(default)]
    pub host: Text<'a>,
    /// The request's path, without the query.
    #[serde(default)]
    pub path: Text<'a>,
    /// Whether it was refused.
    #[serde(default)]
    pub blocked: bool,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Text<'a>>,
    /// 16 random hex digits; a refusal's is the one in its header.
    #[serde(default)]
    pub id: Text<'a>,
    /// The destination's port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// `http` or `https`.
    #[serde(default)]
    pub scheme: Text<'a>,
    /// Whether it is a tunnel whose bytes were passed through.
    #[serde(default, skip_serializing_if = "Not::not")]
    pub tunnel: bool,
}

/// A line that is not an attempt.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Notice<'a> {
    /// The id of the attempt that it is about, or 16 random hex digits.
    #[serde(borrow, default)]
    pub id: Text<'a>,
    /// What happened.
    pub outcome: Outcome,
    /// Why.
    #[serde(default)]
    pub reason: Text<'a>,
    /// The last record that was deleted, with [`Outcome::Pruned`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub through: Option<Through<'a>>,
    /// How many requests were refused, with [`Outcome::RefusedTogether`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Their destinations, as far as there is room.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<Destination<'a>>,
    /// The names that they asked for, as far as there is room.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<Text<'a>>,
    /// What is kept of deleted records by now, with [`Outcome::Pruned`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept: Option<Kept<'a>>,
}

impl<'a> Notice<'a> {
    /// A notice with a reason and nothing else.
    pub fn new(id: impl Into<Text<'a>>, outcome: Outcome, reason: impl Into<Text<'a>>) -> Self {
        let (id, reason) = (id.into(), reason.into());
        Self { id, outcome, reason, through: None, count: None, hosts: Vec::new(), secrets: Vec::new(), kept: None }
    }
}

/// What happened to a permitted request, or to the chain.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A permitted request was then not sent.
    NotSent,
    /// The lines before could not be continued; a new chain starts here.
    ChainStart,
    /// The chain continues, after a last line without its end was cut.
    TornLine,
    /// The oldest records were deleted, as the settings say.
    Pruned,
    /// Requests were refused that have no records of their own: there were too many.
    RefusedTogether,
    /// An outcome of a later version; never written.
    #[serde(other)]
    Other,
}

/// A record, named so that it is known whether the next one follows it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Through<'a> {
    /// Its number.
    pub seq: u64,
    /// The SHA-256 of its line, in hex.
    #[serde(borrow)]
    pub hash: Text<'a>,
}

/// A destination of requests that were refused together.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Destination<'a> {
    /// Its host.
    #[serde(borrow)]
    pub host: Text<'a>,
    /// How many of the requests were for it.
    pub count: u64,
}

/// Which records are kept of those that were deleted.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Kept<'a> {
    /// How many there are.
    pub records: u64,
    /// A hash over the SHA-256 of each of their lines, in hex.
    #[serde(borrow)]
    pub hash: Text<'a>,
}

impl<'a> Record<'a> {
    /// A record that has no place in the chain yet.
    pub fn new(timestamp: impl Into<Text<'a>>, event: Event<'a>) -> Self {
        Self { timestamp: timestamp.into(), event, seq: None, prev: None }
    }

    /// Reads a line without its end; `None` if it is not a record.
    pub fn read(line: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }

    /// Adds the line of JSON, with its end.
    pub fn add_line(&self, lines: &mut Vec<u8>) {
        one_line::add_object(self, lines);
        if let (Some(seq), Some(prev)) = (self.seq, &self.prev) {
            // Digits need no escaping, which costs more than writing them: so the object is opened again.
            lines.pop();
            let _ = write!(lines, ",\"seq\":{seq},\"prev\":\"{}\"}}", &**prev);
        }
        lines.push(b'\n');
    }

    /// The attempt, if it records one.
    pub fn attempt(&self) -> Option<&Attempt<'a>> {
        match &self.event {
            Event::Attempt(attempt) => Some(attempt),
            Event::Notice(_) => None,
        }
    }

    /// The notice, if it is not an attempt.
    pub fn notice(&self) -> Option<&Notice<'a>> {
        match &self.event {
            Event::Attempt(_) => None,
            Event::Notice(notice) => Some(notice),
        }
    }

    /// The id, which is empty if the line has none.
    pub fn id(&self) -> &str {
        match &self.event {
            Event::Attempt(attempt) => &attempt.id,
            Event::Notice(notice) => &notice.id,
        }
    }
}

impl Event<'static> {
    /// A permitted request was then not sent.
    pub fn not_sent(id: impl Into<Text<'static>>, reason: &str) -> Self {
        Self::Notice(Notice::new(id, Outcome::NotSent, bounded(reason)))
    }
}

impl Event<'_> {
    /// Whether it permits a request.
    pub fn is_permit(&self) -> bool {
        matches!(self, Self::Attempt(attempt) if !attempt.blocked)
    }

    /// How many requests it refuses.
    pub fn refusals(&self) -> u64 {
        match self {
            Self::Attempt(attempt) => attempt.blocked.into(),
            Self::Notice(notice) if notice.outcome == Outcome::RefusedTogether => notice.count.unwrap_or_default(),
            Self::Notice(_) => 0,
        }
    }

    /// Whether it is kept when records are deleted. Permits are not, nor what became of them: a client can have as many
    /// of these as it likes, and could delete all others with them.
    pub fn is_evidence(&self) -> bool {
        match self {
            Self::Attempt(attempt) => attempt.blocked,
            Self::Notice(notice) => notice.outcome != Outcome::NotSent,
        }
    }
}

#[cfg(test)]
mod tests;
