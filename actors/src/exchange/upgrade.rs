//! Connections that go on in another protocol, after CONNECT or 101.
//!
//! hyper hands out the stream only when its connection's future has ended. An answer therefore leaves in a
//! [`Handover`] what the session goes on with.

use std::io;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, split};
use tokio::time::timeout;
use tracing::debug;

use crate::limits;
use crate::upstream::UpstreamBody;

/// What a session goes on with after its HTTP connection: set by an answer, taken once.
pub(crate) struct Handover<T>(Arc<Mutex<Option<T>>>);

impl<T> Clone for Handover<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Default for Handover<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T> Handover<T> {
    pub(crate) fn set(&self, next: T) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(next);
    }

    pub(crate) fn take(&self) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Both ends of a connection that goes on in another protocol, such as WebSocket.
pub(crate) struct Upgraded {
    pub(super) client: OnUpgrade,
    pub(super) upstream: OnUpgrade,
    /// Keeps the upstream connection until the upgrade is done.
    pub(super) response: UpstreamBody,
}

/// Copies bytes both ways until both ends have finished.
pub(crate) async fn copy_upgraded(upgraded: Upgraded) {
    let Upgraded { client, upstream, response } = upgraded;
    let (Ok(client), Ok(upstream)) = tokio::join!(client, upstream) else { return };
    tokio::select! {
        biased;
        () = copy_both(TokioIo::new(client), TokioIo::new(upstream)) => {}
        () = response.gives_way() => {}
    }
}

/// Copies bytes both ways. When one end has closed its side, the other has [`limits::HALF_CLOSE_TIMEOUT`] to finish:
/// without a limit it could hold the connection for ever.
pub(super) async fn copy_both(
    client: impl AsyncRead + AsyncWrite + Unpin,
    upstream: impl AsyncRead + AsyncWrite + Unpin,
) {
    let ((mut from_client, mut to_client), (mut from_upstream, mut to_upstream)) = (split(client), split(upstream));
    let mut up = pin!(copy_one(&mut from_client, &mut to_upstream));
    let mut down = pin!(copy_one(&mut from_upstream, &mut to_client));
    let finished = tokio::select! {
        ended = &mut up => if ended.is_ok() { timeout(limits::HALF_CLOSE_TIMEOUT, down).await } else { return },
        ended = &mut down => if ended.is_ok() { timeout(limits::HALF_CLOSE_TIMEOUT, up).await } else { return },
    };
    if finished.is_err() {
        debug!("one end of a tunnel did not close in time");
    }
}

/// Copies until the end of the stream, then closes the other one.
async fn copy_one(from: &mut (impl AsyncRead + Unpin), to: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
    tokio::io::copy(from, to).await?;
    to.shutdown().await
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, duplex};
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_end_that_never_closes_is_given_up_after_the_other_has_closed() {
        let ((client, mut outside), (upstream, mut server)) = (duplex(64), duplex(64));
        let copying = tokio::spawn(copy_both(client, upstream));
        outside.write_all(b"all that there is").await.expect("sent");
        outside.shutdown().await.expect("ended");
        let mut heard = String::new();
        server.read_to_string(&mut heard).await.expect("the end is passed on");
        assert_eq!(heard, "all that there is");
        server.write_all(b"late").await.expect("still heard");
        let mut late = [0; 4];
        outside.read_exact(&mut late).await.expect("both ways until then");
        let begun = Instant::now();
        copying.await.expect("no panic");
        assert!(begun.elapsed() <= limits::HALF_CLOSE_TIMEOUT);
        drop(server);
    }

    #[tokio::test(start_paused = true)]
    async fn an_end_that_breaks_closes_the_other() {
        let ((client, outside), (upstream, mut server)) = (duplex(64), duplex(64));
        let (copying, begun) = (tokio::spawn(copy_both(client, upstream)), Instant::now());
        drop(outside);
        // It may go on sending, but nobody receives it.
        server.write_all(b"more").await.expect("sent");
        copying.await.expect("no panic");
        assert!(begun.elapsed() < limits::HALF_CLOSE_TIMEOUT, "{:?}", begun.elapsed());
        assert_eq!(server.read(&mut [0; 8]).await.expect("no error"), 0, "it hears of it");
    }
}
