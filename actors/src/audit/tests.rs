//! The owner alone.

use std::fs;

use ractor::RpcReplyPort;
use ractor::concurrency::oneshot;
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::reply::Obligation;
use super::settings::AuditRotation;
use super::*;
use crate::hex::RecordId;
use crate::supervision::slot::slot;

struct Stage {
    folder: TempDir,
    part: Part,
    audit: ActorRef<Msg>,
    ended: JoinHandle<()>,
}

impl Stage {
    async fn set(sync: AuditSync) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("audit.log");
        let part = Part::new(Report::new(path.clone()));
        let rotation = AuditRotation { bytes_max: u64::MAX, keep: None };
        let settings = AuditSettings { sync, rotation };
        let arguments = Arguments { path, settings, mirror: Mirror::default(), part: part.clone() };
        let (audit, ended) = Actor::spawn(None, Audit, arguments).await.expect("started");
        Self { folder, part, audit, ended }
    }

    /// Writes it without waiting.
    fn write(&self, event: Event<'static>, reply: Reply) {
        self.audit.cast(Msg::Append(event, reply)).expect("up");
    }
}

fn not_sent() -> Event<'static> {
    Event::not_sent(RecordId::random(), "a test")
}

#[tokio::test]
async fn a_record_that_must_be_counted_is_written_though_nobody_waits_for_it_any_more() {
    let stage = Stage::set(AuditSync::Write).await;
    let (publisher, slot) = slot("audit");
    publisher.publish(Some(stage.audit.clone()));
    let handle = AuditHandle::new(slot, stage.part.clone());
    // Asked, and left at once.
    tokio::select! {
        biased;
        _ = handle.append_or_count(not_sent()) => panic!("it is not answered yet"),
        () = std::future::ready(()) => {}
    }
    stage.audit.drain().expect("up");
    stage.ended.await.expect("no panic");
    let text = fs::read_to_string(stage.folder.path().join("audit.log")).expect("readable");
    assert_eq!((text.lines().count(), stage.part.counters().unrecorded.value()), (1, 0));
    assert!(handle.append_or_count(not_sent()).await.is_err(), "it has ended");
    assert_eq!(stage.part.counters().unrecorded.value(), 1);
}

#[tokio::test]
async fn what_is_written_when_it_ends_is_on_the_disk_and_not_counted_as_lost() {
    for sync in [AuditSync::Write, AuditSync::Interval, AuditSync::Always] {
        let stage = Stage::set(sync).await;
        let mut awaited = Vec::new();
        for _ in 0..3 {
            let (answer, written) = oneshot();
            stage.write(not_sent(), RpcReplyPort::from(answer).into());
            awaited.push(written);
        }
        stage.write(not_sent(), Reply::Required(Obligation::by(&stage.part), None));
        // All of them are still in its hands.
        stage.audit.drain().expect("up");
        stage.ended.await.expect("no panic");
        for written in awaited {
            assert!(written.await.expect("answered").is_ok(), "{sync:?}");
        }
        let text = fs::read_to_string(stage.folder.path().join("audit.log")).expect("readable");
        assert_eq!((text.lines().count(), stage.part.counters().unrecorded.value()), (4, 0), "{sync:?}");
    }
}

#[tokio::test]
async fn a_refusal_that_was_only_counted_is_written_when_it_ends_and_none_is_lost_with_a_crash() {
    let refused = || Attempt { host: "evil.example".into(), blocked: true, ..Attempt::default() };
    for writes in [true, false] {
        let stage = Stage::set(AuditSync::Write).await;
        let (publisher, slot) = slot("audit");
        publisher.publish(Some(stage.audit.clone()));
        let handle = AuditHandle::new(slot, stage.part.clone());
        let burst = u64::from(limits::REFUSALS_BURST);
        for _ in 0..burst + 9 {
            handle.refuse_detached(refused());
        }
        let id = handle.refuse(refused()).await.expect("counted");
        if writes {
            stage.audit.drain().expect("up");
        } else {
            stage.audit.kill();
        }
        stage.ended.await.expect("no panic");
        let text = fs::read_to_string(stage.folder.path().join("audit.log")).expect("readable");
        assert_eq!(text.contains(&id.to_string()), writes, "{text}");
        let counters = stage.part.counters();
        let (refused, lost) = (counters.refused.value(), counters.unrecorded.value());
        assert_eq!(refused + lost, burst + 10);
        assert_eq!(lost, if writes { 0 } else { 10 });
    }
}
