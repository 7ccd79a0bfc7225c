//! What the text of the mount says.

pub mod file;
pub mod fingerprint;
pub mod lint;
pub mod secret;
pub mod table;
