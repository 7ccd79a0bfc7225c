//! The secrets of a source: values, rules and problems.

pub mod companions;
pub mod file;
pub mod fingerprint;
pub mod lint;
pub mod secret;
pub mod table;
