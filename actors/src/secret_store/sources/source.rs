//! The trait of all kinds of sources.

use std::pin::Pin;

use super::error::ReadError;
use super::glance::Glance;
use super::text::Text;
use super::watch::{OnChange, Watch};

/// A place that secrets are read from.
pub(crate) trait Source: Send {
    /// How it stands. Cheap: it opens nothing, and so raises no prompt.
    fn glance(&self) -> Result<Glance, ReadError>;

    /// Reads the whole source.
    fn read(&self, on_progress: OnProgress) -> Read;

    /// Watches the source for changes. An event is a hint: the receiver glances.
    fn watch(&self, on_change: OnChange) -> Watch;
}

/// A running read. It ends only with a text or an error: the caller sets the time limit, and drops the read.
pub(crate) type Read = Pin<Box<dyn Future<Output = Result<Content, ReadError>> + Send>>;

/// The callback for the progress of a read.
pub(crate) type OnProgress = Box<dyn FnMut(Progress) + Send>;

/// The result of a read.
pub(crate) struct Content {
    pub(crate) text: Text,
    /// The state of the source during the read.
    pub(crate) glance: Glance,
}

/// The progress of a read before the end of the text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Progress {
    /// No program serves the source.
    Unserved,
    /// A program serves the source and has written nothing.
    Awaiting,
    /// A program has written a part of the text.
    Begun,
}
