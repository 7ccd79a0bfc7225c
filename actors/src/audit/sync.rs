//! Syncing to the disk, and when a record counts as written.
//!
//! A sync takes milliseconds, so it runs on another thread. All records that are written while one sync
//! runs share the next.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

use tokio_util::task::AbortOnDropHandle;

use super::file::AuditFile;
use super::reply::{NotWritten, Reply};
use crate::audit::settings::AuditSync;

/// A sync under way.
type Running = AbortOnDropHandle<Result<(), NotWritten>>;

/// Called on another thread when a sync has ended.
type Ended = Arc<dyn Fn(Result<(), NotWritten>) + Send + Sync>;

/// What was written and may not be on the disk yet.
pub(super) struct Syncing {
    when: AuditSync,
    ended: Ended,
    /// The files with unsynced lines: more than one after a rotation.
    dirty: Vec<File>,
    /// Those who wait until their records are on the disk.
    waiting: Vec<Reply>,
    /// The running sync, and those who wait for it.
    running: Option<(Running, Vec<Reply>)>,
}

impl Syncing {
    /// `ended` has to pass the outcome of each sync on to [`Self::synced`].
    pub(super) fn new(when: AuditSync, ended: impl Fn(Result<(), NotWritten>) + Send + Sync + 'static) -> Self {
        Self { when, ended: Arc::new(ended), dirty: Vec::new(), waiting: Vec::new(), running: None }
    }

    /// Notes the file that has just been written to.
    pub(super) fn follows(&mut self, file: &AuditFile) -> io::Result<()> {
        if self.when == AuditSync::Write {
            return Ok(());
        }
        let file = file.to_sync()?;
        let inode = |file: &File| file.metadata().map(|found| found.ino());
        let known = self.dirty.last().map(inode).transpose()?;
        if known != Some(inode(&file)?) {
            self.dirty.push(file);
        }
        Ok(())
    }

    /// Answers for records that are written, at once or when they are on the disk.
    pub(super) fn written(&mut self, replies: Vec<Reply>) {
        if self.when == AuditSync::Always {
            self.waiting.extend(replies);
            self.start();
        } else {
            replies.into_iter().for_each(|reply| reply.send(Ok(())));
        }
    }

    /// Starts a sync, unless one is running or there is nothing to sync.
    pub(super) fn start(&mut self) {
        if self.running.is_some() || self.dirty.is_empty() {
            return;
        }
        let (files, ended) = (std::mem::take(&mut self.dirty), self.ended.clone());
        let syncing = tokio::task::spawn_blocking(move || files.iter().try_for_each(File::sync_data));
        let task = AbortOnDropHandle::new(tokio::spawn(async move {
            let outcome = syncing.await.ok().and_then(Result::ok).ok_or(NotWritten);
            ended(outcome);
            outcome
        }));
        self.running = Some((task, std::mem::take(&mut self.waiting)));
    }

    /// A sync has ended: answers those who waited for it, and syncs what was written since. After a failed sync
    /// the next one may succeed although lines are lost, because Linux reports an error once: those who wait for
    /// the next one get the error too.
    pub(super) fn synced(&mut self, outcome: Result<(), NotWritten>) {
        let waited = self.running.take().map(|(_, waited)| waited).unwrap_or_default();
        waited.into_iter().for_each(|reply| reply.send(outcome));
        if outcome.is_err() {
            self.waiting.drain(..).for_each(|reply| reply.send(outcome));
        }
        if self.when == AuditSync::Always {
            self.start();
        }
    }

    /// At the end: waits for the running sync, and does the last one in place.
    pub(super) async fn finish(&mut self) {
        let mut outcome = Ok(());
        if let Some((running, waited)) = self.running.take() {
            outcome = running.await.unwrap_or(Err(NotWritten));
            waited.into_iter().for_each(|reply| reply.send(outcome));
        }
        let last = self.dirty.iter().try_for_each(File::sync_data).map_err(|_| NotWritten);
        self.waiting.drain(..).for_each(|reply| reply.send(outcome.and(last)));
    }
}

#[cfg(test)]
mod tests {
    use ractor::RpcReplyPort;
    use ractor::concurrency::oneshot;

    use super::*;

    /// Linux reports a failed write once: the next sync of the same file may succeed.
    #[tokio::test]
    async fn what_was_written_while_a_sync_failed_is_refused_too() {
        let mut syncing = Syncing::new(AuditSync::Always, |_| {});
        let (running, waited) = oneshot();
        let (waiting, waits) = oneshot();
        let under_way = AbortOnDropHandle::new(tokio::spawn(async { Ok(()) }));
        syncing.running = Some((under_way, vec![RpcReplyPort::from(running).into()]));
        syncing.waiting = vec![RpcReplyPort::from(waiting).into()];
        syncing.synced(Err(NotWritten));
        assert!(waited.await.expect("answered").is_err());
        assert!(waits.await.expect("answered").is_err());
    }
}
