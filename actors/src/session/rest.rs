//! Kept connections that rest: between two requests one needs no buffers, and there may be thousands.

use tokio::io::AsyncWriteExt;
use tokio::time::{sleep, timeout};

use super::{ByteStream, Refusals};
use crate::limits;
use crate::wire::activity::Activity;
use crate::wire::prefixed::Prefixed;

/// Waits until the connection has been between two requests for a while. One that is in use is looked at less
/// and less often.
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

/// Waits until something comes. If nothing does, the stream is closed.
pub(super) async fn wait<S: ByteStream>(stream: &mut Prefixed<S>, refusals: &Refusals) -> bool {
    let comes = tokio::select! {
        biased;
        () = refusals.0.finish.cancelled() => false,
        first = timeout(limits::HEAD, stream.peek(1)) => matches!(first, Ok(Ok(Some(_)))),
    };
    if !comes {
        let _ = timeout(limits::DRAIN, stream.shutdown()).await;
    }
    comes
}
