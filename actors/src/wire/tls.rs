//! The one crypto provider of every TLS configuration.

use std::sync::Arc;

use rustls::CipherSuite;
use rustls::crypto::{CryptoProvider, aws_lc_rs};

/// aws-lc-rs, by name: a process-wide default would panic if a second provider were in the tree.
pub fn provider() -> Arc<CryptoProvider> {
    let mut provider = aws_lc_rs::default_provider();
    // AES-128 is as good for a connection, and processors compute its SHA-256, but not the SHA-384 of AES-256.
    provider.cipher_suites.sort_by_key(|suite| suite.suite() != CipherSuite::TLS13_AES_128_GCM_SHA256);
    Arc::new(provider)
}
