//! The credentials of `Authorization: Basic` (RFC 7617), decoded and encoded.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::header::{self, HeaderName};
use zeroize::Zeroizing;

/// Some clients pad and some do not; servers take both.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
const SCHEME: &str = "Basic ";

/// The credentials in a field; `None` in another field, for another scheme and for malformed base64.
pub(crate) fn decode(name: &HeaderName, value: &[u8]) -> Option<Vec<u8>> {
    let (scheme, encoded) = value.split_at_checked(SCHEME.len())?;
    if name != header::AUTHORIZATION || !scheme.eq_ignore_ascii_case(SCHEME.as_bytes()) {
        return None;
    }
    BASE64.decode(encoded.trim_ascii()).ok()
}

/// The value of a field with these credentials.
pub(crate) fn encode(credentials: &[u8]) -> Zeroizing<Vec<u8>> {
    let length = base64::encoded_len(credentials.len(), true).unwrap_or_default();
    let mut value = Zeroizing::new(vec![0; SCHEME.len() + length]);
    let (scheme, encoded) = value.split_at_mut(SCHEME.len());
    scheme.copy_from_slice(SCHEME.as_bytes());
    // The buffer has exactly the length that base64 needs, so that this cannot fail.
    let _ = BASE64.encode_slice(credentials, encoded);
    value
}
