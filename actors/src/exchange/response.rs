//! The upstream's response, passed on to the client.

use http::header::{CONNECTION, HeaderMap, HeaderValue, UPGRADE};
use http::{Response, StatusCode, Version};
use hyper::upgrade::OnUpgrade;
use policy::request::hop;

use super::constant;
use super::response_body::ResponseBody;
use super::scope::Scope;
use super::upgrade::Upgraded;
use crate::upstream::UpstreamBody;
use crate::wire::held_back::HeldResponse;

/// Passes a response on. Its body is streamed as it comes. `client` is the client's end, if it asked to upgrade.
pub(super) fn pass_on(
    mut response: Response<UpstreamBody>,
    client: Option<OnUpgrade>,
    scope: &Scope,
) -> Response<ResponseBody> {
    // The client's connection does not depend on the server's version: it is kept, and its bodies are chunked.
    *response.version_mut() = Version::HTTP_11;
    match (client, response.status() == StatusCode::SWITCHING_PROTOCOLS) {
        (Some(client), true) => switch(response, client, scope),
        // The client did not ask for another protocol.
        (None, true) => constant::bad_gateway(),
        (_, false) => {
            hop::strip(response.headers_mut());
            response.extensions_mut().clear();
            response.map(|body| {
                let held_back = HeldResponse::new(scope.place.clone(), body.buffer_bytes());
                ResponseBody::Upstream { body, held_back, _in_flight: scope.activity.begin() }
            })
        }
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
    let protocol = headers.get(UPGRADE).cloned();
    hop::strip(headers);
    if let Some(protocol) = protocol {
        headers.insert(UPGRADE, protocol);
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    }
}
