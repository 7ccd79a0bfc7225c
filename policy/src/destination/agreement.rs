//! The agreement of a request's fields with the destination that is dialled.
//!
//! Credential brokers have leaked most often by choosing the credential by one field and the
//! connection by another. Here the destination is fixed before the request is read, and a request that
//! names another one is refused, with or without a placeholder.

use http::{HeaderMap, Uri, Version, header};

use crate::destination::host::{Authority, Destination};

/// How the destination that a request names differs from the one that is dialled.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Disagreement {
    /// No `Host` or several, or a target in a form that is not legal here: the answer is 400.
    Malformed,
    /// Another host, port or scheme than the one dialled: the request is refused.
    Elsewhere,
}

/// Checks that a request inside a tunnel names no destination but the tunnel's.
///
/// # Errors
/// How it differs.
pub fn inside_tunnel(
    version: Version,
    uri: &Uri,
    headers: &HeaderMap,
    destination: &Destination,
) -> Result<(), Disagreement> {
    let named = host_fields(headers, destination)?;
    if version == Version::HTTP_2 {
        return agree_h2(uri, named, destination);
    }
    // The absolute form is not legal inside a tunnel: it would name the destination a second time.
    if uri.scheme().is_some() || uri.authority().is_some() {
        return Err(Disagreement::Malformed);
    }
    one_host(version, named)
}

/// Checks that the `Host` of an absolute-form request agrees with its URI, from which `destination` was read.
///
/// # Errors
/// How it differs.
pub fn absolute_form(version: Version, headers: &HeaderMap, destination: &Destination) -> Result<(), Disagreement> {
    let named = host_fields(headers, destination)?;
    one_host(version, named)
}

fn agree_h2(uri: &Uri, named: usize, destination: &Destination) -> Result<(), Disagreement> {
    if named == 0 && uri.authority().is_none() {
        return Err(Disagreement::Malformed);
    }
    if uri.scheme_str().is_some_and(|scheme| scheme != destination.scheme.as_str()) {
        return Err(Disagreement::Elsewhere);
    }
    match uri.authority() {
        Some(authority) => same(authority.as_str(), destination),
        None => Ok(()),
    }
}

/// HTTP/1.1 needs one `Host` (RFC 9112, section 3.2); HTTP/1.0 clients may leave it out.
fn one_host(version: Version, named: usize) -> Result<(), Disagreement> {
    match named {
        1 => Ok(()),
        0 if version < Version::HTTP_11 => Ok(()),
        _ => Err(Disagreement::Malformed),
    }
}

/// Counts the `Host` fields: none, or one that names the destination.
fn host_fields(headers: &HeaderMap, destination: &Destination) -> Result<usize, Disagreement> {
    let mut fields = headers.get_all(header::HOST).iter();
    let Some(first) = fields.next() else { return Ok(0) };
    if fields.next().is_some() {
        return Err(Disagreement::Malformed);
    }
    let text = first.to_str().map_err(|_| Disagreement::Elsewhere)?;
    same(text, destination).map(|()| 1)
}

fn same(text: &str, destination: &Destination) -> Result<(), Disagreement> {
    match Authority::parse(text) {
        Ok(authority) if authority.clone().under(destination.scheme) == *destination => Ok(()),
        _ => Err(Disagreement::Elsewhere),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn check(version: Version, uri: &str, hosts: &[&str]) -> Result<(), Disagreement> {
        let destination = Destination::from_connect("api.example:443").expect("good");
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(header::HOST, HeaderValue::from_str(host).expect("legal"));
        }
        inside_tunnel(version, &uri.parse().expect("uri"), &headers, &destination)
    }

    #[test]
    fn http_1_needs_exactly_one_host_that_agrees() {
        let h1 = |uri, hosts: &[&str]| check(Version::HTTP_11, uri, hosts);
        for good in ["api.example", "API.EXAMPLE", "api.example.", "api.example:443"] {
            assert_eq!(h1("/", &[good]), Ok(()), "{good}");
        }
        for elsewhere in [
            "evil.example",
            "api.example:444",
            "api.example:80",
            "api.example:",
            "api.example@evil.example",
            "evil.example:x@api.example",
            "[api.example]",
            "api.example, evil.example",
            "",
            "api%2eexample",
        ] {
            assert_eq!(h1("/", &[elsewhere]), Err(Disagreement::Elsewhere), "{elsewhere}");
        }
        assert_eq!(h1("/", &[]), Err(Disagreement::Malformed));
        assert_eq!(h1("/", &["api.example", "api.example"]), Err(Disagreement::Malformed));
        assert_eq!(h1("https://api.example/", &["api.example"]), Err(Disagreement::Malformed));
        assert_eq!(check(Version::HTTP_10, "/", &[]), Ok(()));
    }

    #[test]
    fn http_2_needs_authority_scheme_and_host_to_agree() {
        let h2 = |uri, hosts: &[&str]| check(Version::HTTP_2, uri, hosts);
        assert_eq!(h2("https://api.example/", &[]), Ok(()));
        assert_eq!(h2("https://api.example/", &["api.example"]), Ok(()));
        assert_eq!(h2("https://evil.example/", &["api.example"]), Err(Disagreement::Elsewhere));
        assert_eq!(h2("https://api.example/", &["evil.example"]), Err(Disagreement::Elsewhere));
        assert_eq!(h2("http://api.example/", &[]), Err(Disagreement::Elsewhere));
        assert_eq!(h2("https://api.example:444/", &[]), Err(Disagreement::Elsewhere));
        assert_eq!(h2("https://api.example/", &["api.example", "api.example"]), Err(Disagreement::Malformed));
        assert_eq!(h2("/", &[]), Err(Disagreement::Malformed));
    }
}
