//! Failures of servers, in words that name the next step.
//!
//! What a library said is logged at `debug` alone.

use std::error::Error;
use std::io::{self, ErrorKind};

use rustls::{AlertDescription, CertificateError, Error as TlsError};
use tracing::debug;

const PASSTHROUGH: &str = "SECRET_PROXY_PASSTHROUGH lets the client connect by itself, without secrets";

/// Why no connection came about.
pub(super) fn connecting(error: &io::Error) -> String {
    debug!(%error, "connecting failed");
    let problem = match error.kind() {
        ErrorKind::ConnectionRefused => "the server refused the connection; check that it runs, and its port",
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted => "the server reset the connection; try again",
        ErrorKind::TimedOut => "the server did not answer; check its address, and the firewalls before it",
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
            "there is no way to the server; check this computer's network"
        }
        ErrorKind::PermissionDenied => "this computer does not allow the connection; check its firewall",
        _ => return format!("connecting failed ({error}); check this computer's network"),
    };
    problem.to_owned()
}

/// Why a server was not verified.
pub(super) fn tls(error: &io::Error) -> String {
    debug!(%error, "TLS failed");
    if let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>()) {
        return handshake(error);
    }
    match error.kind() {
        ErrorKind::UnexpectedEof => {
            "the server closed the connection during the TLS handshake; check that its port \
                                     has TLS: a secret for one without TLS is listed with http://"
        }
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => {
            "the server reset the connection during the TLS handshake; check that its port has TLS"
        }
        _ => "the connection broke during the TLS handshake; try again",
    }
    .to_owned()
}

fn handshake(error: &TlsError) -> String {
    match error {
        TlsError::InvalidCertificate(error) => certificate(error),
        TlsError::AlertReceived(alert) => refused(*alert),
        TlsError::InvalidMessage(_) | TlsError::InappropriateMessage { .. } => {
            "the server does not speak TLS at this port; check the port: one without TLS has http:// URLs".to_owned()
        }
        TlsError::PeerIncompatible(_) | TlsError::NoCertificatesPresented => {
            format!("the server has no TLS version, cipher suite or key type that the proxy has; {PASSTHROUGH}")
        }
        _ => format!("the server broke the rules of TLS; {PASSTHROUGH}"),
    }
}

fn certificate(error: &CertificateError) -> String {
    let problem = match error {
        CertificateError::UnknownIssuer => {
            "the server's certificate is self-signed, or signed by a root that is not trusted; if you trust it, name \
             the root's PEM file in SECRET_PROXY_UPSTREAM_CA"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the server's certificate has expired; its owner has to renew it, unless this computer's clock is wrong"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the server's certificate is not valid yet; check this computer's clock"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "the server's certificate is for another name; check the host, and what its name resolves to"
        }
        CertificateError::Revoked => "the server's certificate is revoked; do not trust it",
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "the server's certificate is not one for servers; its owner has to replace it"
        }
        // The library has no kind of its own for a root that a server presents as its own certificate.
        CertificateError::Other(other) if format!("{other:?}").contains("CaUsedAsEndEntity") => {
            "the server presents a root as its own certificate; make one with CA:FALSE, and name it in \
             SECRET_PROXY_UPSTREAM_CA"
        }
        CertificateError::Other(other) => {
            let rule = kind(&format!("{other:?}").replace("OtherError(", "")).to_owned();
            return format!(
                "the server's certificate, or one that signed it, breaks a rule ({rule}); its owner has to replace it"
            );
        }
        error => {
            let kind = kind(&format!("{error:?}")).to_owned();
            return format!(
                "the server's certificate is of a kind that the proxy cannot verify ({kind}); {PASSTHROUGH}"
            );
        }
    };
    problem.to_owned()
}

/// The name of an error, without what it holds.
fn kind(debug: &str) -> &str {
    debug.split(|character: char| !character.is_alphanumeric()).next().unwrap_or_default()
}

fn refused(alert: AlertDescription) -> String {
    let problem = match alert {
        AlertDescription::NoApplicationProtocol => "no HTTP version that was offered",
        AlertDescription::UnrecognisedName => return "the server does not know this name; check the host".to_owned(),
        AlertDescription::CertificateRequired | AlertDescription::BadCertificate | AlertDescription::AccessDenied => {
            return format!("the server wants a client certificate, which the proxy has not; {PASSTHROUGH}");
        }
        AlertDescription::HandshakeFailure
        | AlertDescription::ProtocolVersion
        | AlertDescription::InsufficientSecurity => "no TLS version, cipher suite or key type that the proxy has",
        _ => return format!("the server ended the TLS handshake ({alert:?}); {PASSTHROUGH}"),
    };
    format!("the server has {problem} ({alert:?}); {PASSTHROUGH}")
}

