//! What the text of a source says.

pub mod companions;
pub mod file;
pub mod fingerprint;
pub mod lint;
pub mod secret;
pub mod table;
