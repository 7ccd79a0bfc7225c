//! TLS for both ends of the harness.
//!
//! There is a temporary CA for origins, and a client that verifies one name and may send another as SNI.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, ServerConfig, SignatureScheme, SupportedProtocolVersion,
};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};

/// The only provider: the default builders of rustls panic if a process has two.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// A CA that lives for one test.
pub struct TestCa {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl TestCa {
    /// A CA with a new key.
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, "secret-proxy test origin CA");
        let key = KeyPair::generate().expect("a key for the test CA");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("the test CA signs itself");
        Self { issuer }
    }

    /// The CA certificate, for `--upstream-ca`.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A server's TLS settings with a certificate for `names` (host names or IP addresses).
    pub fn server(
        &self,
        names: &[String],
        alpn: &[&str],
        versions: &[&'static SupportedProtocolVersion],
    ) -> Arc<ServerConfig> {
        let mut params = CertificateParams::new(names).expect("names fit for a certificate");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().expect("a key for the test origin");
        let leaf = params.signed_by(&key, &self.issuer).expect("the test CA signs the leaf");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(versions)
            .expect("the provider knows these TLS versions")
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key)
            .expect("the leaf fits its key");
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        Arc::new(config)
    }
}

/// The SNI of a client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Sni {
    /// The host of the CONNECT authority.
    #[default]
    Host,
    /// No SNI at all.
    Absent,
    /// Another name.
    Other(String),
}

/// The roots in these PEM texts.
pub fn roots(pems: &[String]) -> Result<RootCertStore, String> {
    let mut store = RootCertStore::empty();
    for pem in pems {
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            let certificate = certificate.map_err(|error| format!("not a PEM: {error}"))?;
            store.add(certificate).map_err(|error| format!("not a root: {error}"))?;
        }
    }
    Ok(store)
}

/// A client's TLS settings and SNI: the peer must have a certificate for `host`, with any SNI.
pub fn client(
    roots: RootCertStore,
    host: &str,
    sni: &Sni,
    alpn: &[&str],
) -> Result<(Arc<ClientConfig>, ServerName<'static>), String> {
    let proven = server_name(host)?;
    let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider())
        .build()
        .map_err(|error| format!("no verifier: {error}"))?;
    let verifier = Arc::new(OneName { inner, name: proven.clone() });
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("no TLS versions: {error}"))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    config.enable_sni = *sni != Sni::Absent;
    let sent = match sni {
        Sni::Other(name) => server_name(name)?,
        Sni::Host | Sni::Absent => proven,
    };
    Ok((Arc::new(config), sent))
}

fn server_name(host: &str) -> Result<ServerName<'static>, String> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let bare = bare.strip_suffix('.').unwrap_or(bare);
    ServerName::try_from(bare.to_owned()).map_err(|_| format!("not a server name: {host:?}"))
}

/// Ordinary verification, for a fixed name instead of the SNI.
#[derive(Debug)]
struct OneName {
    inner: Arc<WebPkiServerVerifier>,
    name: ServerName<'static>,
}

impl ServerCertVerifier for OneName {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _sni: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.inner.verify_server_cert(end_entity, intermediates, &self.name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
