//! The answer to CONNECT, and the host in its authority.

use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Version};
use tokio::io::AsyncReadExt as _;

use super::answer::{Answer, ClientError};
use super::wire::Wire;

/// The host of an authority: the text before the last colon, if digits follow the colon.
pub(super) fn host_of(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

/// Reads the answer to CONNECT; any status but 200 is an error, with its body.
pub(super) async fn connected(wire: &mut Wire) -> Result<(), ClientError> {
    let started = Instant::now();
    let head = wire.read_head().await?;
    let (status, headers) = parse_head(&head)?;
    if status == 200 {
        return Ok(());
    }
    let length = headers.get("content-length").and_then(|text| text.to_str().ok()?.parse().ok());
    let mut body = Vec::new();
    match length {
        Some(length) => wire.take(length).read_to_end(&mut body).await?,
        None => wire.read_to_end(&mut body).await?,
    };
    Err(ClientError::ConnectRefused(Box::new(Answer {
        status,
        headers,
        body: Bytes::from(body),
        trailers: None,
        version: Version::HTTP_11,
        elapsed: started.elapsed(),
    })))
}

/// The status and fields of a response head.
pub fn parse_head(head: &str) -> Result<(u16, HeaderMap), ClientError> {
    let malformed = || ClientError::Malformed(format!("not a response head: {head:?}"));
    let mut lines = head.trim_end().split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let fields = lines.map(|line| {
        let (name, value) = line.split_once(':')?;
        Some((name.parse::<HeaderName>().ok()?, value.trim().parse::<HeaderValue>().ok()?))
    });
    let mut headers = HeaderMap::new();
    for field in fields {
        let (name, value) = field.ok_or_else(malformed)?;
        headers.append(name, value);
    }
    Ok((status.ok_or_else(malformed)?, headers))
}
