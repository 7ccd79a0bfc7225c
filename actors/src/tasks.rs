//! An executor for hyper whose tasks end with their owner.

use hyper::rt::Executor;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Runs the tasks of one connection.
#[derive(Clone, Debug)]
pub(crate) struct Tasks(CancellationToken);

impl Tasks {
    /// An executor, and the guard that ends its tasks when it is dropped.
    pub(crate) fn guarded() -> (Self, DropGuard) {
        let token = CancellationToken::new();
        (Self(token.clone()), token.drop_guard())
    }
}

impl<F> Executor<F> for Tasks
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, task: F) {
        tokio::spawn(self.0.clone().run_until_cancelled_owned(task));
    }
}
