//! The client's side of HTTP and TLS: framing, streaming, refusals, and what clients may do.

mod answers;
mod client_tls;
mod clients;
mod expect;
mod framing;
mod one_refusal;
mod passthrough;
mod protocols;
mod pseudo_fields;
mod resting;
mod streaming;
mod uploads;
