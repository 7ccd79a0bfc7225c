//! A client's request, checked and made canonical.
//!
//! Its fields agree with the destination, and the hop-by-hop fields of the client's connection are removed.

use http::header::{self, HeaderMap, HeaderValue};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{Method, Uri, Version};
use hyper::upgrade::OnUpgrade;
use policy::destination::agreement::{self, Disagreement};
use policy::name::QualifiedName;
use policy::request::fields::{Fields, Misplaced};
use policy::request::hop;
use policy::verdict::judge::InjectionRequest;
use policy::verdict::refusal::Refusal;

use super::failure::Failure;
use super::scope::{Scope, TargetForm};
use crate::limits;
use crate::upstream::Offer;
use crate::wire::request_target::NO_PATH;

/// The placeholders of a head, found in one scan.
pub(super) struct Placeholders {
    fields: Fields,
    misplaced: Option<Misplaced>,
}

impl Placeholders {
    /// `None` if there are none.
    pub(super) fn scan(headers: &HeaderMap) -> Option<Self> {
        let fields = Fields::scan(headers)?;
        let misplaced = fields.check_places(headers).err();
        Some(Self { fields, misplaced })
    }

    pub(super) fn names(&self) -> Vec<QualifiedName> {
        self.fields.names()
    }
}

/// The head of a request that may be sent on, once its placeholders are filled.
pub(super) struct CanonicalRequest {
    pub(super) parts: Parts,
    /// Set if it has placeholders.
    pub(super) injection: Option<InjectionRequest>,
    pub(super) offer: Offer,
    /// The client's end, if it asked to upgrade.
    pub(super) upgrade: Option<OnUpgrade>,
    /// Whether the client waits for a 100 before it sends its body.
    pub(super) holds_body: bool,
}

impl CanonicalRequest {
    /// Checks a request's head against its scope.
    pub(super) fn new(mut parts: Parts, found: Option<Placeholders>, scope: &Scope) -> Result<Self, Failure> {
        check_agreement(&parts, scope)?;
        let injection = found.map(|found| injection_request(&parts, found, scope)).transpose()?;
        let is_http1 = parts.version == Version::HTTP_11;
        let wanted = hop::upgrade_wanted(&parts.headers).filter(|_| is_http1);
        let upgrade = wanted.as_ref().and_then(|_| parts.extensions.remove::<OnUpgrade>());
        // hyper's own notes on the client's connection are left in them.
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

/// `OPTIONS http://host` asks about the whole server, and the last proxy writes it as `*` (RFC 9112, section 3.2.4).
pub(super) fn name_whole_server(parts: &mut Parts, form: TargetForm) {
    let is_whole = form == TargetForm::AbsoluteUri && parts.uri.path() == NO_PATH && parts.method == Method::OPTIONS;
    if is_whole {
        parts.uri = Uri::from(PathAndQuery::from_static("*"));
    }
}

fn check_agreement(parts: &Parts, scope: &Scope) -> Result<(), Failure> {
    if parts.method == Method::CONNECT || !hop::is_plainly_framed(&parts.headers) {
        return Err(Failure::Malformed);
    }
    let (version, headers) = (parts.version, &parts.headers);
    // hyper's parser of HTTP/1.1 checks these itself.
    if version == Version::HTTP_2 && hop::count_fields(headers) > limits::HEAD_FIELDS_MAX {
        return Err(Failure::TooManyFields);
    }
    let is_trimmed = version != Version::HTTP_2 || hop::is_trimmed(headers);
    if !is_trimmed || (parts.uri.path() == "*" && parts.method != Method::OPTIONS) {
        return Err(Failure::Malformed);
    }
    let agreed = match scope.form {
        TargetForm::InTunnel => agreement::inside_tunnel(version, &parts.uri, headers, &scope.destination),
        TargetForm::AbsoluteUri | TargetForm::Passthrough => {
            agreement::absolute_form(version, headers, &scope.destination)
        }
    };
    match agreed {
        Ok(()) if scope.server_name_agrees => Ok(()),
        Ok(()) => Err(Refusal::OtherServerName(scope.destination.clone()).into()),
        Err(Disagreement::Malformed) => Err(Failure::Malformed),
        Err(Disagreement::Elsewhere) => Err(Refusal::OtherHost(scope.destination.clone()).into()),
    }
}

fn injection_request(parts: &Parts, found: Placeholders, scope: &Scope) -> Result<InjectionRequest, Refusal> {
    let Placeholders { fields, misplaced } = found;
    if let Some(misplaced) = misplaced {
        return Err(misplaced.into());
    }
    if echoes(&parts.method) {
        return Err(Refusal::Method);
    }
    Ok(InjectionRequest { destination: scope.destination.clone(), fields })
}

/// Servers answer these methods with the request itself, and so with the secret in it.
fn echoes(method: &Method) -> bool {
    ["TRACE", "TRACK"].iter().any(|echo| method.as_str().eq_ignore_ascii_case(echo))
}
