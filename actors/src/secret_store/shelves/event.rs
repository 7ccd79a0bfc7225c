//! What goes into the shelves, and what comes out of them.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use policy::destination::allowlist::Allowlist;
use policy::name::Namespace;

use super::question::{Answer, Question};
use crate::secret_store::report::Report;
use crate::secret_store::shelf::{self, QuestionId, ReadNumber};

/// What has happened.
pub(crate) enum Event {
    /// Nobody waits for these answers any more.
    Abandoned(HashSet<QuestionId>),
    /// There is a namespace, of which nothing was read yet.
    Appeared(Namespace, Report),
    /// A request asks.
    Asked(QuestionId, Question),
    /// Something has happened at the source of one namespace.
    At(Namespace, shelf::Event),
    /// The daemon is about to end: no request waits long any more.
    Draining,
    /// A namespace is there no more.
    Gone(Namespace),
    /// A person wants all sources read now, and may wait for how that goes.
    ReloadAsked(Option<QuestionId>),
    /// The owner is about to end.
    Stopping,
}

/// What the owner is to do.
#[derive(Debug)]
pub(crate) enum Step {
    /// Ends the read under way.
    AbortRead(Namespace),
    /// Answers a question.
    Answer(QuestionId, Answer),
    /// Has connections closed whose buffers may hold wiped values.
    ForgetSecrets,
    /// Publishes where some secret of any namespace may go; `None` if that is not known.
    ListHosts(Option<Arc<Allowlist>>),
    /// Looks at the source, after so long.
    LookAfter(Namespace, Duration),
    /// Notifies the person at the screen that requests wait for the secrets.
    Notify,
    /// Publishes the report.
    Publish(Namespace, Report),
    /// Reads the source.
    StartRead(Namespace, ReadNumber),
    /// Sends [`shelf::Event::Ticked`], after so long.
    TickAfter(Namespace, Duration),
}
