//! End to end, against the built binary: a folder for each group of the README's promises.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod abuse;
mod audit;
mod cli;
mod house;
mod http;
mod owners;
mod secrets;
mod support;
mod upstream;
mod vm;
