//! Pure decisions: what a placeholder is, where a request goes, and whether a secret may go there.
//!
//! Nothing here reads a clock, a file, the environment or the network; Cargo keeps it so, because
//! the manifest names no crate that could. The modules, in the order in which a request meets them:
//!
//! | module | decides |
//! |---|---|
//! | [`destination::host`] | what a host, a port and a destination are, parsed once and strictly |
//! | [`destination::agreement`] | whether `Host`, `:authority` and SNI name the destination that is dialled |
//! | [`request::placeholder`] | where `{{NAME}}` stands in a header value |
//! | [`verdict::render`] | which fields hold placeholders, and the fields with values in them |
//! | [`secrets::file`] | what the text of the mount says, strictly and literally |
//! | [`secrets::table`] | names, values and allowlists out of that text |
//! | [`destination::allowlist`] | what a `_HOSTS` line allows |
//! | [`secrets::fingerprint`] | what a table said, to tell whether the next read agrees |
//! | [`secrets::lint`] | what `check` says of that text: what cannot be used, and what is odd |
//! | [`secrets::lint::problem`] | those problems in words, with what to do about them |
//! | [`verdict::judge`] | permit or refusal |
//! | [`destination::reach`] | which addresses are never dialled |
//! | [`verdict::refusal`] | why not, for the host's eyes |
//! | [`record`] | the audit line |
//! | [`request::hop`] | which fields belong to one connection and are not passed on |
//! | [`secrets::secret`] | names and values; a value is wiped on drop and never printed |

#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod destination;
pub mod name;
pub mod record;
pub mod request;
pub mod secrets;
pub mod verdict;
