//! A client's request, made canonical: what it says of its destination agrees with where it goes,
//! and what belonged to the client's connection is gone.

use http::header::{self, HeaderValue};
use http::request::Parts;
use http::{Method, Version};
use hyper::upgrade::OnUpgrade;
use policy::destination::agreement::{self, Disagreement};
use policy::request::fields::Fields;
use policy::request::hop;
use policy::verdict::judge::InjectionRequest;
use policy::verdict::refusal::Refusal;

use super::recording::Ending;
use crate::limits;
use crate::session::{Form, Path};
use crate::upstream::Offer;

/// The head of a request that may be sent on, once its placeholders are filled.
pub(crate) struct Canonical {
    pub(crate) parts: Parts,
    /// What it asks of the secrets, if anything.
    pub(crate) injection: Option<InjectionRequest>,
    pub(crate) offer: Offer,
    /// The client's end, if it asked to upgrade.
    pub(crate) upgrade: Option<OnUpgrade>,
    /// Whether the client sends its body only when it is told that it is wanted.
    pub(crate) holds_body: bool,
}

impl Canonical {
    /// Checks a request's head against the path that it came by.
    pub(crate) fn new(mut parts: Parts, fields: Option<Fields>, path: &Path) -> Result<Self, Ending> {
        check_agreement(&parts, path)?;
        let injection = fields.map(|fields| injection_request(&parts, fields, path)).transpose()?;
        let is_http1 = parts.version == Version::HTTP_11;
        let wanted = hop::upgrade_wanted(&parts.headers).filter(|_| is_http1);
        let upgrade = wanted.as_ref().and_then(|_| parts.extensions.remove::<OnUpgrade>());
        // What is left in them is what hyper knows of the client's connection.
        parts.extensions.clear();
        hop::strip(&mut parts.headers);
        let holds_body = is_http1 && hop::expects_continue(&parts.headers);
        parts.headers.remove(header::EXPECT);
        if let Some(protocol) = wanted {
            parts.headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
            parts.headers.insert(header::UPGRADE, protocol);
        }
        let offer = if parts.version == Version::HTTP_2 { Offer::Http2 } else { Offer::Http1 };
        Ok(Self { parts, injection, offer, upgrade, holds_body })
    }
}

fn check_agreement(parts: &Parts, path: &Path) -> Result<(), Ending> {
    if parts.method == Method::CONNECT || !hop::is_plainly_framed(&parts.headers) {
        return Err(Ending::Malformed);
    }
    let (version, headers) = (parts.version, &parts.headers);
    // HTTP/1.1 is held to these by its parser.
    let is_plain = headers.len() <= limits::HEAD_FIELDS_MAX && hop::is_trimmed(headers);
    if (version == Version::HTTP_2 && !is_plain) || (parts.uri.path() == "*" && parts.method != Method::OPTIONS) {
        return Err(Ending::Malformed);
    }
    let agreed = match path.form {
        Form::Tunnel => agreement::inside_tunnel(version, &parts.uri, headers, &path.destination),
        Form::Absolute | Form::Bytes => agreement::absolute_form(version, headers, &path.destination),
    };
    match agreed {
        Ok(()) if path.server_name_agrees => Ok(()),
        Ok(()) => Err(Refusal::OtherServerName(path.destination.clone()).into()),
        Err(Disagreement::Malformed) => Err(Ending::Malformed),
        Err(Disagreement::Elsewhere) => Err(Refusal::OtherHost(path.destination.clone()).into()),
    }
}

fn injection_request(parts: &Parts, fields: Fields, path: &Path) -> Result<InjectionRequest, Refusal> {
    fields.check_places(&parts.headers)?;
    if echoes(&parts.method) {
        return Err(Refusal::Method);
    }
    Ok(InjectionRequest { destination: path.destination.clone(), fields })
}

/// Servers answer these with the request itself, the secret in it included.
fn echoes(method: &Method) -> bool {
    ["TRACE", "TRACK"].iter().any(|echo| method.as_str().eq_ignore_ascii_case(echo))
}
