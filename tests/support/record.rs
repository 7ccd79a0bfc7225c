//! The records of an origin: decrypted bytes of each connection, and parsed requests.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Instant, SystemTime};

use super::canary::Canary;

/// The kept length of one connection and of one body; the rest is only counted.
const KEPT_MAX: usize = 16 << 20;

/// One request as an origin parsed it.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The number of the request's connection, from 0.
    pub connection: usize,
    /// The SNI of that connection.
    pub sni: Option<String>,
    /// The method.
    pub method: String,
    /// Path and query, as sent.
    pub path: String,
    /// `:authority` in HTTP/2, the authority of an absolute target in HTTP/1.1.
    pub authority: Option<String>,
    /// Names (lower-case) and values, in the order of the HTTP library's map.
    pub headers: Vec<(Vec<u8>, Vec<u8>)>,
    /// The HTTP version.
    pub version: http::Version,
    /// The received and kept part of the body; empty in the hook, which runs at the head's receipt.
    pub body: Vec<u8>,
    /// The body's length so far, kept or not.
    pub body_bytes: u64,
    /// Whether the whole body was received.
    pub complete: bool,
    /// The trailers, names and values.
    pub trailers: Vec<(Vec<u8>, Vec<u8>)>,
    /// The time of the head's receipt.
    pub at: Instant,
    /// The same time by the wall clock, for comparison with audit records.
    pub clock: SystemTime,
}

impl Recorded {
    /// The first value of a header; `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.header_all(name).first().copied()
    }

    /// All values of a header; `name` in lower case.
    pub fn header_all(&self, name: &str) -> Vec<&[u8]> {
        let mine = self.headers.iter().filter(|(key, _)| key == name.as_bytes());
        mine.map(|(_, value)| value.as_slice()).collect()
    }

    /// One value of the query, such as `ms` in `/slow?ms=5`, without decoding.
    pub fn query(&self, key: &str) -> Option<&str> {
        let (_, query) = self.path.split_once('?')?;
        query.split('&').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='))
    }
}

/// The hook at the receipt of each request's head, before the answer.
pub type OnRequest = Arc<dyn Fn(&Recorded) + Send + Sync>;

/// The records of one origin; clones share them.
#[derive(Clone, Default)]
pub struct Records(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    requests: Vec<Recorded>,
    connections: Vec<Vec<u8>>,
    open: usize,
    failed_handshakes: usize,
}

impl Records {
    /// All requests so far, in order of receipt.
    pub fn requests(&self) -> Vec<Recorded> {
        self.seen().requests.clone()
    }

    /// The decrypted bytes that each connection sent.
    pub fn received(&self) -> Vec<Vec<u8>> {
        self.seen().connections.clone()
    }

    /// The number of connections with a successful handshake.
    pub fn connections(&self) -> usize {
        self.seen().connections.len()
    }

    /// The number of these connections that are open now.
    pub fn open_connections(&self) -> usize {
        self.seen().open
    }

    /// The number of failed TLS handshakes.
    pub fn failed_handshakes(&self) -> usize {
        self.seen().failed_handshakes
    }

    /// The places of the canary, in received bytes or in parsed requests (HTTP/2 heads are compressed).
    pub fn find(&self, canary: &Canary) -> Option<String> {
        let seen = self.seen();
        let in_bytes = seen.connections.iter().enumerate().find_map(|(number, bytes)| {
            let form = canary.found_in(bytes)?;
            Some(format!("{form} in the bytes of connection {number}"))
        });
        in_bytes.or_else(|| {
            seen.requests.iter().find_map(|request| {
                let form = request.spelled().iter().find_map(|part| canary.found_in(part))?;
                Some(format!("{form} in {} {}", request.method, request.path))
            })
        })
    }

    /// A new connection's number.
    pub fn open(&self) -> usize {
        let mut seen = self.seen();
        seen.connections.push(Vec::new());
        seen.open += 1;
        seen.connections.len() - 1
    }

    /// Adds received bytes of a connection.
    pub fn received_on(&self, connection: usize, piece: &[u8]) {
        keep(&mut self.seen().connections[connection], piece);
    }

    /// Counts a closed connection.
    pub fn close(&self) {
        self.seen().open -= 1;
    }

    /// Counts a failed handshake.
    pub fn handshake_failed(&self) {
        self.seen().failed_handshakes += 1;
    }

    /// Keeps a request's head; the index is for [`Records::update`].
    pub fn push(&self, request: Recorded) -> usize {
        let mut seen = self.seen();
        seen.requests.push(request);
        seen.requests.len() - 1
    }

    /// Adds a piece of the body.
    pub fn body(&self, index: usize, piece: &[u8]) {
        let request = &mut self.seen().requests[index];
        request.body_bytes += piece.len() as u64;
        keep(&mut request.body, piece);
    }

    /// Changes the record of a request.
    pub fn update(&self, index: usize, change: impl FnOnce(&mut Recorded)) {
        change(&mut self.seen().requests[index]);
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().expect("no test thread panicked with the records in hand")
    }
}

impl Recorded {
    fn spelled(&self) -> Vec<&[u8]> {
        let fields = self.headers.iter().chain(&self.trailers);
        let mut parts: Vec<&[u8]> = fields.flat_map(|(name, value)| [name.as_slice(), value]).collect();
        parts.extend([self.method.as_bytes(), self.path.as_bytes(), &self.body]);
        parts.extend(self.authority.as_ref().map(String::as_bytes));
        parts
    }
}

fn keep(kept: &mut Vec<u8>, piece: &[u8]) {
    let room = KEPT_MAX.saturating_sub(kept.len()).min(piece.len());
    kept.extend_from_slice(&piece[..room]);
}
