//! When a record counts as written: at once, or once it is on the disk.
//!
//! Syncing takes milliseconds, so it is done on another thread, and all records that were written
//! while one sync ran share the next.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;

use ractor::ActorRef;
use tokio_util::task::AbortOnDropHandle;

use super::file::AuditFile;
use super::{Msg, NotWritten, Reply};
use crate::settings::AuditSync;

/// A sync under way.
type Running = AbortOnDropHandle<Result<(), NotWritten>>;

/// What was written and is not known to be on the disk.
#[derive(Debug)]
pub(super) struct Syncing {
    when: AuditSync,
    /// The files that it was written to: more than one if they were rotated in the meantime.
    dirty: Vec<File>,
    /// Who waits until it is on the disk.
    waiting: Vec<Reply>,
    /// The sync under way, and who waits for it.
    running: Option<(Running, Vec<Reply>)>,
}

impl Syncing {
    pub(super) fn new(when: AuditSync) -> Self {
        Self { when, dirty: Vec::new(), waiting: Vec::new(), running: None }
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

    /// These are written: answered at once, or when they are on the disk.
    pub(super) fn written(&mut self, myself: &ActorRef<Msg>, replies: Vec<Reply>) {
        if self.when == AuditSync::Always {
            self.waiting.extend(replies);
            self.start(myself);
        } else {
            replies.into_iter().for_each(|reply| reply.send(Ok(())));
        }
    }

    /// Syncs, unless a sync is under way or there is nothing to do.
    pub(super) fn start(&mut self, myself: &ActorRef<Msg>) {
        if self.running.is_some() || self.dirty.is_empty() {
            return;
        }
        let (files, myself) = (std::mem::take(&mut self.dirty), myself.clone());
        let syncing = tokio::task::spawn_blocking(move || files.iter().try_for_each(File::sync_data));
        let task = AbortOnDropHandle::new(tokio::spawn(async move {
            let outcome = syncing.await.ok().and_then(Result::ok).ok_or(NotWritten);
            let _ = myself.cast(Msg::Synced(outcome));
            outcome
        }));
        self.running = Some((task, std::mem::take(&mut self.waiting)));
    }

    /// A sync has ended: answers who waited for it, and goes on with what has come since. After one that failed
    /// the next may go well for what is lost (Linux tells of it once): then nobody is told that it is there.
    pub(super) fn synced(&mut self, myself: &ActorRef<Msg>, outcome: Result<(), NotWritten>) {
        let waited = self.running.take().map(|(_, waited)| waited).unwrap_or_default();
        waited.into_iter().for_each(|reply| reply.send(outcome));
        if outcome.is_err() {
            self.waiting.drain(..).for_each(|reply| reply.send(outcome));
        }
        if self.when == AuditSync::Always {
            self.start(myself);
        }
    }

    /// At the end: waits for the sync under way, and does the last one in place.
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

    use super::super::tests::Stage;
    use super::*;

    /// The system tells once of what it could not write: the next sync of the same file may go well.
    #[tokio::test]
    async fn what_was_written_while_a_sync_failed_is_refused_too() {
        let stage = Stage::set(AuditSync::Always).await;
        let mut syncing = Syncing::new(AuditSync::Always);
        let (running, waited) = oneshot();
        let (waiting, waits) = oneshot();
        let under_way = AbortOnDropHandle::new(tokio::spawn(async { Ok(()) }));
        syncing.running = Some((under_way, vec![RpcReplyPort::from(running).into()]));
        syncing.waiting = vec![RpcReplyPort::from(waiting).into()];
        syncing.synced(&stage.audit, Err(NotWritten));
        assert!(waited.await.expect("answered").is_err());
        assert!(waits.await.expect("answered").is_err());
    }
}
