//! An origin with a strict RFC 9112 parser, which keeps every byte.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::origin::Upstream;
use super::raw_origin::{RawOrigin, RawStream};
use super::record::Records;

/// One request, as sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The method.
    pub method: String,
    /// The request target.
    pub target: String,
    /// Names in lower case, and values.
    pub fields: Vec<(String, Vec<u8>)>,
    /// The body, without its chunks.
    pub body: Vec<u8>,
}

impl Message {
    /// All values of a field; `name` in lower case.
    pub fn all(&self, name: &str) -> Vec<&[u8]> {
        self.fields.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_slice()).collect()
    }
}

/// The kind of the first bytes of a connection.
#[derive(Debug)]
pub enum Reading {
    /// A request of this length.
    Whole(Message, usize),
    /// The beginning of a request.
    Partial,
    /// Other bytes.
    Bad(String),
}

/// An HTTP/1.1 origin over TLS that answers 200 to a valid request and closes the connection on all other bytes.
pub struct StrictOrigin(RawOrigin);

impl StrictOrigin {
    /// Starts an origin with a certificate for `names`.
    pub fn start(names: &[&str]) -> Self {
        Self(RawOrigin::start(names, &["http/1.1"], serve))
    }

    /// The received bytes.
    pub fn records(&self) -> &Records {
        self.0.records()
    }

    /// Every whole request so far; panics if other bytes were received than requests and the beginning of one.
    pub fn messages(&self) -> Vec<Message> {
        let mut messages = Vec::new();
        for bytes in self.records().received() {
            let mut rest = bytes.as_slice();
            while !rest.is_empty() {
                match read(rest) {
                    Reading::Whole(message, length) => {
                        messages.push(message);
                        rest = &rest[length..];
                    }
                    Reading::Partial => break,
                    Reading::Bad(why) => panic!("{why}: {:?}", rest.escape_ascii().to_string()),
                }
            }
        }
        messages
    }
}

impl Upstream for StrictOrigin {
    fn address(&self) -> SocketAddr {
        self.0.address()
    }

    fn ca_pem(&self) -> Option<&str> {
        self.0.ca_pem()
    }
}

async fn serve(mut stream: RawStream) {
    let mut bytes = Vec::new();
    while let Ok(1..) = stream.read_buf(&mut bytes).await {
        while let Reading::Whole(_, length) = read(&bytes) {
            bytes.drain(..length);
            let answer = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
            if answer.and(stream.flush().await).is_err() {
                return;
            }
        }
        if matches!(read(&bytes), Reading::Bad(_)) {
            return;
        }
    }
}

/// Reads one request.
pub fn read(bytes: &[u8]) -> Reading {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return Reading::Partial };
    let body = &bytes[end + 4..];
    let framed = head(&bytes[..end]).and_then(|message| Ok((framed(&message, body)?, message)));
    match framed {
        Ok((Some((body, length)), message)) => Reading::Whole(Message { body, ..message }, end + 4 + length),
        Ok((None, _)) => Reading::Partial,
        Err(why) => Reading::Bad(why),
    }
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

fn head(bytes: &[u8]) -> Result<Message, String> {
    // Latin-1, so that every byte is a character.
    let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
    let mut lines = text.split("\r\n");
    let line: Vec<&str> = lines.next().unwrap_or_default().split(' ').collect();
    let [method, target, "HTTP/1.1"] = line[..] else { return Err(format!("a request line {line:?}")) };
    if !is_token(method) || !target.starts_with('/') || !target.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(format!("a request line {line:?}"));
    }
    let fields = lines.map(field).collect::<Result<_, _>>()?;
    let message = Message { method: method.to_owned(), target: target.to_owned(), fields, body: Vec::new() };
    if message.all("host").len() == 1 { Ok(message) } else { Err("not one Host".to_owned()) }
}

fn field(line: &str) -> Result<(String, Vec<u8>), String> {
    let (name, value) = line.split_once(':').ok_or_else(|| format!("a field {line:?}"))?;
    let value: Vec<u8> = value.strip_prefix(' ').unwrap_or(value).chars().map(|it| it as u8).collect();
    let controls = value.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t');
    if !is_token(name) || controls || value.trim_ascii() != value {
        return Err(format!("a field {line:?}"));
    }
    Ok((name.to_ascii_lowercase(), value))
}

/// The body and its length on the wire; none if the body is not complete.
fn framed(message: &Message, bytes: &[u8]) -> Result<Option<(Vec<u8>, usize)>, String> {
    match (&message.all("content-length")[..], &message.all("transfer-encoding")[..]) {
        ([], []) => Ok(Some((Vec::new(), 0))),
        ([], [b"chunked"]) => chunks(bytes),
        ([length], []) if length.iter().all(u8::is_ascii_digit) => {
            let length = std::str::from_utf8(length).ok().and_then(|text| text.parse().ok()).ok_or("a length")?;
            Ok(bytes.get(..length).map(|body| (body.to_vec(), length)))
        }
        framing => Err(format!("a framing {framing:?}")),
    }
}

fn chunks(bytes: &[u8]) -> Result<Option<(Vec<u8>, usize)>, String> {
    let (mut body, mut at) = (Vec::new(), 0);
    loop {
        let rest = &bytes[at..];
        let Some(end) = rest.windows(2).position(|window| window == b"\r\n") else { return Ok(None) };
        let line = String::from_utf8_lossy(&rest[..end]);
        let plain = line.bytes().all(|byte| byte.is_ascii_hexdigit());
        let size = usize::from_str_radix(&line, 16).ok().filter(|_| plain).ok_or(format!("a chunk {line:?}"))?;
        let Some(data) = rest.get(end + 2..end + 4 + size) else { return Ok(None) };
        if !data.ends_with(b"\r\n") {
            return Err("a chunk without its end, or trailers".to_owned());
        }
        body.extend_from_slice(&data[..size]);
        at += end + 4 + size;
        if size == 0 {
            return Ok(Some((body, at)));
        }
    }
}
