//! The task that reads a source.

use std::io;

use tokio_util::task::AbortOnDropHandle;

use super::sources::{Content, Progress, ReadError, Source};

/// A read under way. Dropping it ends it.
pub(super) struct Reader(#[expect(dead_code, reason = "dropping it ends the task")] AbortOnDropHandle<()>);

impl Reader {
    /// Reads the source. `on_progress` hears each change, and `on_end` the outcome, once.
    pub(super) fn start(
        source: &dyn Source,
        mut on_progress: impl FnMut(Progress) + Send + 'static,
        on_end: impl FnOnce(Outcome) + Send + 'static,
    ) -> Self {
        let mut last = None;
        let read = source.read(Box::new(move |progress| {
            if last.replace(progress) != Some(progress) {
                on_progress(progress);
            }
        }));
        let end = End { on_end: Some(on_end), outcome: None };
        Self(AbortOnDropHandle::new(tokio::spawn(async move { end.with(read.await) })))
    }
}

type Outcome = Result<Content, ReadError>;

/// Reports the outcome even of a read that panics: requests wait for it.
struct End<F: FnOnce(Outcome)> {
    on_end: Option<F>,
    outcome: Option<Outcome>,
}

impl<F: FnOnce(Outcome)> End<F> {
    fn with(mut self, outcome: Outcome) {
        self.outcome = Some(outcome);
    }
}

impl<F: FnOnce(Outcome)> Drop for End<F> {
    fn drop(&mut self) {
        let outcome = self.outcome.take().unwrap_or(Err(ReadError::Io(io::ErrorKind::Other)));
        if let Some(on_end) = self.on_end.take() {
            on_end(outcome);
        }
    }
}
