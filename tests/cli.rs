//! Commands: their output, their failures, and the services of `install`.

pub(crate) mod bad_input;
mod ca_rotate;
mod check;
mod commands;
mod demo;
mod denied;
mod doctor;
mod env;
mod lost_output;
mod service;
