//! Leaf certificates: one for each destination's host, signed by the root, all with the key of this run.

use std::sync::Arc;
use std::time::Duration;

use policy::destination::host::Host;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, SanType, SerialNumber,
};
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::sign::{CertifiedKey, SigningKey};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use time::OffsetDateTime;

use super::root::serial_number;
use crate::limits::{LEAF_BACKDATED, LEAF_VALID};

/// The longest common name that certificates may hold (RFC 5280, appendix A.1).
const COMMON_NAME_MAX: usize = 64;

/// The key that all leaves of this run share. It is not the root's.
pub(super) struct LeafKey {
    pair: KeyPair,
    signing: Arc<dyn SigningKey>,
}

/// Why no leaf could be made.
#[derive(Debug, thiserror::Error)]
#[error("a leaf certificate cannot be made")]
pub(super) struct MintError;

impl LeafKey {
    pub(super) fn generate() -> Result<Self, MintError> {
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(|_| MintError)?;
        let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pair.serialize_der()));
        let signing = any_supported_type(&der).map_err(|_| MintError)?;
        Ok(Self { pair, signing })
    }

    /// A leaf for this host, valid for [`LEAF_VALID`] from `now`.
    pub(super) fn mint(
        &self,
        issuer: &Issuer<'_, KeyPair>,
        host: &Host,
        now: OffsetDateTime,
    ) -> Result<Arc<CertifiedKey>, MintError> {
        let certificate = params(host, now)?.signed_by(&self.pair, issuer).map_err(|_| MintError)?;
        let chain = vec![CertificateDer::from(certificate)];
        Ok(Arc::new(CertifiedKey::new(chain, self.signing.clone())))
    }
}

fn params(host: &Host, now: OffsetDateTime) -> Result<CertificateParams, MintError> {
    let mut params = CertificateParams::default();
    params.subject_alt_names = vec![match host {
        Host::Name(name) => SanType::DnsName(name.as_ref().try_into().map_err(|_| MintError)?),
        Host::Ip(ip) => SanType::IpAddress(*ip),
    }];
    params.distinguished_name = DistinguishedName::new();
    let name = host.to_string();
    let common_name = if name.len() <= COMMON_NAME_MAX { name } else { "secret-proxy".to_owned() };
    params.distinguished_name.push(DnType::CommonName, common_name);
    // Python 3.13's strict mode wants the key identifiers; NSS refuses a serial number it has seen.
    params.is_ca = IsCa::ExplicitNoCa;
    params.use_authority_key_identifier_extension = true;
    params.serial_number = Some(SerialNumber::from_slice(&serial_number()));
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.not_before = now - LEAF_BACKDATED;
    params.not_after = now + LEAF_VALID - Duration::from_secs(1);
    Ok(params)
}

#[cfg(test)]
mod tests {
    use x509_parser::prelude::*;

    use super::super::rotation::open_or_make;
    use super::*;

    fn leaves(hosts: &[&str]) -> Vec<Vec<u8>> {
        let parent = tempfile::tempdir().expect("a folder");
        let root = open_or_make(&parent.path().join("ca")).expect("made");
        let key = LeafKey::generate().expect("a key");
        let mint = |host: &&str| {
            let host = Host::parse(host).expect("a host");
            let leaf = key.mint(&root.issuer, &host, OffsetDateTime::now_utc()).expect("minted");
            assert!(leaf.keys_match().is_ok());
            leaf.cert[0].to_vec()
        };
        hosts.iter().map(mint).collect()
    }

    #[test]
    fn a_leaf_is_what_strict_clients_ask_for() {
        for der in leaves(&["api.example", "192.0.2.7", "[2001:db8::1]", &format!("{}.example", "a".repeat(63))]) {
            let (_, leaf) = X509Certificate::from_der(&der).expect("a certificate");
            let extension = |oid| leaf.get_extension_unique(&oid).expect("unique").is_some();
            assert!(extension(oid_registry::OID_X509_EXT_AUTHORITY_KEY_IDENTIFIER));
            assert!(extension(oid_registry::OID_X509_EXT_SUBJECT_KEY_IDENTIFIER));
            assert!(extension(oid_registry::OID_X509_EXT_SUBJECT_ALT_NAME));
            assert!(!leaf.is_ca());
            let days = (leaf.validity().not_after.timestamp() - leaf.validity().not_before.timestamp()) / 86_400;
            assert!(days <= 9, "{days} days");
            assert!(leaf.raw_serial().first().is_some_and(|first| (0x40..0x80).contains(first)));
        }
    }

    #[test]
    fn no_two_leaves_share_a_serial_number() {
        let all = leaves(&["a.example", "b.example", "a.example"]);
        let serials: std::collections::HashSet<Vec<u8>> =
            all.iter().map(|der| X509Certificate::from_der(der).expect("parsed").1.raw_serial().to_vec()).collect();
        assert_eq!(serials.len(), all.len());
    }
}
