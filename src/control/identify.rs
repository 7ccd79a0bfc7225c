//! Recognising a secret-proxy by its answer to a request that is not for a proxy.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use actors::NOT_A_PROXY_REQUEST;

/// How long an address may take to answer.
pub(crate) const LIMIT: Duration = Duration::from_secs(3);
/// More bytes than our answer has.
const ANSWER_BYTES: u64 = 4096;

/// A request that no proxy forwards: it asks for nothing, and our answer to it is like no other's.
pub(crate) const QUESTION: &[u8] = b"GET / HTTP/1.1\r\nHost: doctor\r\nConnection: close\r\n\r\n";

/// Whether this is our answer.
pub(crate) fn is_ours(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    text.starts_with("HTTP/1.1 400 ") && text.ends_with(NOT_A_PROXY_REQUEST)
}

/// Whether a secret-proxy listens at an address as `status` writes it.
pub(crate) fn answers_as_ours(address: &str) -> bool {
    ask(address).is_ok_and(|answer| is_ours(&answer))
}

fn ask(address: &str) -> io::Result<Vec<u8>> {
    if let Some(path) = address.strip_prefix("unix:") {
        let stream = UnixStream::connect(Path::new(path))?;
        stream.set_read_timeout(Some(LIMIT))?;
        return converse(stream);
    }
    let address: SocketAddr = address.parse().map_err(io::Error::other)?;
    let stream = TcpStream::connect_timeout(&address, LIMIT)?;
    stream.set_read_timeout(Some(LIMIT))?;
    converse(stream)
}

fn converse(mut stream: impl Read + Write) -> io::Result<Vec<u8>> {
    stream.write_all(QUESTION)?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES).read_to_end(&mut answer)?;
    Ok(answer)
}
