//! A byte stream for tests with exact bytes; the transcript searches all bytes read.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustls_pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::time::timeout;

use super::transcript::Recorder;

/// The maximum length of a message head.
const HEAD_MAX: usize = 1 << 20;

/// The time limit of one read.
pub const WITHIN: Duration = Duration::from_secs(20);

/// Any stream: TCP, a Unix socket, TLS, or the rest after an upgrade.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Io for S {}

/// A stream of any kind.
pub type BoxIo = Box<dyn Io>;

/// The result of the TLS handshake.
#[derive(Clone, Debug, Default)]
pub struct TlsFacts {
    /// The protocol negotiated by ALPN.
    pub alpn: Option<Vec<u8>>,
    /// The peer's certificates, leaf first.
    pub certificates: Vec<CertificateDer<'static>>,
    /// The TLS version.
    pub version: Option<rustls::ProtocolVersion>,
}

/// A stream to the proxy, or through it.
pub struct Wire {
    io: BoxIo,
    recorder: Recorder,
    /// The TLS of this stream, if it is TLS.
    pub tls: Option<TlsFacts>,
}

impl Wire {
    /// A stream with a recorder of its bytes.
    pub fn new(io: impl Io + 'static, recorder: Recorder) -> Self {
        Self { io: Box::new(io), recorder, tls: None }
    }

    /// Writes all of these bytes now.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.write_all(bytes.as_ref()).await?;
        self.flush().await
    }

    /// Reads a message head to the end of its empty line, and no further byte.
    pub async fn read_head(&mut self) -> io::Result<String> {
        let head = self.read_until(b"\r\n\r\n").await?;
        Ok(String::from_utf8_lossy(&head).into_owned())
    }

    /// Reads to the end of `mark`, and no further byte.
    pub async fn read_until(&mut self, mark: &[u8]) -> io::Result<Vec<u8>> {
        within(read_until(self, mark)).await
    }

    /// Reads exactly this many bytes.
    pub async fn read_bytes(&mut self, count: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; count];
        within(self.read_exact(&mut bytes)).await?;
        Ok(bytes)
    }

    /// Reads until the peer closes. A reset counts as a close: the bytes before it are returned.
    pub async fn read_rest(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        match within(self.read_to_end(&mut bytes)).await {
            Err(error) if error.kind() == io::ErrorKind::TimedOut => Err(error),
            _ => Ok(bytes),
        }
    }
}

/// Reads to the end of `mark`, one byte at a time, so that later bytes are not lost.
pub async fn read_until(io: &mut (impl AsyncRead + Unpin), mark: &[u8]) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(mark) {
        if bytes.len() == HEAD_MAX {
            return Err(io::Error::other("the mark did not come within a megabyte"));
        }
        bytes.push(io.read_u8().await?);
    }
    Ok(bytes)
}

async fn within<T>(reading: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(WITHIN, reading).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, task: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(task, buffer))?;
        self.recorder.record(&buffer.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, task: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(task, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(task)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(task)
    }
}
