//! The events and steps of a shelf.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use policy::destination::allowlist::Allowlist;
use policy::verdict::refusal::Refusal;

use super::want::{QuestionId, Want};
use crate::secret_store::report::Report;
use crate::secret_store::sources::{Content, Glance, Progress, ReadError};

/// An event.
pub(crate) enum Event {
    /// No caller waits for these answers any more.
    Abandoned(HashSet<QuestionId>),
    /// A question waits for a read, since then.
    Asked(QuestionId, Want, Instant),
    /// Something may have changed at the source.
    Changed,
    /// The daemon is about to end: no request waits long any more.
    Draining,
    /// The namespace is there no more.
    Gone,
    /// The source, seen without reading it.
    Looked(Result<Glance, ReadError>),
    /// The progress of a read.
    Progressed(ReadNumber, Progress),
    /// A read has ended.
    ReadEnded(ReadNumber, Result<Content, ReadError>),
    /// A person wants a read now, and may wait for its outcome.
    ReloadAsked(Option<QuestionId>),
    /// The owner is about to end.
    Stopping,
    /// The time of [`Step::TickAfter`] is over.
    Ticked,
}

/// A step for the owner.
#[derive(Debug)]
pub(crate) enum Step {
    /// Ends the read under way.
    AbortRead,
    /// Has connections closed whose buffers may hold wiped values.
    ForgetSecrets,
    /// The shelf has what the question needs.
    Grant(QuestionId),
    /// Publishes where some secret may go.
    ListHosts(Arc<Allowlist>),
    /// Looks at the source, after this time.
    LookAfter(Duration),
    /// Notifies the person at the screen that requests wait for the secrets.
    Notify,
    /// Publishes the report.
    Publish(Report),
    /// The shelf has not what the question needs, for this reason.
    Refuse(QuestionId, Refusal),
    /// Reads the source.
    StartRead(ReadNumber),
    /// Sends [`Event::Ticked`], after this time.
    TickAfter(Duration),
}

/// The number of a read: a late event of an earlier read does not count.
pub(crate) type ReadNumber = u64;
