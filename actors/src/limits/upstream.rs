//! Bounds on servers, and on connections and look-ups for them.

use std::time::Duration;

/// The time limit of a name's lookup.
pub(crate) const RESOLVE_TIMEOUT: Duration = Duration::from_secs(10);
/// The time limit of connecting to one address, and again of its TLS handshake.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long one address has before the next one is begun as well: what RFC 8305, section 5, recommends.
pub(crate) const NEXT_ADDRESS_AFTER: Duration = Duration::from_millis(250);
/// The time limit of a TLS handshake while there are other addresses to try.
pub(crate) const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(5);
/// Addresses of one destination that are connected to in vain, because TLS fails there.
pub(crate) const HANDSHAKES_TRIED_MAX: usize = 4;
/// How long the address that worked last is tried first.
pub(crate) const ADDRESS_REMEMBERED: Duration = Duration::from_secs(10 * 60);
/// The time limit for an acknowledgement of sent bytes, or of probes on a quiet upstream connection. Together with
/// [`CONNECT_TIMEOUT`] of the next connection it keeps within 30 s. Gaps of a working path, such as a change of Wi-Fi,
/// are mostly shorter.
pub(crate) const DEAD_PATH_TIMEOUT: Duration = Duration::from_secs(18);
/// How long an upstream connection is quiet before the system probes its path. A probe is no HTTP/2 ping: servers, of
/// gRPC above all, count those and close.
pub(crate) const KEEPALIVE_AFTER: Duration = Duration::from_secs(8);
/// The pause between two probes.
pub(crate) const KEEPALIVE_EVERY: Duration = Duration::from_secs(5);
/// How long after its last use a kept connection is taken without a look whether its path is still the one that a new
/// connection would take: a look costs 10 µs.
pub(crate) const PATH_TRUSTED: Duration = Duration::from_millis(250);
/// Bytes of an upload after which a server may be reading slowly: as many fit into the buffer of any server.
pub(crate) const UNANSWERED_MAX: usize = 64 * 1024;
/// How long a server may leave an upload unread when its buffer is full. The system shows no difference to a dead path,
/// so a dead path under such an upload is noticed after the same time.
pub(crate) const UNREAD_TIMEOUT: Duration = Duration::from_secs(5 * 60);
/// The time limit of a dial over all addresses, with the wait for a permit.
pub(crate) const DIAL_TIMEOUT: Duration = Duration::from_secs(20);
/// Addresses of one name that are tried: with the pause between them, all are begun within [`DIAL_TIMEOUT`].
pub(crate) const ADDRESSES_MAX: usize = 16;
/// The time limit of a response's head: language models think for minutes.
pub(crate) const RESPONSE_HEAD_TIMEOUT: Duration = Duration::from_secs(15 * 60);
/// The time that a body waits for an upstream's answer to `Expect: 100-continue`. RFC 9110, section 10.1.1, gives no
/// time; most clients wait for one second.
pub(crate) const CONTINUE_TIMEOUT: Duration = Duration::from_secs(1);
/// How long an idle upstream connection is kept: shorter than most servers keep it.
pub(crate) const UPSTREAM_IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// How often the pool is searched for expired connections.
pub(crate) const POOL_SWEEP_EVERY: Duration = Duration::from_secs(15);
/// Idle HTTP/1.1 connections to one destination: at least the concurrent requests, or each further request would dial.
/// Idle connections are closed when their permits are needed.
pub(crate) const IDLE_PER_DESTINATION_MAX: usize = 1024;
/// Destinations that are remembered, with their TLS sessions and idle connections.
pub(crate) const DESTINATIONS_MAX: usize = 1024;
/// Bytes buffered for an upstream HTTP/1.1 connection while its client is not reading; also the largest head of a
/// response.
pub(crate) const UPSTREAM_BUFFER_BYTES: usize = 128 * 1024;
/// Fields of the head of a response. Browsers and curl take some thousands.
pub(crate) const RESPONSE_FIELDS_MAX: usize = 2000;
/// Interim responses before one response, after which the server is given up. One that reports its progress each second
/// (102) may take as long as [`RESPONSE_HEAD_TIMEOUT`].
pub(crate) const INTERIMS_MAX: usize = 1000;
/// The same in HTTP/2, whose library keeps their fields until the final response has come.
pub(crate) const H2_INTERIMS_MAX: usize = 32;
/// The largest interim response that is passed on, in bytes.
pub(crate) const INTERIM_BYTES_MAX: usize = 16 * 1024;
/// Interim responses that wait for a client to read them; further ones are dropped.
pub(crate) const INTERIMS_WAITING_MAX: usize = 16;
/// Concurrent lookups of names. Each takes one of the runtime's 512 threads, and reading the secrets needs one too.
pub(crate) const LOOKUPS_MAX: usize = 192;
/// Further lookups of names that some secret is listed for, or that had an answer lately.
pub(crate) const LOOKUPS_RESERVED: usize = 64;
/// Concurrent lookups of names of one registrable domain: its servers may never answer.
pub(crate) const LOOKUPS_PER_DOMAIN_MAX: usize = 8;
/// Further connections for one request, if its idle connection proves to be closed or a server did not process it.
pub(crate) const RESENDS_MAX: usize = 3;
/// Bytes of a request's body that are kept until its response comes, to send them again.
pub(crate) const RESEND_BYTES_MAX: usize = 64 * 1024;
/// How long a failed connection may take to give a body back.
pub(crate) const RETURN_TIMEOUT: Duration = Duration::from_secs(1);
/// A connection that its server closes so soon after a response is closed early: most keep one for 5 s or more.
pub(crate) const CLOSED_EARLY: Duration = Duration::from_secs(1);
/// How long a destination is known to close connections early.
pub(crate) const CLOSED_EARLY_REMEMBERED: Duration = Duration::from_secs(60);
/// How much earlier than a server says a connection counts as closed.
pub(crate) const KEEP_ALIVE_MARGIN: Duration = Duration::from_secs(1);
/// How long a connection to a destination whose manners are unknown is idle before it carries a request that must not
/// be sent twice: servers that close after each response do so at once.
pub(crate) const SETTLE_TIME: Duration = Duration::from_millis(20);
/// Reuses after which a destination is known to keep its connections.
pub(crate) const REUSES_PROVEN: u32 = 8;
/// Concurrent requests on one upstream HTTP/2 connection: the limit of most servers. Beyond it another connection is
/// dialled.
pub(crate) const STREAMS_PER_UPSTREAM_MAX: usize = 100;
/// TLS sessions kept for one destination.
pub(crate) const TLS_SESSIONS_PER_DESTINATION: usize = 8;
