//! Pure decisions: what a placeholder is, where a request goes, and whether a secret may go there.
//!
//! Nothing here reads a clock, a file, the environment or the network; Cargo keeps it so, because
//! the manifest names no crate that could. The modules, in the order in which a request meets them:
//!
//! | module | decides |
//! |---|---|
//! | [`host`] | what a host, a port and a destination are, parsed once and strictly |
//! | [`agreement`] | whether `Host`, `:authority` and SNI name the destination that is dialled |
//! | [`placeholder`] | where `{{NAME}}` stands in a header value |
//! | [`rewrite`] | which fields hold placeholders, and the fields with values in them |
//! | [`secrets_file`] | what the text of the mount says, strictly and literally |
//! | [`table`] | names, values and allowlists out of that text |
//! | [`allowlist`] | what a `_HOSTS` line allows |
//! | [`imprint`] | what a table said, to tell whether the next read agrees |
//! | [`lint`] | what `check` says of that text: what cannot be used, and what is odd |
//! | [`problem`] | those problems in words, with what to do about them |
//! | [`judge`] | permit or refusal |
//! | [`reach`] | which addresses are never dialled |
//! | [`refusal`] | why not, for the host's eyes |
//! | [`record`] | the audit line |
//! | [`hop`] | which fields belong to one connection and are not passed on |
//! | [`secret`] | names and values; a value is wiped on drop and never printed |

#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod agreement;
pub mod allowlist;
pub mod hop;
pub mod host;
pub mod imprint;
pub mod judge;
pub mod lint;
pub mod placeholder;
pub mod problem;
pub mod reach;
pub mod record;
pub mod refusal;
pub mod rewrite;
pub mod secret;
pub mod secrets_file;
pub mod table;
