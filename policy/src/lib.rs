//! The pure decisions of the proxy: destinations of requests, and permission of secrets.
//!
//! This crate reads no clock, file, environment or network. The manifest names no crate that could, so Cargo enforces
//! this. There are five modules. Each imports only the modules above it, and all may import [`name`], the name of a
//! secret.
//!
//! | module | decides |
//! |---|---|
//! | [`destination`] | the destination of a request, the allowed destinations, and the addresses that are never dialled |
//! | [`request`] | the content of a request's head, and the places where a placeholder may stand |
//! | [`response`] | the framing of a response's body |
//! | [`secrets`] | the content of a source: values, rules and problems |
//! | [`verdict`] | the permission to fill in values, and the request with the values |
//!
//! [`record`] is the audit record. A request passes the files in this order:
//!
//! | file | decides |
//! |---|---|
//! | [`destination::host`] | the form of a host, a port and a destination, parsed once and strictly |
//! | [`destination::agreement`] | whether `Host`, `:authority` and SNI name the destination that is dialled |
//! | [`request::hop`] | which fields belong to one connection and are not forwarded |
//! | [`request::placeholder`] | the places of `{{NAME}}` in a text |
//! | [`request::fields`] | the fields with placeholders, and whether these fields may have placeholders |
//! | [`secrets::file`] | the entries of a source, read strictly and literally |
//! | [`secrets::secret`] | which values a header may hold; a value is wiped on drop and never printed |
//! | [`secrets::companions`] | which lines are companions of a secret, and the rules that they give |
//! | [`destination::allowlist`] | which destinations a `_HOSTS` line allows |
//! | [`secrets::table`] | names, values and rules of one read |
//! | [`secrets::fingerprint`] | whether the next read has the same content, without keeping a value |
//! | [`secrets::lint`] | the problems that `check` reports, and their fixes |
//! | [`verdict::judge`] | permit or refusal |
//! | [`verdict::refusal`] | the reason of a refusal, for the audit record |
//! | [`verdict::render`] | the fields with the values filled in |
//! | [`destination::reach`] | which addresses are never dialled |

#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod destination;
pub mod name;
pub mod record;
pub mod request;
pub mod response;
pub mod secrets;
pub mod verdict;
