//! The bounds whose values are decisions, each with its reason.
//!
//! A size that follows from a format or a system stands beside its use.

use std::time::Duration;

// Owners

/// The time limit of an answer that needs no waiting: an owner that misses it is down.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);
/// How long new tunnels and requests without placeholders wait for an owner that restarts: longer than all pauses
/// that its budget allows.
pub(crate) const RESTART_WAIT: Duration = Duration::from_secs(5);
/// The pause between two tries while an owner restarts.
pub(crate) const RESTART_POLL: Duration = Duration::from_millis(5);
/// The crash of one owner within [`CRASH_WINDOW`] at which the process exits: a fault that nine restarts have not
/// cleared is permanent.
pub(crate) const CRASHES_MAX: usize = 10;
/// See [`CRASHES_MAX`].
pub(crate) const CRASH_WINDOW: Duration = Duration::from_secs(60);
/// The pause before the first restart; it doubles with each crash in the window.
pub(crate) const BACKOFF_MIN: Duration = Duration::from_millis(10);
/// The longest pause before a restart.
pub(crate) const BACKOFF_MAX: Duration = Duration::from_secs(1);
/// The interval of heartbeats, which every owner must answer.
pub(crate) const HEARTBEAT_EVERY: Duration = Duration::from_secs(5);
/// The time limit of the answer to a heartbeat: a hundred times enough, because handlers never wait. An owner without an
/// answer is replaced if it has handled nothing meanwhile, although it had its turns.
pub(crate) const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long sessions may take to finish at shutdown. The services of `install` are killed after 15 s.
pub(crate) const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);
/// How long one owner may take to stop.
pub(crate) const OWNER_STOP_TIMEOUT: Duration = Duration::from_secs(1);

// The client's side

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
/// servers send frames of 16 KiB: this is room for the eight of a head of [`UPSTREAM_BUFFER_BYTES`].
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

// Upstream

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
/// How long the path of an upstream connection may be silent: sent bytes without an acknowledgement, or probes of a
/// quiet connection. With [`CONNECT_TIMEOUT`] for the next one, a client is told within 30 s; most gaps of a living one, such as a new Wi-Fi, are shorter.
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
/// How long a server may leave an upload unread, when its buffer is full. A dead path under such an upload is noticed as
/// late: the system does not tell the two apart.
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

// The mount

/// The length of the mount's text, in bytes.
pub(crate) const SECRETS_BYTES_MAX: usize = 1024 * 1024;
/// The interval of polling a pipe.
pub(crate) const PIPE_POLL: Duration = Duration::from_millis(25);
/// How long a request waits for the mount to be approved.
pub(crate) const REQUEST_WAIT: Duration = Duration::from_secs(15);
/// How long a request waits while nobody serves the pipe.
pub(crate) const UNSERVED_WAIT: Duration = Duration::from_secs(3);
/// How long a request waits for the mount at shutdown: the person who approves may be away.
pub(crate) const DRAINING_WAIT: Duration = Duration::from_millis(500);
/// The pause after a first failed read; it doubles up to [`READ_BACKOFF_MAX`] or [`PROMPT_BACKOFF_MAX`].
pub(crate) const READ_BACKOFF_MIN: Duration = Duration::from_secs(1);
/// The longest pause after a failed read that asks nobody: a file is soon read again.
pub(crate) const READ_BACKOFF_MAX: Duration = Duration::from_secs(10);
/// The longest pause after a failed read of a source that may ask a person: an owner who has declined nine times is not
/// asked for each request of a VM. `reload` and a change of the mount ask at once.
pub(crate) const PROMPT_BACKOFF_MAX: Duration = Duration::from_secs(5 * 60);
/// The shortest time in which a table fills the permits that it gave, even if its TTL is shorter: a dial takes time, and
/// with a TTL of 0 each request would need two reads.
pub(crate) const RENDER_WITHIN: Duration = Duration::from_secs(5);
/// Disagreeing reads of a pipe in a row, at which requests are refused.
pub(crate) const DISAGREEING_READS_MAX: u32 = 3;
/// The interval of stat calls on the mount, in case an event was missed.
pub(crate) const MOUNT_STAT_EVERY: Duration = Duration::from_secs(2);
/// The age of the last stat call on the mount after which a question for a secret makes another one: not every
/// replacement is an event, such as a mount over the file.
pub(crate) const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(200);
/// How long events of the folder are gathered before one stat call on the mount.
pub(crate) const EVENT_DEBOUNCE: Duration = Duration::from_millis(50);

