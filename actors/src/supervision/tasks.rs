//! Tasks that have an owner: it is told when they end, and they end when it does.

use hyper::rt::Executor;
use ractor::{ActorRef, Message};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::AbortOnDropHandle;

/// Runs a task for an actor. Its end, by a panic too, becomes a message; dropping the handle ends it.
pub(crate) fn watched<M: Message>(
    owner: ActorRef<M>,
    ended: fn() -> M,
    task: impl Future<Output = ()> + Send + 'static,
) -> AbortOnDropHandle<()> {
    let report = Report { owner, ended };
    // Boxed: a future that awaits what was moved into it has room for it twice.
    let task = Box::pin(task);
    AbortOnDropHandle::new(tokio::spawn(async move {
        let _report = report;
        task.await;
    }))
}

struct Report<M: Message> {
    owner: ActorRef<M>,
    ended: fn() -> M,
}

impl<M: Message> Drop for Report<M> {
    fn drop(&mut self) {
        let _ = self.owner.cast((self.ended)());
    }
}

/// An executor for hyper: runs the tasks of one connection.
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
