//! The root certificate and its key: made once for each installation.
//!
//! It is never replaced silently; [`super::rotation`] replaces it when its owner asks.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SerialNumber,
};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use time::OffsetDateTime;
use x509_parser::prelude::{FromDer, X509Certificate};
use zeroize::Zeroizing;

use crate::clock;
use crate::folder::{FolderError, is_open_to_others, is_own};
use crate::hex;
use crate::hint::{Advise, Hint};
use crate::limits::{LEAF_BACKDATED, ROOT_VALID};

pub(super) const CERTIFICATE: &str = "ca-cert.pem";
pub(super) const KEY: &str = "ca-key.pem";
/// The beginning of the names of our roots.
pub(crate) const NAME: &str = "secret-proxy CA";
/// The prefix of the folder in which a root is made before it is moved into place.
const UNFINISHED: &str = ".ca-";

/// The root, ready to sign. The key stays inside.
pub(crate) struct Root {
    pub(super) issuer: Issuer<'static, KeyPair>,
    certificate: RootCertificate,
}

/// The public half.
#[derive(Clone, Debug)]
pub struct RootCertificate {
    /// As it stands in the file.
    pub pem: String,
    /// The certificate itself.
    pub der: CertificateDer<'static>,
    /// SHA-256 of it, as browsers and `openssl x509 -fingerprint` show it.
    pub fingerprint: String,
    /// Its end, RFC 3339.
    pub not_after: String,
    /// When it was made.
    pub made: OffsetDateTime,
    /// Its end.
    pub ends: OffsetDateTime,
}

/// Why there is no usable root. Nothing is overwritten.
#[derive(Debug, thiserror::Error)]
pub enum RootError {
    /// The folder cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// Others can read the key.
    #[error("{} can be read by others (mode {mode:o}), who can impersonate any site to the VM", .0.display(), mode = .1)]
    KeyExposed(PathBuf, u32),
    /// One of the two files is missing, or they are not what they should be.
    #[error("{} is damaged: {what}", .0.display(), what = .1)]
    Damaged(PathBuf, &'static str),
    /// The root has ended, or not begun.
    #[error("{} is not valid now, but from {from} to {to}", .0.display(), from = .1, to = .2)]
    NotValid(PathBuf, String, String),
    /// There is no root yet.
    #[error("there is no CA in {} yet", .0.display())]
    Missing(PathBuf),
    /// The system gives no randomness.
    #[error("a key cannot be made")]
    NoKeys,
    /// The next root is not whole; the one in use is not concerned.
    #[error("the next root cannot be used ({what})", what = .1)]
    Next(PathBuf, String),
}

impl Advise for RootError {
    fn hints(&self) -> Vec<Hint> {
        match self {
            Self::Folder(error) => error.hints(),
            Self::KeyExposed(..) => {
                vec!["move the ca folder away for a new CA, or chmod 600 it if you are sure".into()]
            }
            Self::Damaged(..) => {
                vec!["restore it, or move the ca folder away for a new CA that the VM must then trust".into()]
            }
            Self::NotValid(..) => vec!["set the clock, or move the ca folder away for a new CA".into()],
            Self::Missing(_) => vec![Hint::run("run")],
            Self::NoKeys => vec!["start secret-proxy again".into()],
            Self::Next(path, _) => vec![format!("remove {}", path.display()).into(), Hint::run("ca rotate")],
        }
    }
}

impl Root {
    pub(crate) fn certificate(&self) -> &RootCertificate {
        &self.certificate
    }

    pub(super) fn open(folder: &Path) -> Result<Self, RootError> {
        let path = folder.join(KEY);
        let certificate = RootCertificate::read(folder)?;
        let damaged = |what| RootError::Damaged(path.clone(), what);
        let key = KeyPair::from_pem(&read_key(&path)?).map_err(|_| damaged("it is not a private key"))?;
        let (_, parsed) = X509Certificate::from_der(&certificate.der).map_err(|_| damaged("not a certificate"))?;
        if parsed.public_key().raw != rcgen::PublicKeyData::subject_public_key_info(&key) {
            return Err(damaged("it does not belong to the certificate"));
        }
        let issuer = Issuer::from_ca_cert_der(&certificate.der, key).map_err(|_| damaged("it cannot sign"))?;
        Ok(Self { issuer, certificate })
    }
}

impl RootCertificate {
    /// Reads the public half.
    ///
    /// # Errors
    /// It is missing, damaged, or not valid now.
    pub fn read(folder: &Path) -> Result<Self, RootError> {
        let path = folder.join(CERTIFICATE);
        let (has_certificate, has_key) = (is_there(&path)?, is_there(&folder.join(KEY))?);
        if !has_certificate && !has_key {
            return Err(RootError::Missing(folder.into()));
        }
        let damaged = |what| RootError::Damaged(path.clone(), what);
        if !has_certificate {
            return Err(damaged("it is missing beside its key"));
        }
        let io = |error| RootError::Folder(FolderError::Io(path.clone(), error));
        let pem = fs::read_to_string(&path).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => damaged("it is not text"),
            _ => io(error),
        })?;
        let der = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|_| damaged("it is not PEM"))?;
        let (not_before, not_after) = validity(&der).ok_or_else(|| damaged("it is not a CA certificate"))?;
        let now = OffsetDateTime::now_utc();
        if now < not_before || now > not_after {
            return Err(RootError::NotValid(path, clock::to_second(not_before), clock::to_second(not_after)));
        }
        let (fingerprint, made) = (fingerprint(&der), not_before + LEAF_BACKDATED);
        Ok(Self { pem, der, fingerprint, not_after: clock::to_second(not_after), made, ends: not_after })
    }
}

