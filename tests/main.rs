//! End to end, against the built binary: one file a promise of the README.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod audit;
mod audit_file;
mod audit_verify;
mod bad_input;
mod bounds;
mod ca_rotate;
mod chaos;
mod check;
mod client_tls;
mod commands;
mod day;
mod demo;
mod destination;
mod doctor;
mod env;
mod exhaustion;
mod expect;
mod fail_closed;
mod floods;
mod framing;
mod hygiene;
mod injection;
mod log_file;
mod memory;
mod mount;
mod old_tls;
mod one_refusal;
mod passthrough;
mod protocols;
mod pseudo_fields;
mod record;
mod resting;
mod service;
mod shape;
mod sharing;
mod spellings;
mod streaming;
mod supervision;
mod support;
mod tunnel;
mod tunnel_vm;
mod uploads;
mod upstream_proxy;
mod upstream_tls;
