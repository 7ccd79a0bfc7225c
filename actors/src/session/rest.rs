//! Kept connections that rest: their buffers are freed between two requests.
//!
//! There may be thousands of them.

use tokio::io::AsyncWriteExt;
use tokio::time::{sleep, timeout};

use crate::exchange::Refusals;
use crate::limits;
use crate::wire::ByteStream;
use crate::wire::activity::Activity;
use crate::wire::prefixed::Prefixed;

/// Waits until the connection has been between two requests for a while. The check becomes rarer while the
/// connection is in use.
pub(super) async fn quiet(activity: &Activity) {
    let (mut pause, mut reads) = (limits::REST_AFTER_MIN, None);
    loop {
        sleep(pause).await;
        if reads == Some(activity.reads()) && activity.is_between_requests() {
            return;
        }
        reads = Some(activity.reads());
        pause = (pause * 2).min(limits::REST_AFTER_MAX);
    }
}

/// Waits until a byte comes. If none does, the stream is closed.
pub(super) async fn wait<S: ByteStream>(stream: &mut Prefixed<S>, refusals: &Refusals) -> bool {
    let comes = tokio::select! {
        biased;
        () = refusals.finish() => false,
        first = timeout(limits::HEAD_TIMEOUT, stream.peek(1)) => matches!(first, Ok(Ok(Some(_)))),
    };
    if !comes {
        let _ = timeout(limits::DRAIN_TIMEOUT, stream.shutdown()).await;
    }
    comes
}
