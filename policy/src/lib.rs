//! The pure decisions of the proxy: where a request goes, and whether a secret may go there.
//!
//! Nothing here reads a clock, a file, the environment or the network. Cargo enforces it: the manifest
//! names no crate that could. There are four rooms; each imports only those above it, and all may import
//! [`name`], the name of a secret.
//!
//! | room | decides |
//! |---|---|
//! | [`destination`] | where a request goes, where it may go, and which addresses are never dialled |
//! | [`request`] | what the head of a request holds, and where a placeholder may stand |
//! | [`secrets`] | what the text of a source says: values, rules and problems |
//! | [`verdict`] | whether the values may be put in, and the request with the values |
//!
//! [`record`] is the audit record. A request meets the files in this order:
//!
//! | file | decides |
//! |---|---|
//! | [`destination::host`] | what a host, a port and a destination are, parsed once and strictly |
//! | [`destination::agreement`] | whether `Host`, `:authority` and SNI name the destination that is dialled |
//! | [`request::hop`] | which fields belong to one connection and are not forwarded |
//! | [`request::placeholder`] | where `{{NAME}}` stands in a text |
//! | [`request::fields`] | which fields hold placeholders, and whether they may |
//! | [`secrets::file`] | what the entries of a source are, read strictly and literally |
//! | [`secrets::secret`] | which values a header may hold; a value is wiped on drop and never printed |
//! | [`secrets::companions`] | which lines are companions of a secret, and the rules that they give |
//! | [`destination::allowlist`] | which destinations a `_HOSTS` line allows |
//! | [`secrets::table`] | names, values and rules of one read |
//! | [`secrets::fingerprint`] | whether the next read says the same, without keeping a value |
//! | [`secrets::lint`] | which problems `check` reports, and how to fix them |
//! | [`verdict::judge`] | permit or refusal |
//! | [`verdict::refusal`] | the reason of a refusal, for the audit record |
//! | [`verdict::render`] | the fields with the values put in |
//! | [`destination::reach`] | which addresses are never dialled |

#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod destination;
pub mod name;
pub mod record;
pub mod request;
pub mod secrets;
pub mod verdict;
