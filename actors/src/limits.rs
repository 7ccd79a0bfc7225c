//! The bounds whose values are decisions, each with its reason.
//!
//! A size that follows from a format or a system stands beside its use.

mod client;
mod upstream;

use std::time::Duration;

pub(crate) use self::client::*;
pub(crate) use self::upstream::*;

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