/// Permission denied is an error, not an absence.
fn is_there(path: &Path) -> Result<bool, RootError> {
    match path.try_exists() {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            Err(FolderError::Io(path.into(), error).into())
        }
        found => Ok(found.unwrap_or_default()),
    }
}

/// When a CA certificate is valid; `None` if it is none.
fn validity(der: &CertificateDer<'_>) -> Option<(OffsetDateTime, OffsetDateTime)> {
    let (_, parsed) = X509Certificate::from_der(der).ok()?;
    let validity = parsed.validity();
    parsed.is_ca().then(|| (validity.not_before.to_datetime(), validity.not_after.to_datetime()))
}

/// SHA-256 of a certificate, as browsers and `openssl x509 -fingerprint` show it.
pub fn fingerprint(der: &[u8]) -> String {
    let hex = hex::encode(digest::digest(&digest::SHA256, der).as_ref()).to_ascii_uppercase();
    let pairs: Vec<&str> = (0..hex.len()).step_by(2).filter_map(|at| hex.get(at..at + 2)).collect();
    pairs.join(":")
}

/// Reads the key if nobody else can.
fn read_key(path: &Path) -> Result<Zeroizing<String>, RootError> {
    let io = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => RootError::Damaged(path.into(), "it is missing beside its certificate"),
        io::ErrorKind::InvalidData => RootError::Damaged(path.into(), "it is not text"),
        _ => RootError::Folder(FolderError::Io(path.into(), error)),
    };
    let found = fs::symlink_metadata(path).map_err(io)?;
    if !found.is_file() {
        return Err(FolderError::NotA(path.into(), "regular file").into());
    }
    if !is_own(&found) {
        return Err(FolderError::NotOurs(path.into()).into());
    }
    if is_open_to_others(&found) {
        return Err(RootError::KeyExposed(path.into(), found.mode() & 0o777));
    }
    let mut pem = Zeroizing::new(String::with_capacity(4096));
    File::open(path).and_then(|file| file.take(4096).read_to_string(&mut pem)).map_err(io)?;
    Ok(pem)
}

/// Makes both files in a temporary folder and moves it into place, so that a crash leaves all or nothing.
pub(super) fn make(folder: &Path) -> Result<(), RootError> {
    let parent = folder.parent().unwrap_or(folder);
    let io = |error| RootError::Folder(FolderError::Io(folder.into(), error));
    sweep(parent);
    let (certificate, key) = generate().map_err(|_| RootError::NoKeys)?;
    let fresh = tempfile::Builder::new().prefix(UNFINISHED).tempdir_in(parent).map_err(io)?;
    write(&fresh.path().join(KEY), key.as_bytes(), 0o600).map_err(io)?;
    write(&fresh.path().join(CERTIFICATE), certificate.as_bytes(), 0o644).map_err(io)?;
    fs::rename(fresh.path(), folder).map_err(io)?;
    // No longer a temporary folder, to be removed as one.
    let _ = fresh.keep();
    File::open(parent).and_then(|parent| parent.sync_all()).map_err(io)
}

/// Removes unfinished roots of killed processes, which may hold a key. No other process makes one at the same time,
/// because the folder is locked.
fn sweep(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        if entry.file_name().as_encoded_bytes().starts_with(UNFINISHED.as_bytes()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn write(path: &Path, text: &[u8], mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode))?;
    file.write_all(text)?;
    file.sync_all()
}

fn generate() -> Result<(String, Zeroizing<String>), rcgen::Error> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let pem = Zeroizing::new(key.serialize_pem());
    let mut params = CertificateParams::new(Vec::<String>::new())?;
    let serial = serial_number();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name = DistinguishedName::new();
    // Each installation has its own name: clients confuse roots of the same name.
    params.distinguished_name.push(DnType::CommonName, format!("{NAME} {}", hex::encode(&serial[..4])));
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    let now = OffsetDateTime::now_utc();
    params.not_before = now - LEAF_BACKDATED;
    params.not_after = now + ROOT_VALID;
    Ok((CertifiedIssuer::self_signed(params, key)?.pem(), pem))
}

/// A random serial number: positive and without leading zeros, so that strict clients take it.
pub(super) fn serial_number() -> [u8; 16] {
    let mut bytes = [0; 16];
    let _ = aws_lc_rs::rand::fill(&mut bytes);
    bytes[0] = (bytes[0] & 0x3f) | 0x40;
    bytes
}

#[cfg(test)]
mod tests;
