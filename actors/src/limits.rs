//! Every timeout, cap and queue size, with its reason.

use std::time::Duration;

// Owners

/// An answer that needs no waiting: the owner is alive or it is not.
pub(crate) const ANSWER: Duration = Duration::from_secs(2);
/// How long new tunnels and requests without placeholders wait for an owner that is restarting: longer than
/// all the pauses that its budget allows take together.
pub(crate) const RESTART_WAIT: Duration = Duration::from_secs(5);
/// The pause between two tries meanwhile.
pub(crate) const RESTART_POLL: Duration = Duration::from_millis(5);
/// Crashes of one owner, in [`CRASH_WINDOW`], after which the process gives up: what a restart has
/// not mended ten times it will not mend.
pub(crate) const CRASHES_MAX: usize = 10;
/// See [`CRASHES_MAX`].
pub(crate) const CRASH_WINDOW: Duration = Duration::from_secs(60);
/// The pause before the first restart; it doubles with each crash in the window.
pub(crate) const BACKOFF_MIN: Duration = Duration::from_millis(10);
/// The longest pause before a restart.
pub(crate) const BACKOFF_MAX: Duration = Duration::from_secs(1);
/// How often each owner is asked whether it answers.
pub(crate) const BEAT: Duration = Duration::from_secs(5);
/// How long it may take to answer: handlers never wait, so that this is a hundred times enough. One that
/// does not is replaced.
pub(crate) const BEAT_ANSWER: Duration = Duration::from_secs(5);
/// How long sessions may finish at the end. launchd kills after 20 s.
pub(crate) const DRAIN: Duration = Duration::from_secs(10);
/// How long one owner may take to stop.
pub(crate) const STOP: Duration = Duration::from_secs(1);

// The client's side

/// The pause after a failed accept, such as when descriptors run out.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long a client may take for a request's head, and how long a kept connection may be idle. One that does
/// not rest has one timer of hyper's for both; one that rests has this for its first byte, and once more for the
/// rest of the head.
pub(crate) const HEAD_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a kept HTTP/1.1 connection is between two requests before it gives its buffers back, at the least.
pub(crate) const REST_AFTER_MIN: Duration = Duration::from_millis(25);
/// The same for one that was in use: it is looked at half as often each time.
pub(crate) const REST_AFTER_MAX: Duration = Duration::from_secs(2);
/// How often it is looked, within that time, whether an HTTP/2 connection is idle.
pub(crate) const IDLE_CHECKS: u32 = 4;
/// How long a client may take from CONNECT to the end of the TLS handshake.
pub(crate) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Tunnels at a time between CONNECT and the end of the TLS handshake; for a further one the oldest is
/// cut off. A client that opens tunnels and says nothing holds no more than this.
pub(crate) const HANDSHAKES_MAX: usize = 256;
/// Connections at a time that have not sent the head of a first request, of so many that there may be; for a
/// further one the oldest is cut off. Whoever connects and says nothing holds no more than half of the places.
pub(crate) const fn unheard_max(sessions_max: usize) -> usize {
    let half = sessions_max / 2;
    if half == 0 { 1 } else { half }
}
/// How long a client that has said nothing yet is heard while the daemon ends.
pub(crate) const UNHEARD_DRAIN_TIMEOUT: Duration = Duration::from_millis(500);
/// Refusals of one client connection, after which it is closed: a client that only collects them
/// would fill the disk with records.
pub(crate) const REFUSALS_MAX: usize = 100;
/// Requests that may fail at once, over all connections: a client that comes again after
/// [`REFUSALS_MAX`] would fill the disk, too. Far more than a program that means well ever has.
pub(crate) const FAILURES_BURST: u32 = 4000;
/// Requests a second that may fail when those are used up; the others wait for their answer. With
/// [`RECORD_BYTES`] each that is 2 GiB a day at most.
pub(crate) const FAILURES_PER_SECOND: u32 = 50;
/// A record of so many bytes counts once, and a longer one as often as its names and path are longer than that.
pub(crate) const RECORD_BYTES: usize = 512;
/// Bytes of one request head. Most servers take 8 to 64 KiB.
pub(crate) const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Fields of one head, of a request or a response. Larger counts cost two allocations for each head.
pub(crate) const HEAD_FIELDS_MAX: usize = 100;
/// Streams that one HTTP/2 client connection may have open: what RFC 9113 recommends as a minimum.
pub(crate) const H2_STREAMS_MAX: u32 = 100;
/// Streams reset by the client before they were answered, after which its connection is closed.
pub(crate) const H2_RESETS_MAX: usize = 64;
/// Window of one HTTP/2 stream, in bytes: 1 MiB keeps 80 Mbit/s going at 100 ms.
pub(crate) const H2_STREAM_WINDOW: u32 = 1024 * 1024;
/// Window of one HTTP/2 connection, in bytes: so many streams may stand still, because nobody reads them,
/// before they hold up the others. All of it may have to be kept in memory.
pub(crate) const H2_CONNECTION_WINDOW: u32 = 8 * H2_STREAM_WINDOW;
/// What is kept for one HTTP/2 stream whose peer does not read, in bytes.
pub(crate) const H2_SEND_BUFFER: usize = 64 * 1024;
/// Frames of HTTP/2, in bytes: fewer and larger ones cost less for each byte of a body.
pub(crate) const H2_FRAME_BYTES: u32 = 64 * 1024;
/// How often an HTTP/2 connection is asked whether it lives.
pub(crate) const H2_PING_EVERY: Duration = Duration::from_secs(30);
/// How long the answer to that may take.
pub(crate) const H2_PING_TIMEOUT: Duration = Duration::from_secs(20);
/// How long one end of a tunnel may go on when the other has ended.
pub(crate) const HALF_CLOSE_TIMEOUT: Duration = Duration::from_secs(5 * 60);
/// How much of a refused request's body is read so that the client gets to see the answer, in bytes.
pub(crate) const DISCARD_BYTES_MAX: usize = 1024 * 1024;
/// How long that may take.
pub(crate) const DISCARD_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the client may pause meanwhile: one that waits for an answer sends no more.
pub(crate) const DISCARD_PAUSE_MAX: Duration = Duration::from_millis(500);

