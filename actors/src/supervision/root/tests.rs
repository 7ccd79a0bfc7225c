//! The supervisor alone, with owners of a test's own.

use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};
use tokio::sync::oneshot;

use super::*;
use crate::supervision::child::permanent;
use crate::supervision::heartbeat::Beat;
use crate::supervision::slot::{Slot, Unavailable, slot};

/// Counts what it is asked, and crashes when told to.
struct Toy;

enum ToyMsg {
    Count(RpcReplyPort<u32>),
    Panic,
    Fail,
    Hang,
    Beat(Beat),
    #[cfg(feature = "faults")]
    Fault(crate::supervision::faults::Fault),
}

owner_message!(ToyMsg);

impl Actor for Toy {
    type Msg = ToyMsg;
    type State = u32;
    /// Whether it cannot start.
    type Arguments = Arc<std::sync::atomic::AtomicBool>;

    async fn pre_start(&self, _: ActorRef<ToyMsg>, broken: Self::Arguments) -> Result<u32, ActorProcessingErr> {
        if broken.load(std::sync::atomic::Ordering::SeqCst) { Err("cannot start".into()) } else { Ok(0) }
    }

    async fn handle(&self, _: ActorRef<ToyMsg>, message: ToyMsg, count: &mut u32) -> Result<(), ActorProcessingErr> {
        match message {
            ToyMsg::Count(reply) => {
                *count += 1;
                let _ = reply.send(*count);
                Ok(())
            }
            ToyMsg::Panic => panic!("a test asked for this"),
            ToyMsg::Fail => Err("a test asked for this".into()),
            ToyMsg::Hang => std::future::pending().await,
            ToyMsg::Beat(beat) => {
                beat.answer();
                Ok(())
            }
            #[cfg(feature = "faults")]
            ToyMsg::Fault(fault) => {
                fault.strike().await;
                Ok(())
            }
        }
    }
}

struct Stage {
    toy: Slot<ToyMsg>,
    root: ActorRef<Msg>,
    report: Part<Vec<SubsystemReport>>,
    drain: Drain,
    broken: Arc<std::sync::atomic::AtomicBool>,
    ended: oneshot::Receiver<Ended>,
}

async fn stage(crashes_max: usize) -> Stage {
    let (publisher, toy) = slot("toy");
    let (ended_sender, ended) = oneshot::channel();
    let (report, drain) = (Part::default(), Drain::default());
    let broken = Arc::default();
    let children = {
        let broken = Arc::clone(&broken);
        Box::new(move |_| vec![permanent(publisher, || Toy, broken)])
    };
    let arguments =
        Arguments { report: report.clone(), drain: drain.clone(), children, ended: ended_sender, crashes_max };
    let (root, _) = Actor::spawn(None, Supervisor, arguments).await.expect("started");
    Stage { toy, root, report, drain, broken, ended }
}

impl Stage {
    async fn count(&self) -> Result<u32, Unavailable> {
        self.toy.call(ToyMsg::Count, Duration::from_secs(1)).await
    }

    async fn count_again(&self) -> u32 {
        let second = Duration::from_secs(1);
        self.toy.call_patiently(ToyMsg::Count, second, 5 * second).await.expect("started again")
    }

    fn restarts(&self) -> u64 {
        self.report.report()[0].restarts
    }

    /// Waits until the slot is empty.
    async fn lost(&self) {
        while self.toy.cast(ToyMsg::Fail).is_ok() {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn the_same_handle_works_after_a_panic_and_an_error() {
    let stage = stage(10).await;
    assert_eq!((stage.count().await, stage.count().await), (Ok(1), Ok(2)));
    stage.toy.cast(ToyMsg::Panic).expect("it is up");
    stage.lost().await;
    assert_eq!(stage.count().await, Err(Unavailable("toy")), "down is closed");
    assert_eq!(stage.count_again().await, 1, "a new incarnation");
    assert_eq!(stage.restarts(), 1);
}

#[tokio::test]
async fn a_question_to_a_crashing_owner_is_answered_as_unavailable() {
    let stage = stage(10).await;
    stage.toy.cast(ToyMsg::Panic).expect("it is up");
    assert_eq!(stage.count().await, Err(Unavailable("toy")));
}

#[tokio::test(start_paused = true)]
async fn an_owner_that_cannot_start_is_tried_again() {
    let stage = stage(10).await;
    stage.broken.store(true, std::sync::atomic::Ordering::SeqCst);
    stage.toy.cast(ToyMsg::Panic).expect("it is up");
    stage.lost().await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(stage.count().await, Err(Unavailable("toy")));
    stage.broken.store(false, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(stage.count_again().await, 1);
    assert!(stage.restarts() > 1);
}

#[tokio::test(start_paused = true)]
async fn an_exhausted_budget_is_the_end() {
    let mut stage = stage(3).await;
    for _ in 0..3 {
        stage.count_again().await;
        stage.toy.cast(ToyMsg::Panic).expect("it is up");
        stage.lost().await;
    }
    assert_eq!((&mut stage.ended).await, Ok(Ended::Exhausted("toy")));
}

#[tokio::test]
async fn draining_ends_the_owners() {
    let mut stage = stage(10).await;
    stage.root.call(|reply| Msg::Drain { reply }, Some(Duration::from_secs(5))).await.expect("answered");
    assert_eq!((&mut stage.ended).await, Ok(Ended::Drained));
    assert_eq!(stage.count().await, Err(Unavailable("toy")));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_comes_in_at_the_last_moment_is_asked_to_finish_too() {
    let stage = stage(10).await;
    // The listener had accepted it before it was stopped.
    let late = stage.drain.hold();
    let draining = stage.root.call(|reply| Msg::Drain { reply }, Some(Duration::from_secs(60)));
    let client = async {
        let begun = tokio::time::Instant::now();
        stage.drain.child_token().cancelled().await;
        drop(late);
        begun.elapsed()
    };
    let (ended, waited) = tokio::join!(draining, client);
    ended.expect("answered");
    assert!(waited < limits::DRAIN_TIMEOUT, "it is asked at once, not ended when the time is over: {waited:?}");
}

#[tokio::test(start_paused = true)]
async fn an_owner_that_does_not_answer_is_replaced() {
    let stage = stage(10).await;
    assert_eq!(stage.count().await, Ok(1));
    stage.toy.cast(ToyMsg::Hang).expect("up");
    let begun = tokio::time::Instant::now();
    while stage.count().await != Ok(1) {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(
        begun.elapsed() <= limits::HEARTBEAT_EVERY + limits::HEARTBEAT_TIMEOUT + Duration::from_secs(2),
        "{:?}",
        begun.elapsed()
    );
    let report = stage.report.report()[0].clone();
    assert_eq!((report.restarts, report.last_failure.as_deref()), (1, Some("did not answer")));
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_an_owner_that_hangs_is_served_by_the_next() {
    let stage = stage(10).await;
    stage.toy.cast(ToyMsg::Hang).expect("up");
    let asked = stage.toy.call_patiently(ToyMsg::Count, Duration::from_secs(30), Duration::from_secs(1)).await;
    assert_eq!(asked, Ok(1));
    assert_eq!(stage.restarts(), 1);
}

#[test]
fn patience_outlasts_all_restarts_of_a_budget() {
    let mut budget = Budget::new(limits::CRASHES_MAX, limits::CRASH_WINDOW);
    let now = Instant::now();
    let pauses: Duration = std::iter::from_fn(|| budget.spend(now)).sum();
    assert!(pauses < limits::RESTART_WAIT, "{pauses:?}");
}
