//! Bounds on clients, their connections and requests.

use std::time::Duration;

/// The pause after a failed accept, such as when descriptors run out.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// The time limit of a request's head, and of a kept connection without a request. hyper has one timer for both; a
/// resting connection has this limit for its first byte, and again for the rest of the head.
pub(crate) const HEAD_TIMEOUT: Duration = Duration::from_secs(60);
/// The shortest time between two requests after which the buffers of a kept HTTP/1.1 connection are freed.
pub(crate) const REST_AFTER_MIN: Duration = Duration::from_millis(25);
/// The longest such time: each check of a connection in use doubles the pause before the next check.
pub(crate) const REST_AFTER_MAX: Duration = Duration::from_secs(2);
/// The checks within [`HEAD_TIMEOUT`] whether an HTTP/2 connection is idle.
pub(crate) const IDLE_CHECKS: u32 = 4;
/// How long a client may take from CONNECT to the end of the TLS handshake.
pub(crate) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Places that connections keep free for those whose first request has not come, once somebody waits for a place. Large
/// enough that a crowd of silent ones does not replace them faster than a client finishes its handshake.
pub(crate) const fn newcomers_share(sessions_max: usize) -> usize {
    let share = sessions_max.div_ceil(16);
    if share < sessions_max { share } else { 0 }
}
/// How long a connection has moved no byte, at the least, before it loses its place to one whose first request has not
/// come. In use it moves bytes more often than that.
pub(crate) const PLACE_QUIET_MIN: Duration = Duration::from_secs(1);
/// How often another connection is evicted for one that waits for its place.
pub(crate) const PLACE_POLL: Duration = Duration::from_millis(100);
/// The time limit at shutdown for a client that has sent nothing.
pub(crate) const UNHEARD_DRAIN_TIMEOUT: Duration = Duration::from_millis(500);
/// Refusals of one client connection, after which it is closed: a program that goes on is not a well-meaning one.
pub(crate) const REFUSALS_MAX: usize = 100;
/// Bytes of the head of a request. Most servers accept 8 to 64 KiB.
pub(crate) const HEAD_BYTES_MAX: usize = 64 * 1024;
/// What one connection may read before others have their turn, in bytes of bodies: two TLS records.
pub(crate) const TURN_BYTES: usize = 32 * 1024;
/// What a byte of an HTTP/2 frame other than DATA costs, in bytes of bodies: one turn reads 2 KiB of them. A kilobyte of
/// indexed fields takes a tenth of a millisecond to decode, and some 100 KiB of memory.
pub(crate) const H2_FRAME_COST: usize = 16;
/// What an HTTP/2 request costs besides, in bytes of bodies: eight begin in one turn. Each takes some fifty microseconds,
/// and the answers of owners.
pub(crate) const H2_REQUEST_COST: usize = 4 * 1024;
/// Fields of an HTTP/2 head from which on it counts as beyond the limit before it is decoded: no client has so many, in
/// whatever number of fields it sends its cookies.
pub(crate) const H2_FIELDS_COUNTED: usize = 1024;
/// Heads beyond the limit on one HTTP/2 connection, after which it is closed: each costs as much as a hundred others.
pub(crate) const OVERSIZED_HEADS_MAX: usize = 3;
/// Fields of the head of a request, and those of a response that the HTTP library reads. Larger counts cost two
/// allocations for each head.
pub(crate) const HEAD_FIELDS_MAX: usize = 100;
/// Open streams of one HTTP/2 client connection: the minimum that RFC 9113 recommends.
pub(crate) const H2_STREAMS_MAX: u32 = 100;
/// Streams that the client resets before their response, after which its connection is closed.
pub(crate) const H2_RESETS_MAX: usize = 64;
/// The window of one HTTP/2 stream, in bytes: 1 MiB sustains 80 Mbit/s at 100 ms.
pub(crate) const H2_STREAM_WINDOW: u32 = 1024 * 1024;
/// The window of one HTTP/2 connection, in bytes: eight unread streams do not block the others. A connection may take
/// this much memory.
pub(crate) const H2_CONNECTION_WINDOW: u32 = 8 * H2_STREAM_WINDOW;
/// The same for one stream, as a size.
pub(crate) const H2_STREAM_BYTES: usize = 1024 * 1024;
/// The window of one HTTP/2 connection, as a size.
pub(crate) const H2_CONNECTION_BYTES: usize = 8 * H2_STREAM_BYTES;
/// The memory that messages take which their receivers do not read, over all clients, as it is estimated. When it is
/// exceeded, clients that do not read are closed, the largest first. A client with 50 large responses takes 13 MiB.
pub(crate) const BACKLOG_BYTES_MAX: usize = 64 * 1024 * 1024;
/// The share of one client, above which it is closed though it moves bytes, if the sum is twice the maximum. A client
/// with one response at a time is below it.
pub(crate) const BACKLOG_SHARE_MAX: usize = 4 * 1024 * 1024;
/// Bytes buffered for one HTTP/2 stream while its peer is not reading.
pub(crate) const H2_SEND_BUFFER: usize = 64 * 1024;
/// The size of HTTP/2 frames, in bytes: larger ones cost less for each byte of a body.
pub(crate) const H2_FRAME_BYTES: u32 = 64 * 1024;
/// The size of HTTP/2 frames of servers, in bytes. See [`H2_RESPONSE_HEAD_BYTES`].
pub(crate) const H2_UPSTREAM_FRAME_BYTES: u32 = 32 * 1024;
/// The head of a response in HTTP/2, in bytes. The HTTP library takes 5/4 of the frames that such a head needs, and most
/// servers send frames of 16 KiB: this is room for the eight of a head of [`super::UPSTREAM_BUFFER_BYTES`].
pub(crate) const H2_RESPONSE_HEAD_BYTES: u32 = 7 * H2_UPSTREAM_FRAME_BYTES;
/// How often an HTTP/2 connection is pinged.
pub(crate) const H2_PING_EVERY: Duration = Duration::from_secs(30);
/// The time limit of the answer to a ping.
pub(crate) const H2_PING_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a client that has ended its side of the connection is waited for, from the last byte that was written to it,
/// if it cannot be probed: it may read its response, or have gone.
pub(crate) const ENDED_CLIENT_WAIT: Duration = Duration::from_secs(2);
/// The pause before such a client is probed by an interim response; it doubles with each.
pub(crate) const ENDED_CLIENT_PROBE_MIN: Duration = Duration::from_millis(500);
/// The longest pause between two probes.
pub(crate) const ENDED_CLIENT_PROBE_MAX: Duration = Duration::from_secs(10);
/// The time limit of one direction of a tunnel after the end of the other direction.
pub(crate) const HALF_CLOSE_TIMEOUT: Duration = Duration::from_secs(5 * 60);
/// Bytes read and discarded of a refused request, so that the client reads its answer.
pub(crate) const DISCARD_BYTES_MAX: usize = 1024 * 1024;
/// The time limit for discarding them.
pub(crate) const DISCARD_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest pause of the client during this: a client that waits for its answer sends nothing more.
pub(crate) const DISCARD_PAUSE_MAX: Duration = Duration::from_millis(500);
