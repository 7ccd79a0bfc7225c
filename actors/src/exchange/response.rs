//! The way back: responses, and connections that stop being HTTP.

use std::io;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};

use http::header::{CONNECTION, EXPECT, HeaderValue, UPGRADE};
use http::{Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use policy::request::hop;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, split};
use tokio::time::timeout;
use tracing::debug;

use super::constant;
use crate::limits;
use crate::session::Path;
use crate::upstream::Connection;
use crate::wire::request_body::{RequestBody, ResponseBody};

/// Both ends of a connection that goes on in another protocol, such as WebSocket.
pub(crate) struct Upgraded {
    client: OnUpgrade,
    upstream: OnUpgrade,
    /// Moves the upstream's bytes until the upgrade is done.
    _connection: Connection,
}

/// What a session goes on with when its HTTP connection is over: set by a request, taken once.
pub(crate) struct Next<T>(Arc<Mutex<Option<T>>>);

impl<T> Clone for Next<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Default for Next<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T> Next<T> {
    pub(crate) fn set(&self, next: T) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(next);
    }

    pub(crate) fn take(&self) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Keeps the body back until the upstream says that it wants it. Its 100 goes no further: asking for the
/// body makes our own server say the same to the client.
pub(crate) fn hold_body(request: &mut Request<RequestBody>) {
    request.headers_mut().insert(EXPECT, HeaderValue::from_static("100-continue"));
    let wanted = Mutex::new(Some(request.body_mut().hold()));
    hyper::ext::on_informational(request, move |response| {
        if response.status() == StatusCode::CONTINUE
            && let Some(wanted) = wanted.lock().unwrap_or_else(PoisonError::into_inner).take()
        {
            let _ = wanted.send(());
        }
    });
}

/// Passes a response on. Its body is streamed as it comes.
pub(crate) fn response(
    mut response: Response<Incoming>,
    connection: Connection,
    upgrade: Option<OnUpgrade>,
    path: &Path,
) -> Response<ResponseBody> {
    let switched = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    if response.status() == StatusCode::MISDIRECTED_REQUEST {
        // The client asks again on another connection (RFC 9110, section 15.5.20): so must we.
        connection.retire();
    }
    // How old the server is says nothing about us: its clients are kept, and get chunks.
    *response.version_mut() = Version::HTTP_11;
    match upgrade {
        Some(client) if switched => {
            let upstream = hyper::upgrade::on(&mut response);
            path.upgraded.set(Upgraded { client, upstream, _connection: connection });
            let protocol = response.headers().get(UPGRADE).cloned();
            hop::strip(response.headers_mut());
            if let Some(protocol) = protocol {
                response.headers_mut().insert(UPGRADE, protocol);
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
            }
            response.map(|_| ResponseBody::text(""))
        }
        // Nobody asked for another protocol.
        None if switched => constant::bad_gateway(),
        _ => {
            hop::strip(response.headers_mut());
            response.extensions_mut().clear();
            let pool = path.peers.upstream.clone();
            response.map(|body| ResponseBody::upstream(body, connection, pool, path.activity.begin()))
        }
    }
}

/// Copies bytes both ways until both ends are done.
pub(crate) async fn copy(upgraded: Upgraded) {
    let (Ok(client), Ok(upstream)) = tokio::join!(upgraded.client, upgraded.upstream) else { return };
    copy_both(TokioIo::new(client), TokioIo::new(upstream)).await;
}

/// Copies bytes both ways. When one end has said all that it has to say, the other has a while to finish: one
/// that never does would hold the connection for ever.
pub(crate) async fn copy_both(
    client: impl AsyncRead + AsyncWrite + Unpin,
    upstream: impl AsyncRead + AsyncWrite + Unpin,
) {
    let ((mut from_client, mut to_client), (mut from_upstream, mut to_upstream)) = (split(client), split(upstream));
    let mut up = pin!(copy_one(&mut from_client, &mut to_upstream));
    let mut down = pin!(copy_one(&mut from_upstream, &mut to_client));
    let finished = tokio::select! {
        ended = &mut up => if ended.is_ok() { timeout(limits::HALF_CLOSED, down).await } else { return },
        ended = &mut down => if ended.is_ok() { timeout(limits::HALF_CLOSED, up).await } else { return },
    };
    if finished.is_err() {
        debug!("one end of a tunnel never ended");
    }
}

/// Copies until the end, and passes the end on.
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
    async fn an_end_that_never_ends_is_given_up_when_the_other_has_ended() {
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
        assert!(begun.elapsed() <= limits::HALF_CLOSED);
        drop(server);
    }

    #[tokio::test(start_paused = true)]
    async fn an_end_that_breaks_ends_the_other() {
        let ((client, outside), (upstream, mut server)) = (duplex(64), duplex(64));
        let (copying, begun) = (tokio::spawn(copy_both(client, upstream)), Instant::now());
        drop(outside);
        // It goes on for as long as it likes, but nobody can be told of it.
        server.write_all(b"more").await.expect("sent");
        copying.await.expect("no panic");
        assert!(begun.elapsed() < limits::HALF_CLOSED, "{:?}", begun.elapsed());
        assert_eq!(server.read(&mut [0; 8]).await.expect("no error"), 0, "it hears of it");
    }
}
