//! The head of a response: the one way in which its body is framed.

use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, StatusCode};

/// Why a response cannot be passed on: its end is in doubt.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Ambiguous {
    /// Lengths that differ, or something that is no length.
    #[error("it has no single valid Content-Length")]
    Length,
    /// A transfer coding other than one `chunked`. No other was asked for, and a client would take the coded bytes for the
    /// body.
    #[error("it has a transfer coding that was not asked for")]
    Coding,
}

/// Leaves at most one field that frames the body, by RFC 9112, section 6.3: one `Content-Length` with one number. A
/// `Transfer-Encoding` overrides it; it is left, and is hop-by-hop.
///
/// # Errors
/// Why the end of the body is in doubt.
pub fn settle_framing(headers: &mut HeaderMap, method: &Method, status: StatusCode) -> Result<(), Ambiguous> {
    let is_coded = headers.contains_key(header::TRANSFER_ENCODING);
    if is_coded && method != Method::HEAD && status != StatusCode::NO_CONTENT && status != StatusCode::NOT_MODIFIED {
        check_coding(headers)?;
    }
    // RFC 9110, section 8.6: a 204 has none.
    if is_coded || status == StatusCode::NO_CONTENT {
        headers.remove(header::CONTENT_LENGTH);
        return Ok(());
    }
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    let Some(first) = lengths.next() else { return Ok(()) };
    if lengths.next().is_none() && is_number(first.as_bytes()) {
        return Ok(());
    }
    let length = one_length(headers).ok_or(Ambiguous::Length)?;
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    Ok(())
}

/// Whether the head frames the body in two ways, or frames a body that there must not be. A server that does so may have
/// sent more or less than what was read: its connection serves no further request (RFC 9112, section 11.2).
pub fn is_doubly_framed(headers: &HeaderMap, status: StatusCode) -> bool {
    let (is_coded, length) = (headers.contains_key(header::TRANSFER_ENCODING), headers.get(header::CONTENT_LENGTH));
    let has_body = is_coded || length.is_some_and(|length| length != "0");
    (is_coded && length.is_some()) || (status == StatusCode::NO_CONTENT && has_body)
}

/// One `chunked`, or `identity`, which older servers send without a length.
fn check_coding(headers: &HeaderMap) -> Result<(), Ambiguous> {
    let mut values = headers.get_all(header::TRANSFER_ENCODING).iter();
    let (Some(coding), None) = (values.next(), values.next()) else { return Err(Ambiguous::Coding) };
    let coding = coding.as_bytes().trim_ascii();
    let is_plain = coding.eq_ignore_ascii_case(b"identity") && !headers.contains_key(header::CONTENT_LENGTH);
    if coding.eq_ignore_ascii_case(b"chunked") || is_plain { Ok(()) } else { Err(Ambiguous::Coding) }
}

/// The number that all lengths are, written once or several times (RFC 9110, section 8.6).
fn one_length(headers: &HeaderMap) -> Option<u64> {
    let values = headers.get_all(header::CONTENT_LENGTH).iter();
    let mut lengths = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b',')).map(number);
    let first = lengths.next()??;
    lengths.all(|length| length == Some(first)).then_some(first)
}

fn number(text: &[u8]) -> Option<u64> {
    let text = text.trim_ascii();
    std::str::from_utf8(text).ok().filter(|_| is_number(text))?.parse().ok()
}

