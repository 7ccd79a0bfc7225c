//! Credentials that bind to a connection: who sends a request on it then is who was authenticated.

use http::HeaderValue;

/// Schemes that authenticate a connection (RFC 4559, section 6), in lower case.
const SCHEMES: [&[u8]; 5] = [b"ntlm", b"negotiate", b"kerberos", b"nego2", b"pku2u"];

/// Whether one of these challenges or credentials binds to the connection. A word of a challenge's parameters may be
/// taken for a scheme: then the connection is only shared less.
pub(super) fn binds<'a>(values: impl IntoIterator<Item = &'a HeaderValue>) -> bool {
    let is_scheme = |word: &[u8]| SCHEMES.iter().any(|scheme| word.eq_ignore_ascii_case(scheme));
    values.into_iter().any(|value| value.as_bytes().split(|byte| b" \t,".contains(byte)).any(is_scheme))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_of_challenges_and_credentials() {
        let table = [
            ("NTLM", true),
            ("ntlm TlRMTVNTUAAB", true),
            ("Negotiate", true),
            ("Basic realm=\"x\", Negotiate", true),
            ("Basic realm=\"x\",NTLM,Digest nonce=\"y\"", true),
            ("Kerberos", true),
            ("Basic bnRsbTpudGxt", false),
            ("Bearer ntlm.negotiate", false),
            ("Digest realm=\"negotiated\"", false),
        ];
        for (value, expected) in table {
            assert_eq!(binds([&HeaderValue::from_static(value)]), expected, "{value}");
        }
    }
}
