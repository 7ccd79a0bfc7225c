//! The upstream's response, passed on to the client.

use std::fmt::Display;

use http::header::{CONNECTION, HeaderMap, HeaderValue, UPGRADE};
use http::{Method, Response, StatusCode, Version};
use hyper::ext::ReasonPhrase;
use hyper::upgrade::OnUpgrade;
use policy::request::hop;
use policy::response::settle_framing;

use super::failure::Failure;
use super::response_body::ResponseBody;
use super::scope::Scope;
use super::upgrade::Upgraded;
use crate::limits;
use crate::upstream::{DialError, UpstreamBody};
use crate::wire::held_back::HeldResponse;

/// The client's end of a response.
pub(super) struct Client<'s> {
    pub(super) method: &'s Method,
    pub(super) version: Version,
    /// Its connection, if it asked to upgrade.
    pub(super) upgrade: Option<OnUpgrade>,
    pub(super) scope: &'s Scope,
}

/// Passes a response on. The body streams, and gets its framing from the client's connection.
pub(super) fn pass_on(
    mut response: Response<UpstreamBody>,
    client: Client<'_>,
) -> Result<Response<ResponseBody>, Failure> {
    if !hop::names_few(response.headers()) {
        return Err(faulty("its Connection field names too many fields"));
    }
    let is_http1 = response.version() != Version::HTTP_2;
    // The client's connection does not depend on the server's version: it is kept, and its bodies are chunked.
    *response.version_mut() = Version::HTTP_11;
    match (client.upgrade, response.status() == StatusCode::SWITCHING_PROTOCOLS) {
        (Some(upgrade), true) => Ok(switch(response, upgrade, client.scope)),
        (None, true) => Err(faulty("it switches to a protocol that was not asked for")),
        (_, false) => {
            let status = response.status();
            settle_framing(response.headers_mut(), client.method, status).map_err(faulty)?;
            if response.headers().len() > limits::RESPONSE_FIELDS_MAX {
                return Err(faulty("it has too many fields"));
            }
            strip(&mut response, client.version);
            keep_reason(&mut response, is_http1);
            let Scope { activity, place, .. } = client.scope;
            Ok(response.map(|body| {
                let held_back = HeldResponse::new(place.clone(), body.buffer_bytes());
                ResponseBody::Upstream { body: Box::new(body), held_back, _in_flight: activity.begin() }
            }))
        }
    }
}

fn faulty(why: impl Display) -> Failure {
    Failure::NoResponse(DialError::new(format_args!("the response is not passed on: {why}")))
}

/// A 426 must name the protocol that the server wants (RFC 9110, section 15.5.22). HTTP/2 has no such field.
fn strip(response: &mut Response<UpstreamBody>, client: Version) {
    if response.status() == StatusCode::UPGRADE_REQUIRED && client != Version::HTTP_2 {
        strip_but_upgrade(response.headers_mut());
    } else {
        hop::strip_response(response.headers_mut());
    }
}

/// The phrase passes as it came; hyper adds the usual one where none is noted. HTTP/2 has no phrase, and an invented one
/// could be taken for the server's.
fn keep_reason(response: &mut Response<UpstreamBody>, is_http1: bool) {
    let reason = response.extensions_mut().remove::<ReasonPhrase>();
    let reason = if is_http1 { reason } else { Some(ReasonPhrase::from_static(b"")) };
    response.extensions_mut().clear();
    if let Some(reason) = reason {
        response.extensions_mut().insert(reason);
    }
}

/// Passes a 101 on, and leaves both ends to the session.
fn switch(mut response: Response<UpstreamBody>, client: OnUpgrade, scope: &Scope) -> Response<ResponseBody> {
    let upstream = hyper::upgrade::on(&mut response);
    strip_but_upgrade(response.headers_mut());
    let (parts, body) = response.into_parts();
    scope.upgraded.set(Upgraded { client, upstream, response: body });
    Response::from_parts(parts, ResponseBody::empty())
}

fn strip_but_upgrade(headers: &mut HeaderMap) {
    let protocols: Vec<HeaderValue> = headers.get_all(UPGRADE).iter().cloned().collect();
    hop::strip_response(headers);
    for protocol in protocols {
        headers.append(UPGRADE, protocol);
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    }
}
