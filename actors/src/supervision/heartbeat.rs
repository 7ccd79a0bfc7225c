//! A question that every owner answers at once, if it still answers anything.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::yield_now;
use tokio::time::timeout;

use super::progress::Progress;

/// How often everything that is ready has its turn, before an owner that has done nothing meanwhile counts as one that
/// hangs.
const ROUNDS: u32 = 4;

/// Lets an owner's messages be a heartbeat and, in fault builds, a fault.
macro_rules! owner_message {
    ($message:ty) => {
        impl From<$crate::supervision::heartbeat::Beat> for $message {
            fn from(beat: $crate::supervision::heartbeat::Beat) -> Self {
                Self::Beat(beat)
            }
        }

        #[cfg(feature = "faults")]
        impl From<$crate::supervision::faults::Fault> for $message {
            fn from(fault: $crate::supervision::faults::Fault) -> Self {
                Self::Fault(fault)
            }
        }
    };
}

/// Are you there? One that is not answered is dropped with the owner, or hangs with it.
#[derive(Debug)]
pub(crate) struct Beat(oneshot::Sender<()>);

impl Beat {
    /// A heartbeat, and where its answer comes.
    pub(crate) fn new() -> (Self, oneshot::Receiver<()>) {
        let (sender, answer) = oneshot::channel();
        (Self(sender), answer)
    }

    pub(crate) fn answer(self) {
        let _ = self.0.send(());
    }
}

/// Waits for the answer to a heartbeat. False if the owner hangs: it has handled nothing for `limit`, although it had
/// its turns. An owner that waits behind a long run queue, or that has many messages to handle first, does not hang.
pub(super) async fn is_alive(mut answer: oneshot::Receiver<()>, progress: Progress, limit: Duration) -> bool {
    let mut handled = progress.handled();
    while timeout(limit, &mut answer).await.is_err() {
        for _ in 0..ROUNDS {
            yield_now().await;
        }
        let now = progress.handled();
        if now == handled {
            return !matches!(answer.try_recv(), Err(oneshot::error::TryRecvError::Empty));
        }
        handled = now;
    }
    true
}

#[cfg(test)]
mod tests {
    use std::thread::sleep;

    use super::*;

    const LIMIT: Duration = Duration::from_millis(20);

    /// The same in a task, which stands in the run queue like any other.
    async fn hears(answer: oneshot::Receiver<()>, progress: Progress) -> bool {
        tokio::spawn(is_alive(answer, progress, LIMIT)).await.expect("no panic")
    }

    /// Makes a run queue that takes ten times the limit.
    fn crowd() {
        for _ in 0..100 {
            tokio::spawn(async { sleep(LIMIT / 10) });
        }
    }

    #[tokio::test]
    async fn an_answer_that_waits_in_a_long_queue_comes() {
        let (beat, answer) = Beat::new();
        crowd();
        tokio::spawn(async move { beat.answer() });
        assert!(hears(answer, Progress::default()).await);
    }

    #[tokio::test]
    async fn an_owner_that_has_much_to_handle_first_is_alive() {
        let ((beat, answer), progress) = (Beat::new(), Progress::default());
        let counted = progress.clone();
        tokio::spawn(async move {
            for _ in 0..5 {
                crowd();
                counted.add_one();
                yield_now().await;
            }
            beat.answer();
        });
        assert!(hears(answer, progress).await);
    }

    #[tokio::test(start_paused = true)]
    async fn an_owner_that_hangs_is_not_alive_and_one_that_ended_does_not_hang() {
        for crowds in [0, 1] {
            let (_beat, answer) = Beat::new();
            (0..crowds).for_each(|_| crowd());
            let began = tokio::time::Instant::now();
            assert!(!hears(answer, Progress::default()).await);
            assert!(began.elapsed() < 2 * LIMIT);
        }
        let (beat, answer) = Beat::new();
        drop(beat);
        assert!(hears(answer, Progress::default()).await);
    }
}