// Upstream

/// Looking a name up.
pub(crate) const RESOLVE_TIMEOUT: Duration = Duration::from_secs(10);
/// Connecting to one address and finishing TLS with it.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Waiting for a place, connecting and finishing TLS, over all addresses.
pub(crate) const DIAL_TIMEOUT: Duration = Duration::from_secs(20);
/// Addresses of one name that are tried.
pub(crate) const ADDRESSES_MAX: usize = 4;
/// How long a response head may take: models think for minutes.
pub(crate) const RESPONSE_HEAD_TIMEOUT: Duration = Duration::from_secs(15 * 60);
/// How long a body is kept back for an upstream that has not said whether it wants it: what RFC 9110,
/// section 10.1.1, leaves open and most clients do.
pub(crate) const CONTINUE_TIMEOUT: Duration = Duration::from_secs(1);
/// How long an idle upstream connection is kept: shorter than what most servers allow.
pub(crate) const UPSTREAM_IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// How often idle upstream connections are looked through.
pub(crate) const POOL_SWEEP_EVERY: Duration = Duration::from_secs(15);
/// Idle HTTP/1.1 connections to one destination: as many as clients use at a time, or each further request of theirs
/// dials anew. Who needs their places gets them.
pub(crate) const IDLE_PER_DESTINATION_MAX: usize = 1024;
/// Destinations that are remembered, with their TLS sessions and idle connections.
pub(crate) const DESTINATIONS_MAX: usize = 1024;
/// What is kept of one upstream HTTP/1.1 connection whose client does not read, in bytes; also the
/// largest head of a response.
pub(crate) const UPSTREAM_BUFFER_BYTES: usize = 128 * 1024;
/// Names that are looked up at a time. A look-up takes a thread, and reading the secrets needs one too.
pub(crate) const LOOKUPS_MAX: usize = 64;
/// How often a request is tried on another connection, when idle ones turn out to be closed.
pub(crate) const RESENDS_MAX: usize = 3;
/// Requests at a time on one upstream HTTP/2 connection: what most servers allow. Beyond it another
/// connection is dialled.
pub(crate) const STREAMS_PER_UPSTREAM_MAX: usize = 100;
/// TLS sessions kept for one destination.
pub(crate) const TLS_SESSIONS_PER_DESTINATION: usize = 8;

