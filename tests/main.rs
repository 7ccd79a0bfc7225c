//! End to end, against the built binary: one file a promise of the README.

mod bad_input;
mod commands;
mod demo;
mod fail_closed;
mod injection;
mod one_refusal;
mod record;
mod shape;
mod streaming;
mod supervision;
mod support;