fn is_number(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Fields = &'static [(&'static str, &'static str)];

    /// The lengths that are left.
    fn settled(
        method: &Method,
        status: u16,
        fields: &[(&'static str, &'static str)],
    ) -> Result<Vec<String>, Ambiguous> {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_static(value));
        }
        settle_framing(&mut headers, method, StatusCode::from_u16(status).expect("a status"))?;
        let lengths = headers.get_all(header::CONTENT_LENGTH).iter();
        Ok(lengths.map(|length| length.to_str().expect("text").to_owned()).collect())
    }

    #[test]
    fn one_length_is_left_or_none() {
        let ok: [(Fields, &[&str]); 14] = [
            (&[], &[]),
            (&[("content-length", "3")], &["3"]),
            (&[("content-length", "3, 3")], &["3"]),
            (&[("content-length", "3 ,3,\t3")], &["3"]),
            (&[("content-length", "3"), ("content-length", "3")], &["3"]),
            (&[("content-length", "3"), ("content-length", "3, 3")], &["3"]),
            (&[("content-length", "0, 0")], &["0"]),
            (&[("content-length", "3, 03")], &["3"]),
            (&[("transfer-encoding", "chunked")], &[]),
            (&[("transfer-encoding", " ChunkeD")], &[]),
            (&[("content-length", "3"), ("transfer-encoding", "chunked")], &[]),
            (&[("content-length", "3, 4"), ("transfer-encoding", "chunked")], &[]),
            (&[("content-length", "x"), ("transfer-encoding", "chunked")], &[]),
            (&[("transfer-encoding", "identity")], &[]),
        ];
        for (fields, expected) in ok {
            let expected: Vec<String> = expected.iter().map(ToString::to_string).collect();
            assert_eq!(settled(&Method::GET, 200, fields), Ok(expected), "{fields:?}");
        }
    }

    #[test]
    fn what_is_in_doubt_is_refused() {
        for odd in
            ["3, 4", "", "3,", ",3", "+3", "-3", "3 3", "0x3", "3;3", "18446744073709551616, 18446744073709551616"]
        {
            assert_eq!(settled(&Method::GET, 200, &[("content-length", odd)]), Err(Ambiguous::Length), "{odd}");
            assert_eq!(settled(&Method::HEAD, 200, &[("content-length", odd)]), Err(Ambiguous::Length), "{odd}");
            assert_eq!(settled(&Method::GET, 204, &[("content-length", odd)]), Ok(Vec::new()), "{odd}");
        }
        let codings = [
            "",
            "gzip",
            "gzip, chunked",
            "chunked, gzip",
            "chunked, chunked",
            "chunked,",
            "x",
            "\"chunked\"",
            "chunked;a=b",
        ];
        for odd in codings {
            assert_eq!(settled(&Method::GET, 200, &[("transfer-encoding", odd)]), Err(Ambiguous::Coding), "{odd}");
            assert_eq!(settled(&Method::HEAD, 200, &[("transfer-encoding", odd)]), Ok(Vec::new()), "{odd}");
            assert_eq!(settled(&Method::GET, 304, &[("transfer-encoding", odd)]), Ok(Vec::new()), "{odd}");
        }
        for two in [["chunked", "chunked"], ["gzip", "chunked"], ["chunked", ""]] {
            let fields = two.map(|coding| ("transfer-encoding", coding));
            assert_eq!(settled(&Method::GET, 200, &fields), Err(Ambiguous::Coding), "{two:?}");
        }
        let identity = [("transfer-encoding", "identity"), ("content-length", "3")];
        assert_eq!(settled(&Method::GET, 200, &identity), Err(Ambiguous::Coding));
    }

    #[test]
    fn a_head_that_frames_twice_ends_its_connection() {
        let table: [(Fields, u16, bool); 7] = [
            (&[("content-length", "3")], 200, false),
            (&[("transfer-encoding", "chunked")], 200, false),
            (&[("transfer-encoding", "chunked"), ("content-length", "3")], 200, true),
            (&[("content-length", "0")], 204, false),
            (&[("content-length", "3")], 204, true),
            (&[("transfer-encoding", "chunked")], 204, true),
            (&[("content-length", "3")], 304, false),
        ];
        for (fields, status, expected) in table {
            let mut headers = HeaderMap::new();
            for (name, value) in fields {
                headers.append(*name, HeaderValue::from_static(value));
            }
            let status = StatusCode::from_u16(status).expect("a status");
            assert_eq!(is_doubly_framed(&headers, status), expected, "{fields:?} {status}");
        }
    }
}
