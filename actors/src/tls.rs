//! The one crypto provider, handed to every TLS configuration.

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};

/// aws-lc-rs, by name: with a process-wide default, a second provider in the tree would be a panic.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}