/// How long a program may take to print the secrets.
pub(crate) const PROGRAM_TIMEOUT: Duration = Duration::from_secs(15);
/// How long output is waited for that a child of the program holds back after its end.
pub(crate) const PROGRAM_LAST_OUTPUT: Duration = Duration::from_millis(200);
/// The longest pause after a program that failed: managers of secrets have small quotas.
pub(crate) const PROGRAM_BACKOFF_MAX: Duration = Duration::from_secs(60);
/// Namespaces besides the default one. Each has a source that is watched.
pub(crate) const NAMESPACES_MAX: usize = 64;

// The audit

/// How much of either end of an audit file is searched for a record, in bytes: more than any record has.
pub(crate) const RECORD_BYTES_MAX: usize = 512 * 1024;
/// How often the audit file is synced, if the settings ask for it.
pub(crate) const AUDIT_SYNC_EVERY: Duration = Duration::from_secs(1);
/// Refusals that get records of their own at once, over all connections: far more than a well-meaning program ever has.
pub(crate) const REFUSALS_BURST: u32 = 4000;
/// Refusals in a second that get records of their own after that burst. The others of a second share one.
pub(crate) const REFUSALS_PER_SECOND: u32 = 1;
/// A record of so many bytes counts as one refusal, and a longer one as several, by the length of its names and path.
pub(crate) const RECORD_BYTES: usize = 512;
/// How long refusals are counted before their common record is written.
pub(crate) const REFUSED_TOGETHER_EVERY: Duration = Duration::from_secs(1);
/// Destinations, and names, in the common record of refusals: so it has 3.5 kB at most, and refusals take 500 MB a day at
/// most.
pub(crate) const REFUSED_TOGETHER_NAMED: usize = 8;
/// Bytes of the records of permitted requests that are written at once, over all clients: 20 million typical ones.
pub(crate) const PERMITS_BURST: u64 = 8 * 1024 * 1024 * 1024;
/// The same in a second after that burst: 1,200 typical requests, and 42 GiB a day.
pub(crate) const PERMITS_PER_SECOND: u32 = 512 * 1024;
/// The same while there is little space.
pub(crate) const PERMITS_BURST_LOW: u64 = 1024 * 1024;
/// The same in a second while there is little space: [`SPACE_LOW_BYTES`] last for 22 hours, refusals included.
pub(crate) const PERMITS_PER_SECOND_LOW: u32 = 8 * 1024;
/// How long a permitted request waits until its record may be written.
pub(crate) const PERMIT_WAIT: Duration = Duration::from_secs(15);
/// How often the free space for records is checked.
pub(crate) const SPACE_CHECK_EVERY: Duration = Duration::from_secs(30);
/// The same while there are less than [`SPACE_SHORT_BYTES`].
pub(crate) const SPACE_CHECK_SOON: Duration = Duration::from_secs(3);
/// More than all clients together can fill within [`SPACE_CHECK_EVERY`].
pub(crate) const SPACE_SHORT_BYTES: u64 = 8 * 1024 * 1024 * 1024;
/// The free space below which `status` warns, and permitted requests are slowed down: 2 million records.
pub(crate) const SPACE_LOW_BYTES: u64 = 1024 * 1024 * 1024;

// Certificates

/// Leaves kept, each with its TLS settings.
pub(crate) const LEAVES_MAX: usize = 1024;
/// How long before now a leaf becomes valid: clocks of VMs are late after sleep.
pub(crate) const LEAF_BACKDATED: Duration = Duration::from_secs(48 * 3600);
/// How long a leaf is valid from now.
pub(crate) const LEAF_VALID: Duration = Duration::from_secs(7 * 24 * 3600);
/// The remaining time at which a leaf is replaced.
pub(crate) const LEAF_RENEWED: Duration = Duration::from_secs(24 * 3600);
/// How long a new root is valid: 10 years.
pub(crate) const ROOT_VALID: Duration = Duration::from_secs(3650 * 24 * 3600);

/// The time limit for making a root and syncing it to the disk, on a thread of its own. Less than a client of the status
/// socket waits.
pub(crate) const ROTATION_TIMEOUT: Duration = Duration::from_secs(4);

// Tunnels

/// Reverse tunnels that are remembered.
pub(crate) const TUNNELS_MAX: usize = 64;
/// The silence after which a keeper counts as ended or hung: keepers report every 2 s.
pub(crate) const TUNNEL_SILENCE_MAX: Duration = Duration::from_secs(15);

// Status

/// The length of one question on the status socket, in bytes.
pub(crate) const QUESTION_BYTES_MAX: u64 = 4096;
/// How long a client of the status socket may take to ask.
pub(crate) const QUESTION_TIMEOUT: Duration = Duration::from_secs(5);
