//! What goes into a shelf, and what comes out of it.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use policy::destination::allowlist::Allowlist;

use super::question::{Answer, Question, QuestionId};
use crate::secret_store::report::Report;
use crate::secret_store::sources::{Content, Glance, Progress, ReadError};

/// What has happened.
pub(crate) enum Event {
    /// Nobody waits for these answers any more.
    Abandoned(HashSet<QuestionId>),
    /// A request asks.
    Asked(QuestionId, Question),
    /// Something may have changed at the source.
    Changed,
    /// The daemon is about to end: no request waits long any more.
    Draining,
    /// The source, seen without reading it.
    Looked(Result<Glance, ReadError>),
    /// How a read goes.
    Progressed(ReadNumber, Progress),
    /// A read has ended.
    ReadEnded(ReadNumber, Result<Content, ReadError>),
    /// A person wants it read now, and may wait for how that goes.
    ReloadAsked(Option<QuestionId>),
    /// The owner is about to end.
    Stopping,
    /// The time of [`Step::TickAfter`] has come.
    Ticked,
}

/// What its owner is to do.
#[derive(Debug)]
pub(crate) enum Step {
    /// Ends the read under way.
    AbortRead,
    /// Answers a question.
    Answer(QuestionId, Answer),
    /// Has connections closed whose buffers may hold wiped values.
    ForgetSecrets,
    /// Publishes where some secret may go.
    ListHosts(Arc<Allowlist>),
    /// Looks at the source, after so long.
    LookAfter(Duration),
    /// Notifies the person at the screen that requests wait for the secrets.
    Notify,
    /// Publishes the report.
    Publish(Report),
    /// Reads the source.
    StartRead(ReadNumber),
    /// Sends [`Event::Ticked`], after so long.
    TickAfter(Duration),
}

/// Reads are numbered, so that a late event of an earlier one does not count.
pub(crate) type ReadNumber = u64;
