//! Servers whose own certificate stands in `--upstream-ca`.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use x509_parser::prelude::{ASN1Time, FromDer, X509Certificate};

/// Verifies as ever, and accepts a certificate besides if it is itself named, byte by byte. Then it needs no issuer: its
/// names, its time and its purpose count alone.
#[derive(Debug)]
pub(super) struct NamedServers {
    roots: Arc<WebPkiServerVerifier>,
    named: Vec<CertificateDer<'static>>,
}

impl NamedServers {
    pub(super) fn new(roots: Arc<WebPkiServerVerifier>, named: Vec<CertificateDer<'static>>) -> Self {
        Self { roots, named }
    }
}

impl ServerCertVerifier for NamedServers {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified = self.roots.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match verified {
            Err(_) if self.named.iter().any(|named| named == end_entity) => verify_named(end_entity, server_name, now),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.roots.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.roots.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.roots.supported_verify_schemes()
    }
}

fn verify_named(
    certificate: &CertificateDer<'_>,
    server_name: &ServerName<'_>,
    now: UnixTime,
) -> Result<ServerCertVerified, Error> {
    let (_, parsed) = X509Certificate::from_der(certificate).map_err(|_| CertificateError::BadEncoding)?;
    let now = i64::try_from(now.as_secs()).ok().and_then(|now| ASN1Time::from_timestamp(now).ok());
    let now = now.ok_or(Error::FailedToGetCurrentTime)?;
    if now < parsed.validity().not_before {
        return Err(CertificateError::NotValidYet.into());
    }
    if now > parsed.validity().not_after {
        return Err(CertificateError::Expired.into());
    }
    let purposes = parsed.extended_key_usage().map_err(|_| CertificateError::BadEncoding)?;
    if purposes.is_some_and(|purposes| !purposes.value.server_auth && !purposes.value.any) {
        return Err(CertificateError::InvalidPurpose.into());
    }
    verify_server_name(&ParsedCertificate::try_from(certificate)?, server_name)?;
    Ok(ServerCertVerified::assertion())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, KeyPair};
    use rustls::RootCertStore;
    use time::OffsetDateTime;

    use super::*;
    use crate::wire::tls;

    type Change = fn(&mut CertificateParams);

    /// A certificate as `openssl req -x509` makes it, with a change.
    fn certificate(change: Change) -> CertificateDer<'static> {
        let mut params = CertificateParams::new(["api.example".to_owned()]).expect("legal");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.not_before = OffsetDateTime::now_utc() - Duration::from_secs(3600);
        params.not_after = OffsetDateTime::now_utc() + Duration::from_secs(3600);
        change(&mut params);
        let key = KeyPair::generate().expect("a key");
        params.self_signed(&key).expect("signed").der().clone()
    }

    fn verified(named: &CertificateDer<'static>, presented: &CertificateDer<'_>, name: &str) -> Result<(), Error> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates([named.clone()]);
        let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), tls::provider());
        let verifier = NamedServers::new(builder.build().expect("a verifier"), vec![named.clone()]);
        let name = ServerName::try_from(name).expect("a name");
        verifier.verify_server_cert(presented, &[], &name, &[], UnixTime::now()).map(|_| ())
    }

    #[test]
    fn a_named_certificate_is_trusted_for_its_names_time_and_purpose_alone() {
        let table: [(Change, &str, Result<(), CertificateError>); 6] = [
            (|_| {}, "api.example", Ok(())),
            (|params| params.is_ca = IsCa::ExplicitNoCa, "api.example", Ok(())),
            (|_| {}, "other.example", Err(CertificateError::NotValidForName)),
            (
                |params| params.not_after = OffsetDateTime::now_utc() - Duration::from_secs(60),
                "api.example",
                Err(CertificateError::Expired),
            ),
            (
                |params| params.not_before = OffsetDateTime::now_utc() + Duration::from_secs(60),
                "api.example",
                Err(CertificateError::NotValidYet),
            ),
            (
                |params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth],
                "api.example",
                Err(CertificateError::InvalidPurpose),
            ),
        ];
        for (at, (change, name, expected)) in table.into_iter().enumerate() {
            let named = certificate(change);
            let outcome = verified(&named, &named, name);
            match expected {
                Ok(()) => assert_eq!(outcome, Ok(()), "row {at}"),
                // The name has more in it: which names there are.
                Err(CertificateError::NotValidForName) => assert!(outcome.is_err(), "row {at}"),
                Err(error) => assert_eq!(outcome, Err(error.into()), "row {at}"),
            }
        }
    }

    #[test]
    fn another_certificate_with_the_same_names_is_not_trusted() {
        assert!(verified(&certificate(|_| {}), &certificate(|_| {}), "api.example").is_err());
    }
}
