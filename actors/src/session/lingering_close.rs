//! The end of a connection whose request the HTTP library refused.
//!
//! A client may still be sending when it is refused. If its connection is closed with bytes unread, the system
//! resets it: the client's write fails, and the refusal may be lost (RFC 9112, section 9.6).

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use crate::limits;
use crate::wire::ByteStream;

/// Bytes that are discarded at a time.
const PIECE: usize = 16 * 1024;

/// Ends our side after a request that could not be parsed, then discards what the client sends, up to a bound.
pub(super) async fn after<S: ByteStream>(error: &hyper::Error, stream: Option<S>) {
    let Some(mut stream) = stream.filter(|_| error.is_parse()) else { return };
    let closing = async {
        let _ = stream.shutdown().await;
        discard(&mut stream).await;
    };
    let _ = timeout(limits::DISCARD_TIMEOUT, closing).await;
}

async fn discard<S: ByteStream>(stream: &mut S) {
    let (mut piece, mut bytes) = (vec![0; PIECE], 0);
    while bytes < limits::DISCARD_BYTES_MAX {
        match stream.read(&mut piece).await {
            Ok(count @ 1..) => bytes += count,
            _ => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http::{Request, Response};
    use hyper::body::Incoming;
    use hyper::server::conn::http1;
    use hyper::service::service_fn;
    use hyper_util::rt::TokioIo;
    use tokio::io::{DuplexStream, duplex};
    use tokio::time::Instant;

    use super::*;

    /// What hyper says of a request that cannot be parsed.
    async fn refusal() -> hyper::Error {
        let (mut client, server) = duplex(1024);
        client.write_all(b"no request\r\n\r\n").await.expect("sent");
        let service = service_fn(async |_: Request<Incoming>| Ok::<_, Infallible>(Response::new(String::new())));
        http1::Builder::new().serve_connection(TokioIo::new(server), service).await.expect_err("refused")
    }

    /// Closes one end of a stream in the background; gives the other end.
    async fn closing() -> (DuplexStream, tokio::task::JoinHandle<()>) {
        let (error, (client, server)) = (refusal().await, duplex(1024));
        (client, tokio::spawn(async move { after(&error, Some(server)).await }))
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_ends_its_request_and_reads_the_end_of_the_answer() {
        let (mut client, closing) = closing().await;
        assert_eq!(client.read(&mut [0; 8]).await.expect("no error"), 0, "our side has ended");
        client.write_all(&vec![0; 100_000]).await.expect("read");
        drop(client);
        closing.await.expect("no panic");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_never_ends_is_given_up_after_a_time_or_a_number_of_bytes() {
        let (client, idle) = closing().await;
        let begun = Instant::now();
        idle.await.expect("no panic");
        assert_eq!(begun.elapsed().as_secs(), limits::DISCARD_TIMEOUT.as_secs());
        drop(client);

        let (mut client, endless) = closing().await;
        let begun = Instant::now();
        assert!(client.write_all(&vec![0; limits::DISCARD_BYTES_MAX + 64 * 1024]).await.is_err());
        endless.await.expect("no panic");
        assert!(begun.elapsed() < limits::DISCARD_TIMEOUT);
    }
}
