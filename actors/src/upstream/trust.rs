//! The roots that verify upstreams: the system's and `--upstream-ca`, never our own CA.

use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tracing::warn;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::named_server::NamedServers;
use crate::authority::NAME;
use crate::hint::{Advise, Hint};
use crate::wire::tls;

/// Why the roots cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The file of `--upstream-ca`.
    #[error("--upstream-ca {0}: {1}")]
    File(String, &'static str),
    /// The TLS library refused its own settings.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
}

impl Advise for TrustError {
    fn hints(&self) -> Vec<Hint> {
        match self {
            Self::File(..) => vec!["give a readable file of PEM certificates".into()],
            Self::Tls(_) => Vec::new(),
        }
    }
}

/// Reads the certificates of `--upstream-ca`.
///
/// # Errors
/// It cannot be read, or there is no certificate in it.
pub(crate) fn read_roots(path: &Path) -> Result<Vec<CertificateDer<'static>>, TrustError> {
    let fail = |what| TrustError::File(path.display().to_string(), what);
    let certificates = CertificateDer::pem_file_iter(path).map_err(|_| fail("it cannot be read"))?;
    let certificates: Vec<_> = certificates.collect::<Result<_, _>>().map_err(|_| fail("it is not PEM"))?;
    if certificates.is_empty() { Err(fail("there is no certificate in it")) } else { Ok(certificates) }
}

/// Settings for all upstream connections. Takes tens of milliseconds, for the system's roots.
pub(super) fn client_config(
    extra: &[CertificateDer<'static>],
    own: &CertificateDer<'static>,
) -> Result<ClientConfig, TrustError> {
    let system = rustls_native_certs::load_native_certs();
    for error in &system.errors {
        warn!(%error, "a root of the system cannot be read");
    }
    let mut roots = RootCertStore::empty();
    // A server with a certificate of our own CA is an impostor who has our key. The next root and replaced ones are
    // recognised by their names; a root of another installation is trusted if --upstream-ca names it.
    let system = system.certs.into_iter().filter(|root| !is_ours(root));
    roots.add_parsable_certificates(system.chain(extra.iter().cloned()).filter(|root| root != own));
    if roots.is_empty() {
        warn!("no root certificate is trusted: no upstream can be verified");
    }
    let (roots, builder) = (Arc::new(roots), ClientConfig::builder_with_provider(tls::provider()));
    let builder = builder.with_safe_default_protocol_versions()?;
    let named: Vec<_> = extra.iter().filter(|named| *named != own).cloned().collect();
    match WebPkiServerVerifier::builder_with_provider(roots.clone(), tls::provider()).build() {
        Ok(verifier) if !named.is_empty() => {
            let verifier = Arc::new(NamedServers::new(verifier, named));
            Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
        }
        _ => Ok(builder.with_root_certificates(roots).with_no_client_auth()),
    }
}

/// Whether its name is that of a root of ours.
fn is_ours(root: &CertificateDer<'_>) -> bool {
    let Ok((_, parsed)) = X509Certificate::from_der(root) else { return false };
    let mut names = parsed.subject().iter_common_name().filter_map(|name| name.as_str().ok());
    names.any(|name| name.starts_with(NAME))
}

/// The number of roots that verify upstreams: the system's and those of `--upstream-ca`.
///
/// # Errors
/// The file of `--upstream-ca` cannot be read, or there is no certificate in it.
pub fn count_roots(extra: Option<&Path>) -> Result<usize, TrustError> {
    let extra = extra.map(read_roots).transpose()?.unwrap_or_default();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs.into_iter().chain(extra));
    Ok(roots.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authority::open_or_make;

    #[test]
    fn no_root_of_ours_is_one_of_theirs() {
        let parent = tempfile::tempdir().expect("a folder");
        let root = |name| open_or_make(&parent.path().join(name)).expect("made").certificate().der.clone();
        let (in_use, next) = (root("ca"), root("another"));
        assert!(is_ours(&in_use) && is_ours(&next));
        let system = rustls_native_certs::load_native_certs().certs;
        assert!(!system.iter().any(is_ours));
    }
}