/// Why a request that was sent got no response.
pub(crate) fn sending(error: &hyper::Error) -> String {
    debug!(?error, "no response");
    if error.is_parse_too_large() {
        return "the head of the response is larger than 128 KiB; the server has to send less".to_owned();
    }
    if error.is_parse() {
        return format!("the response is not valid HTTP, or its length is ambiguous; {PASSTHROUGH}");
    }
    if error.is_incomplete_message() {
        return "the server closed the connection before its response; try again".to_owned();
    }
    if error.is_user() || error.is_body_write_aborted() {
        return "the client broke off its request".to_owned();
    }
    let source = error.source();
    if let Some(http2) = source.and_then(|source| source.downcast_ref::<h2::Error>()) {
        return stream(http2);
    }
    match source.and_then(|source| source.downcast_ref::<io::Error>()).map(io::Error::kind) {
        Some(ErrorKind::InvalidData) => {
            format!("the server sent too many interim responses, or broke the rules of TLS; {PASSTHROUGH}")
        }
        Some(_) => "the connection broke before the response; try again".to_owned(),
        None => "the connection was closed before the response; try again".to_owned(),
    }
}

fn stream(error: &h2::Error) -> String {
    let reason = error.reason().map(|reason| format!(" ({reason:?})")).unwrap_or_default();
    if error.is_io() {
        "the connection broke before the response; try again".to_owned()
    } else if !error.is_remote() {
        format!("the response breaks the rules of HTTP/2, or its head is too large{reason}; {PASSTHROUGH}")
    } else if error.is_go_away() {
        format!("the server ended the HTTP/2 connection before its response{reason}; try again")
    } else {
        format!("the server reset the stream before its response{reason}; try again, or in HTTP/1.1")
    }
}

#[cfg(test)]
mod tests {
    use rustls::InvalidMessage;

    use super::*;

    #[test]
    fn each_failure_to_connect_has_a_next_step() {
        let table = [
            (ErrorKind::ConnectionRefused, "check that it runs"),
            (ErrorKind::ConnectionReset, "try again"),
            (ErrorKind::TimedOut, "firewalls"),
            (ErrorKind::NetworkUnreachable, "network"),
            (ErrorKind::PermissionDenied, "firewall"),
            (ErrorKind::AddrInUse, "network"),
        ];
        for (kind, expected) in table {
            let words = connecting(&kind.into());
            assert!(words.contains("; ") && words.contains(expected), "{words}");
        }
    }

    #[test]
    fn each_failure_of_tls_has_a_next_step() {
        let certificate = |error| TlsError::InvalidCertificate(error);
        let table = [
            (certificate(CertificateError::UnknownIssuer), "SECRET_PROXY_UPSTREAM_CA"),
            (certificate(CertificateError::Expired), "renew"),
            (certificate(CertificateError::NotValidYet), "clock"),
            (certificate(CertificateError::NotValidForName), "another name"),
            (certificate(CertificateError::Revoked), "revoked"),
            (certificate(CertificateError::BadEncoding), "SECRET_PROXY_PASSTHROUGH"),
            (TlsError::AlertReceived(AlertDescription::HandshakeFailure), "SECRET_PROXY_PASSTHROUGH"),
            (TlsError::AlertReceived(AlertDescription::CertificateRequired), "client certificate"),
            (TlsError::AlertReceived(AlertDescription::UnrecognisedName), "check the host"),
            (TlsError::InvalidMessage(InvalidMessage::InvalidContentType), "does not speak TLS"),
            (TlsError::DecryptError, "SECRET_PROXY_PASSTHROUGH"),
        ];
        for (error, expected) in table {
            let library = error.to_string();
            let words = tls(&io::Error::new(ErrorKind::InvalidData, error));
            assert!(words.contains("; ") && words.contains(expected) && !words.contains(&library), "{words}");
        }
        for kind in [ErrorKind::UnexpectedEof, ErrorKind::ConnectionReset, ErrorKind::Other] {
            assert!(tls(&kind.into()).contains("; "), "{kind:?}");
        }
    }

    #[test]
    fn a_refused_offer_of_http_1_is_told_from_other_alerts() {
        let no_protocol = refused(AlertDescription::NoApplicationProtocol);
        assert!(no_protocol.contains("NoApplicationProtocol"), "{no_protocol}");
    }

    #[test]
    fn each_failure_of_a_stream_has_a_next_step() {
        let words = stream(&h2::Error::from(h2::Reason::PROTOCOL_ERROR));
        assert!(words.contains("PROTOCOL_ERROR") && words.contains("; "), "{words}");
    }
}
