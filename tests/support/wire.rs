//! A byte stream for tests that are exact about bytes, with everything read from it heard by the
//! transcript.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustls_pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::time::timeout;

use super::transcript::Recorder;

/// The most that a message head may have.
const HEAD_MAX: usize = 1 << 20;

/// How long any one read of a test may take.
pub const WITHIN: Duration = Duration::from_secs(20);

/// Any stream: TCP, a Unix socket, TLS, or what is left after an upgrade.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Io for S {}

/// A stream whose kind does not matter.
pub type BoxIo = Box<dyn Io>;

/// What the TLS handshake settled.
#[derive(Clone, Debug, Default)]
pub struct TlsFacts {
    /// The protocol that ALPN settled on.
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
    /// A stream whose bytes `recorder` gets.
    pub fn new(io: impl Io + 'static, recorder: Recorder) -> Self {
        Self { io: Box::new(io), recorder, tls: None }
    }

    /// Writes all of these bytes now.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.write_all(bytes.as_ref()).await?;
        self.flush().await
    }

    /// Reads a message head, up to and with its empty line, and not a byte more.
    pub async fn read_head(&mut self) -> io::Result<String> {
        let head = self.read_until(b"\r\n\r\n").await?;
        Ok(String::from_utf8_lossy(&head).into_owned())
    }

    /// Reads up to and with `mark`, and not a byte more.
    pub async fn read_until(&mut self, mark: &[u8]) -> io::Result<Vec<u8>> {
        within(read_until(self, mark)).await
    }

    /// Reads exactly so many bytes.
    pub async fn read_bytes(&mut self, count: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; count];
        within(self.read_exact(&mut bytes)).await?;
        Ok(bytes)
    }

    /// Reads until the peer closes. A reset counts as a close: what had come is given.
    pub async fn read_rest(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        match within(self.read_to_end(&mut bytes)).await {
            Err(error) if error.kind() == io::ErrorKind::TimedOut => Err(error),
            _ => Ok(bytes),
        }
    }
}

/// Reads up to and with `mark`, a byte at a time so that nothing behind it is lost.
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
