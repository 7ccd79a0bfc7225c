//! The certificates and TLS settings of all ends.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::{ClientConfig, NamedGroup, RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsConnector;

use crate::Broken;

/// The version of HTTP inside TLS.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Http {
    /// HTTP/1.1.
    One,
    /// HTTP/2.
    Two,
}

impl Http {
    /// The name in ALPN.
    pub fn alpn(self) -> &'static [u8] {
        match self {
            Self::One => b"http/1.1",
            Self::Two => b"h2",
        }
    }

    /// The negotiated version.
    pub fn agreed(alpn: Option<&[u8]>) -> Self {
        if alpn == Some(Self::Two.alpn()) { Self::Two } else { Self::One }
    }
}

/// The proxy's TLS library, with or without the post-quantum key exchange.
pub fn provider(classic: bool) -> Arc<CryptoProvider> {
    let mut provider = aws_lc_rs::default_provider();
    provider.kx_groups.retain(|group| !classic || group.name() != NamedGroup::X25519MLKEM768);
    Arc::new(provider)
}

/// A temporary CA.
pub struct Ca {
    issuer: CertifiedIssuer<'static, KeyPair>,
    /// The key of every leaf, as in the proxy.
    key: KeyPair,
}

impl Ca {
    /// A new CA.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn new(name: &str) -> Result<Self, Broken> {
        let mut params = CertificateParams::new(Vec::<String>::new())?;
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        Ok(Self { issuer, key: KeyPair::generate()? })
    }

    /// The CA's certificate.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// The settings of a server with these names.
    ///
    /// # Errors
    /// A name is malformed.
    pub fn server(&self, names: &[&str], provider: Arc<CryptoProvider>) -> Result<Arc<ServerConfig>, Broken> {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let certificate = CertificateParams::new(names)?.signed_by(&self.key, &self.issuer)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.serialize_der()));
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let mut config = builder.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key)?;
        config.alpn_protocols = [Http::Two, Http::One].map(|it| it.alpn().to_vec()).to_vec();
        Ok(Arc::new(config))
    }
}

/// A client that trusts this CA alone, uses this HTTP version and resumes no session.
///
/// # Errors
/// The certificate is malformed.
pub fn connector(ca_pem: &str, http: Http, provider: Arc<CryptoProvider>) -> Result<TlsConnector, Broken> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca_pem.as_bytes()).map_err(|_| "the CA is not PEM")?)?;
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![http.alpn().to_vec()];
    config.resumption = Resumption::disabled();
    Ok(TlsConnector::from(Arc::new(config)))
}