// The mount

/// The text of the mount, in bytes.
pub(crate) const SECRETS_BYTES_MAX: usize = 1024 * 1024;
/// How often a pipe is asked whether it has more.
pub(crate) const PIPE_POLL: Duration = Duration::from_millis(25);
/// How long a request waits for the mount to be approved.
pub(crate) const REQUEST_WAIT: Duration = Duration::from_secs(15);
/// How long a request waits while nobody serves the pipe.
pub(crate) const UNSERVED_WAIT: Duration = Duration::from_secs(3);
/// How long a request waits for the mount while the daemon ends: whoever is to approve may be away.
pub(crate) const DRAINING_WAIT: Duration = Duration::from_millis(500);
/// The pause after a first failed read; it doubles up to [`READ_BACKOFF_MAX`].
pub(crate) const READ_BACKOFF_MIN: Duration = Duration::from_secs(1);
/// The longest pause after a failed read, so that a locked app does not ask its owner for each request.
pub(crate) const READ_BACKOFF_MAX: Duration = Duration::from_secs(10);
/// How long at least a table fills what was permitted under it, even if its time is shorter: dialling
/// takes a moment, and with a time of 0 each request would be read for twice.
pub(crate) const RENDER_WITHIN: Duration = Duration::from_secs(5);
/// Reads of a pipe, one after the other, that may disagree before requests are refused.
pub(crate) const DOUBTS_MAX: u32 = 3;
/// How often the mount is looked at, without opening it, in case that an event was missed.
pub(crate) const STAT: Duration = Duration::from_secs(2);
/// How long events of the folder are gathered before the mount is looked at.
pub(crate) const SETTLE: Duration = Duration::from_millis(50);

// The audit

/// How much of either end of an audit file is searched for a record, in bytes: more than any record has.
pub(crate) const RECORD_BYTES_MAX: usize = 512 * 1024;
/// How often what was written is synced, where the settings say so.
pub(crate) const AUDIT_SYNC: Duration = Duration::from_secs(1);
/// How often the free space for records is checked.
pub(crate) const SPACE_LOOK: Duration = Duration::from_secs(30);
/// Less space than this, in bytes, is reported: 2 million records.
pub(crate) const SPACE_LOW: u64 = 1024 * 1024 * 1024;

// Certificates

/// Leaves kept, each with its TLS settings.
pub(crate) const LEAVES_MAX: usize = 1024;
/// How long before now a leaf becomes valid: clocks of guests lag after sleep.
pub(crate) const LEAF_BACKDATED: Duration = Duration::from_secs(48 * 3600);
/// How long a leaf is valid from now.
pub(crate) const LEAF_VALID: Duration = Duration::from_secs(7 * 24 * 3600);
/// A leaf this close to its end is minted anew.
pub(crate) const LEAF_RENEWED: Duration = Duration::from_secs(24 * 3600);
/// How long a new root is valid: 10 years.
pub(crate) const ROOT_VALID: Duration = Duration::from_secs(3650 * 24 * 3600);

/// Making a root and syncing it to the disk, which is not the runtime's thread's work. Less than a client of
/// the status socket waits.
pub(crate) const ROTATION: Duration = Duration::from_secs(4);

// Tunnels

/// Tunnels that are remembered.
pub(crate) const TUNNELS_MAX: usize = 64;
/// A keeper speaks every 2 s; one that has not for so long has ended, or is stuck.
pub(crate) const TUNNEL_SILENT: Duration = Duration::from_secs(15);

// Status

/// One question on the status socket, in bytes.
pub(crate) const QUESTION_BYTES_MAX: u64 = 4096;
/// How long a client of the status socket may take to ask.
pub(crate) const QUESTION: Duration = Duration::from_secs(5);
