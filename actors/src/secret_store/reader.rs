//! The task that reads a source.

use std::io;

use tokio_util::task::AbortOnDropHandle;

use super::sources::{Content, Progress, ReadError, Source};

/// A read under way. Dropping it ends it.
pub(super) struct Reader(#[expect(dead_code, reason = "dropping it ends the task")] AbortOnDropHandle<()>);

impl Reader {
    /// Reads the source. Each change calls `on_progress`, and the outcome calls `on_end` once.
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

/// Reports the outcome even of a read that panics: requests wait for the outcome.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret_store::sources::{Glance, OnChange, OnProgress, Read, Watch};

    /// A source whose read progresses, and panics.
    struct Panicking;

    impl Source for Panicking {
        fn glance(&self) -> Result<Glance, ReadError> {
            Err(ReadError::Missing)
        }

        fn read(&self, mut on_progress: OnProgress) -> Read {
            Box::pin(async move {
                [Progress::Unserved, Progress::Unserved, Progress::Awaiting].into_iter().for_each(&mut on_progress);
                panic!("on purpose")
            })
        }

        fn watch(&self, _: OnChange) -> Watch {
            unreachable!("nobody watches it")
        }
    }

    #[tokio::test]
    async fn a_read_that_panics_ends_in_an_error_and_each_progress_is_heard_once() {
        let (sender, mut heard) = tokio::sync::mpsc::channel(8);
        let (on_progress, on_end) = (sender.clone(), sender);
        let _reader = Reader::start(
            &Panicking,
            move |progress| on_progress.try_send(Ok(progress)).expect("heard"),
            move |outcome| on_end.try_send(Err(outcome.map(|_| ()))).expect("heard"),
        );
        assert_eq!(heard.recv().await, Some(Ok(Progress::Unserved)));
        assert_eq!(heard.recv().await, Some(Ok(Progress::Awaiting)));
        assert_eq!(heard.recv().await, Some(Err(Err(ReadError::Io(io::ErrorKind::Other)))));
    }
}
