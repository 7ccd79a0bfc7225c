//! TCP connections to servers, whose dead paths are noticed.
//!
//! | what is on its way | Linux | macOS |
//! |---|---|---|
//! | nothing | probes (`SO_KEEPALIVE`) | probes |
//! | bytes without an acknowledgement | `TCP_USER_TIMEOUT`; no probes | probes, which count from the last packet received |
//!
//! A probe is acknowledged by the server's system, not by its program.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::path::Path;
use crate::limits;

/// A TCP connection that the system closes when its path is dead.
#[derive(Debug)]
pub(crate) struct Tcp {
    stream: TcpStream,
    /// Bytes written since the last ones were read.
    unanswered: usize,
    /// Whether the server may leave bytes unread for longer.
    is_patient: bool,
}

impl Tcp {
    /// Sets what every upstream connection needs.
    pub(super) fn new(stream: TcpStream) -> io::Result<Self> {
        // Without it, small writes wait up to 40 ms for an acknowledgement.
        stream.set_nodelay(true)?;
        // If the server has reset the connection by now, its first use says so.
        let _ = SockRef::from(&stream).set_tcp_keepalive(&keepalive());
        let tcp = Self { stream, unanswered: 0, is_patient: false };
        tcp.limit_silence();
        Ok(tcp)
    }

    /// Limits how long sent bytes may be without an acknowledgement. The same limit holds while a server does not read,
    /// once its buffer is full: that is no dead path.
    fn limit_silence(&self) {
        let limit = if self.is_patient { limits::UNREAD_TIMEOUT } else { limits::DEAD_PATH_TIMEOUT };
        set_user_timeout(&self.stream, limit);
    }

    /// Its path, if both ends are known.
    pub(super) fn path(&self) -> Option<Path> {
        Some(Path::new(self.stream.local_addr().ok()?, self.stream.peer_addr().ok()?))
    }

    fn be_patient(&mut self, is_patient: bool) {
        if std::mem::replace(&mut self.is_patient, is_patient) != is_patient {
            self.limit_silence();
        }
    }

    fn note_read(&mut self) {
        self.unanswered = 0;
        self.be_patient(false);
    }

    fn note_write(&mut self, written: &Poll<io::Result<usize>>) {
        if let Poll::Ready(Ok(length)) = written {
            self.unanswered = self.unanswered.saturating_add(*length);
            if self.unanswered > limits::UNANSWERED_MAX {
                self.be_patient(true);
            }
        }
    }
}

#[cfg(target_os = "linux")]
fn set_user_timeout(stream: &TcpStream, limit: Duration) {
    let _ = SockRef::from(stream).set_tcp_user_timeout(Some(limit));
}

/// The probes have the limit there.
#[cfg(not(target_os = "linux"))]
fn set_user_timeout(_: &TcpStream, _: Duration) {}

/// Probes of a connection on which nothing moves: the system closes it when they are not acknowledged.
fn keepalive() -> TcpKeepalive {
    let probes = limits::DEAD_PATH_TIMEOUT.saturating_sub(limits::KEEPALIVE_AFTER);
    let retries = u32::try_from(probes.as_secs() / limits::KEEPALIVE_EVERY.as_secs()).unwrap_or(1);
    TcpKeepalive::new().with_time(limits::KEEPALIVE_AFTER).with_interval(limits::KEEPALIVE_EVERY).with_retries(retries)
}

impl AsyncRead for Tcp {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.note_read();
        }
        polled
    }
}

impl AsyncWrite for Tcp {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.note_write(&written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.note_write(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    async fn pair() -> (Tcp, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let (ours, theirs) = tokio::join!(TcpStream::connect(address), listener.accept());
        (Tcp::new(ours.expect("connected")).expect("prepared"), theirs.expect("accepted").0)
    }

    #[tokio::test]
    async fn a_silent_path_is_given_up_within_half_a_minute() {
        let (tcp, _theirs) = pair().await;
        let socket = SockRef::from(&tcp.stream);
        assert!(socket.keepalive().expect("readable") && tcp.stream.nodelay().expect("readable"));
        let probes =
            socket.tcp_keepalive_interval().expect("readable") * socket.tcp_keepalive_retries().expect("readable");
        assert!(socket.tcp_keepalive_time().expect("readable") + probes <= Duration::from_secs(30));
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_server_that_does_not_read_a_long_upload_is_given_more_time_until_it_says_something() {
        let (mut tcp, mut theirs) = pair().await;
        let limit = |tcp: &Tcp| SockRef::from(&tcp.stream).tcp_user_timeout().expect("readable");
        tcp.write_all(&vec![0; limits::UNANSWERED_MAX]).await.expect("sent");
        assert_eq!(limit(&tcp), Some(limits::DEAD_PATH_TIMEOUT));
        tcp.write_all(b"more").await.expect("sent");
        assert_eq!(limit(&tcp), Some(limits::UNREAD_TIMEOUT));
        theirs.write_all(b"x").await.expect("sent");
        tcp.read_exact(&mut [0]).await.expect("read");
        assert_eq!(limit(&tcp), Some(limits::DEAD_PATH_TIMEOUT));
    }
}
